import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createService, type ServiceProcess } from '../../harness/service.ts'
import { tracesAreWanted } from '../../src/plugins/traces.ts'
import { asService, cloneDatabase } from '../database.ts'
import { bodyOf, event, sendgridEnv, signed } from '../providers/sendgrid/deliveries.ts'
import { freshRedis } from '../redis.ts'
import { eventually } from '../service.ts'

/** A span as OTLP has it in JSON. */
interface OtlpSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  attributes: { key: string; value: Record<string, unknown> }[]
  links?: { traceId: string; spanId: string }[]
  events?: { name: string }[]
  status?: { code?: number; message?: string }
}

const SERVER = 2
const CONSUMER = 5
const ERROR = 2

const spans: OtlpSpan[] = []
const names = new Set<string>()
/** A collector that speaks OTLP. */
const collector = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8').on('data', (chunk) => {
    body += chunk
  })
  request.on('end', () => {
    for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans ?? []) {
      const of = resource.attributes.find(({ key }: { key: string }) => key === 'service.name')
      names.add(of.value.stringValue)
      for (const { spans: some } of scopeSpans) spans.push(...some)
    }
    response.setHeader('content-type', 'application/json').end('{}')
  })
})

let database: Awaited<ReturnType<typeof cloneDatabase>>
let db: pg.Client
let service: ServiceProcess
beforeAll(async () => {
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  database = await cloneDatabase()
  db = new pg.Client({ connectionString: database.url })
  await db.connect()
  await db.query(`
    insert into contacts (id, email) values (1, 'c1@acme.test');
    insert into mailboxes (id, email) values (1, 'box1@rf-send-01.com');
    insert into outreach (id, contact_id, status, from_mailbox) values (1, 1, 'sent', 'box1@rf-send-01.com')`)
  service = await createService({
    ...sendgridEnv,
    DATABASE_URL: asService(database.url),
    REDIS_URL: await freshRedis(),
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '100',
  })
  service.start()
  await service.ready()
})
afterAll(async () => {
  await service.end('SIGKILL')
  await db.end()
  await database.drop()
  collector.close()
})

/** Posts a delivery as part of a new trace. @returns its id and that of the sender's span */
const deliver = async (...events: unknown[]) => {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')]
  const { headers, body } = signed(bodyOf(events))
  const answer = await fetch(`${service.url}/webhooks/sendgrid`, {
    method: 'POST',
    headers: { ...headers, traceparent: `00-${traceId}-${spanId}-01` },
    body: new Uint8Array(body),
  })
  expect(answer.status).toBe(200)
  return { traceId, spanId }
}
const serverSpanOf = (traceId: string) =>
  eventually(
    () => spans.find((span) => span.traceId === traceId && span.kind === SERVER),
    'the request is traced',
  )
const linkedTo = (traceId: string) =>
  spans.filter(({ links = [] }) => links.some((link) => link.traceId === traceId))

test('a delivery that is processed alone is the parent of its processing, and a part of its sender’s trace', async () => {
  const { traceId, spanId } = await deliver(event('click'), event('open'))
  const request = await serverSpanOf(traceId)
  expect(request.parentSpanId).toBe(spanId)
  const processing = await eventually(
    () => spans.find((span) => span.traceId === traceId && span.kind === CONSUMER),
    'processing is traced',
  )
  expect(processing).toMatchObject({ name: 'process sendgrid' })
  expect(processing.links ?? []).toEqual([])
  const values = Object.fromEntries(processing.attributes.map(({ key, value }) => [key, value]))
  expect(values).toMatchObject({
    'webhook.provider': { stringValue: 'sendgrid' },
    'webhook.events': { intValue: 2 },
    'webhook.event_types': { arrayValue: { values: [{ stringValue: 'click' }, { stringValue: 'open' }] } },
  })
  // What is kept is the span of the request, so that the whole path is one trace.
  expect(processing.parentSpanId).not.toBe(spanId)
  expect(names).toEqual(new Set(['roleferry-webhooks']))
})

test('what fails is a span with the error, and a retry one of its own: both link to the delivery', async () => {
  await db.query(`
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'the row is closed'; end $$;
    create trigger refuse before update on outreach for each row execute function refuse()`)
  const { traceId } = await deliver(event('click'))
  const failed = await eventually(() => linkedTo(traceId)[0], 'the failure is traced')
  expect(failed).toMatchObject({
    status: { code: ERROR, message: expect.stringContaining('the row is closed') },
  })
  expect(failed.events?.map(({ name }) => name)).toEqual(['exception'])
  expect(failed.traceId).not.toBe(traceId)

  await db.query('drop function refuse cascade')
  await db.query(`update webhook_events set next_attempt_at = now() where status = 'pending'`)
  const retried = await eventually(() => linkedTo(traceId)[1], 'the retry is traced')
  expect(retried.status?.code ?? 0).toBe(0)
  expect(retried.traceId).not.toBe(failed.traceId)
})

test('what ends its connection every time is a span with the error, too', async () => {
  await db.query(`
    create function hang_up() returns trigger language plpgsql as $$
    begin raise exception 'the line is cut' using errcode = '57P01'; end $$;
    create trigger hang_up before update on outreach for each row execute function hang_up()`)
  const { traceId } = await deliver(event('click'))
  const failed = await eventually(() => linkedTo(traceId)[0], 'the failure is traced')
  expect(failed.status).toEqual({ code: ERROR, message: 'the line is cut' })
  await db.query('drop function hang_up cascade')
})

test('a batch of several deliveries links to each', async () => {
  await db.query(`insert into webhook_pauses (provider, event_type, paused_at, operator, reason)
                  values ('sendgrid', '', now(), 'test', 'so that they go together')`)
  const [one, other] = [await deliver(event('click')), await deliver(event('click'))]
  await db.query('update webhook_pauses set resumed_at = now()')
  const batch = await eventually(() => linkedTo(one.traceId)[0], 'the batch is traced', 40)
  expect(linkedTo(other.traceId)).toEqual([batch])
})

describe('traces are switched on', () => {
  test.each([
    [{}, false],
    [{ OTEL_SERVICE_NAME: 'x' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }, true],
    [{ OTEL_TRACES_EXPORTER: 'console' }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_SDK_DISABLED: 'true' }, false],
  ])('with %j: %s', (env, wanted) => {
    expect(tracesAreWanted(env)).toBe(wanted)
  })
})
