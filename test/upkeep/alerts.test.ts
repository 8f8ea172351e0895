import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { pauseProcessing, resumeProcessing } from '../../src/operations/pauses.ts'
import { alerts } from '../../src/upkeep/alerts.ts'
import { mailboxGuard } from '../../src/upkeep/mailbox-guard.ts'
import { cloneDatabase } from '../database.ts'
import { post } from '../provider-contract.ts'
import {
  bodyOf,
  deliverAndSettle,
  event,
  seedOutreach,
  signed,
  startSendgrid,
} from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service } from '../service.ts'
import { runTask } from './run.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** Slack: what is posted, and what became of it by edits. */
interface Message {
  ts: string
  channel: string
  text: string
  edits: number
}
let messages: Message[]
let editing: 'allowed' | 'refused' | 'broken'
let slack: Server
let env: Record<string, string>
let service: Service
let database: Awaited<ReturnType<typeof cloneDatabase>>
beforeEach(async () => {
  messages = []
  editing = 'allowed'
  const answerTo = async (request: IncomingMessage, response: ServerResponse) => {
    const form = new URLSearchParams(await text(request))
    const answer = (body: unknown, status = 200) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (request.url === '/api/chat.postMessage') {
      const message = {
        ts: `${messages.length + 1}.0`,
        channel: 'C1',
        text: String(form.get('text')),
        edits: 0,
      }
      messages.push(message)
      return answer({ ok: true, ...message })
    }
    if (editing === 'broken') return answer({}, 503)
    if (editing === 'refused') return answer({ ok: false, error: 'edit_window_closed' })
    const message = messages.find(
      ({ ts, channel }) => ts === form.get('ts') && channel === form.get('channel'),
    )
    if (message === undefined) return answer({ ok: false, error: 'message_not_found' })
    message.text = String(form.get('text'))
    message.edits++
    return answer({ ok: true })
  }
  slack = createServer((request, response) => void answerTo(request, response)).listen(0, '127.0.0.1')
  await once(slack, 'listening')
  env = {
    SLACK_BOT_TOKEN: 'xoxb-test',
    SLACK_API_URL: `http://127.0.0.1:${(slack.address() as AddressInfo).port}/api/`,
  }
  database = await cloneDatabase()
  const owner = new pg.Client({ connectionString: database.url })
  await owner.connect()
  // Only the tests run the task.
  await owner.query(`delete from pgboss.schedule where name = 'upkeep-alerts'`)
  await owner.end()
  service = await startSendgrid({ ...env, DATABASE_URL: database.url })
  await seedOutreach(service, 1)
})
afterEach(async () => {
  await service.stop()
  await database.drop()
  slack.close()
})

const look = () => runTask(alerts, service, env)
const texts = () => messages.map((message) => message.text)
const insert = (status: string, fields: Record<string, unknown> = {}) =>
  service.rows(
    `insert into webhook_events (provider, event_id, event_type, status, last_error, received_at, next_attempt_at, processed_at)
     values ($6, $1, 'invoice.paid', $2, $3, $4, $5, $4)`,
    crypto.randomUUID(),
    status,
    fields.error ?? null,
    fields.receivedAt ?? service.now(),
    fields.dueAt ?? null,
    fields.provider ?? 'stripe',
  )

test('a backlog older than five minutes is one message, which follows it and says when it is over', async () => {
  const dueAt = new Date(service.now().getTime() - 6 * MINUTE)
  // Nobody processes it, so it stays due.
  await insert('pending', { dueAt, provider: 'unknown' })
  await look()
  await look()
  expect(texts()).toEqual([
    expect.stringMatching(
      /unknown: the oldest due event has been waiting for 6 min, 1 are due\. Runbook: \S+backlog-age\.md$/,
    ),
  ])
  service.advance(10 * MINUTE)
  await look()
  expect(texts()).toEqual([expect.stringContaining('waiting for 16 min')])
  await service.rows('delete from webhook_events')
  await look()
  expect(texts()).toEqual([
    expect.stringMatching(/^✅ Over at \d\d:\d\d UTC\. It was: .*unknown: the oldest due/),
  ])
  await insert('pending', { dueAt, provider: 'unknown' })
  await look()
  expect(messages).toHaveLength(2) // another time, another message
})

test('dead events are one message for each type, with how many, until they are replayed or discarded', async () => {
  for (const error of ['no price 1', 'no price 22', 'lock']) await insert('dead', { error })
  await look()
  await insert('dead', { error: 'no price 3' })
  await look()
  expect(texts()).toEqual([
    expect.stringMatching(
      /stripe: events of the type invoice\.paid .*most of them with: no price #\. Runbook: \S+dead-events\.md \(4 times since /,
    ),
  ])
  await service.rows(`update webhook_events set status = 'skipped'`)
  await look()
  expect(texts()).toEqual([expect.stringContaining('✅ Over')])
})

test('a provider that was accepted in the last 7 days and is silent for six hours alerts, and others do not', async () => {
  await deliverAndSettle(service, event('click'))
  service.advance(5.9 * HOUR)
  await look()
  expect(texts()).toEqual([])
  service.advance(0.2 * HOUR)
  await look()
  expect(texts()).toEqual([
    expect.stringMatching(/sendgrid: nothing was accepted for 6 hours\. Runbook: \S+silent-provider\.md/),
  ])
  service.advance(8 * 24 * HOUR)
  await look()
  expect(texts()).toEqual([expect.stringMatching(/^🔇 sendgrid: nothing was accepted for more than 7 days/)])
  await deliverAndSettle(service, event('click'))
  await look()
  expect(texts()).toEqual([expect.stringContaining('✅ Over')])
})

test('over 20 refusals in ten minutes alert when the provider was accepted before, until there are none', async () => {
  const refuse = async (count: number) => {
    for (let n = 0; n < count; n++) {
      await post(service, '/webhooks/sendgrid', signed(bodyOf([event('click')]), { key: 'wrong' }))
    }
    await eventually(async () => {
      const [row] = await service.rows(
        `select sum(count)::int as n from minute_counts where outcome = 'refused'`,
      )
      return Number(row?.n) >= count || undefined
    }, 'they are counted')
  }
  await refuse(21)
  await look()
  expect(texts()).toEqual([]) // it was never accepted
  await deliverAndSettle(service, event('click'))
  await look()
  await look()
  expect(texts()).toEqual([
    expect.stringMatching(
      /sendgrid: deliveries are refused \(signature invalid\), though others were accepted before\. Runbook: \S+signature-refusals\.md \(21 times/,
    ),
  ])
  service.advance(12 * MINUTE)
  await look()
  expect(texts()).toEqual([expect.stringMatching(/^✅ Over at .* \(21 times/)])
})

test('each new event type is a message of its own, which counts its repeats and says when it is over', async () => {
  await deliverAndSettle(service, event('invented'), event('devised'))
  await eventually(() => messages.length === 2 || undefined, 'both are alerted')
  await deliverAndSettle(service, event('invented'), event('invented'))
  await look()
  await look()
  const invented = () => messages.filter((message) => message.text.includes('invented'))
  expect(invented()).toEqual([
    expect.objectContaining({ edits: 1, text: expect.stringMatching(/misunderstood\.md \(3 times since/) }),
  ])
  expect(messages.filter((message) => message.text.includes('devised'))).toEqual([
    expect.objectContaining({ edits: 0 }),
  ])
  service.advance(25 * HOUR)
  await look()
  expect(invented()[0]?.text).toMatch(/^✅ Over/)
  await deliverAndSettle(service, event('invented'))
  await look()
  expect(invented()).toHaveLength(1) // the same cause, the same message
  expect(invented()[0]?.text).toMatch(/^❓ .*\(4 times since/)
})

test('a paused mailbox is one message, which says when it is resumed', async () => {
  await service.rows(`insert into outreach (id, from_mailbox, status, sent_at)
                      select n, 'box1@rf-send-01.com', 'sent', now() from generate_series(101, 200) n`)
  await service.rows(
    `insert into mailbox_incidents (mailbox_id, kind, arrived_at) select 1, 'bounce', now() from generate_series(1, 9)`,
  )
  await service.rows('update mailboxes set bounce_count_7d = 9')
  await runTask(mailboxGuard, service, env)
  await eventually(() => messages[0], 'it is alerted')
  await look()
  expect(texts()).toEqual([expect.stringContaining('is paused')])
  await service.rows('update mailboxes set paused_at = null, resumed_at = now()')
  await look()
  expect(texts()).toEqual([expect.stringMatching(/^✅ Over at .*is paused/)])
})

test('when Slack refuses to edit, a line an hour says how it stands, and one that it is over', async () => {
  await insert('dead', { error: 'lock' })
  await look()
  editing = 'refused'
  for (let minutes = 0; minutes < 59; minutes += 10) {
    await insert('dead', { error: 'lock' })
    service.advance(9 * MINUTE)
    await look()
  }
  expect(messages).toHaveLength(1)
  service.advance(10 * MINUTE)
  await look()
  expect(texts()[1]).toContain('(7 times since')
  await insert('dead', { error: 'lock' })
  await look()
  expect(messages).toHaveLength(2)
  await service.rows(`update webhook_events set status = 'skipped'`)
  await look()
  await look()
  expect(messages).toHaveLength(3)
  expect(texts()[2]).toContain('✅ Over')
})

test('when Slack is away, messages are posted once it is back', async () => {
  await insert('dead', { error: 'lock' })
  await look()
  editing = 'broken'
  await insert('dead', { error: 'lock' })
  await expect(look()).rejects.toThrow()
  editing = 'allowed'
  await look()
  expect(messages).toEqual([expect.objectContaining({ edits: 1, text: expect.stringContaining('(2 times') })])
})

test('without Slack, what begins and what ends are lines of the log', async () => {
  await insert('dead', { error: 'lock' })
  const quiet = () => runTask(alerts, service)
  expect(await quiet()).toEqual([
    { cause: 'dead:stripe:invoice.paid', began: expect.stringContaining('stripe') },
  ])
  expect(await quiet()).toEqual([])
  await service.rows(`update webhook_events set status = 'skipped'`)
  expect(await quiet()).toEqual([{ cause: 'dead:stripe:invoice.paid', ended: expect.any(String) }])
})

test('a pause that lasts for a day is one message, until it is resumed', async () => {
  const by = { operator: 'kim', via: 'console', reason: 'a bug' } as const
  await pauseProcessing(service.db, { provider: 'stripe', type: 'invoice.paid' }, by, service.now())
  service.advance(23 * HOUR)
  await look()
  expect(texts()).toEqual([])
  service.advance(2 * HOUR)
  await look()
  expect(texts()).toEqual([
    expect.stringMatching(
      /stripe invoice\.paid: processing has been paused for a day by kim \(a bug\)\. Runbook: \S+handler-bug\.md/,
    ),
  ])
  await resumeProcessing(service.db, { provider: 'stripe', type: 'invoice.paid' }, by, service.now())
  await look()
  expect(texts()).toEqual([expect.stringContaining('✅ Over')])
})
