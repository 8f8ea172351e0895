import { afterAll, beforeAll, expect, test } from 'vitest'
import { webhooks } from '../cli/run.ts'
import { startWithConsole, submit, visit } from '../console/console.ts'
import { asService } from '../database.ts'
import { deliver, event, seedOutreach } from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service } from '../service.ts'

// A handler bug left 500 dead events of two causes. One cause is fixed, and only its events are to be replayed.

const OF_EACH = 250
let service: Service
beforeAll(async () => {
  service = await startWithConsole()
  for (const id of [1, 2]) await seedOutreach(service, id)
  // Two causes, as another service's tables may give them. Each error has an id of its own.
  await service.rows(`create function fail() returns trigger language plpgsql as $$
    begin
      raise exception '%', case new.id when 1 then 'the plan ' || new.link_clicks + txid_current() || ' is gone'
                                       else 'lock "' || txid_current() || '" is held by another' end;
    end $$`)
  await service.rows('create trigger fail before update on outreach for each row execute function fail()')
  for (let n = 0; n < OF_EACH; n += 50) {
    await deliver(
      service,
      ...Array.from({ length: 50 }, () => event('click', { outreach_id: 1 })),
      ...Array.from({ length: 50 }, () => event('click', { outreach_id: 2 })),
    )
  }
  await service.settled()
  // Their last attempt, so that the drill need not wait a day.
  await service.rows(`update webhook_events set attempts = 7 where status = 'pending'`)
  await eventually(
    async () => {
      service.advance(86_400_000)
      await service.settled()
      const [row] = await service.rows(`select count(*)::int as n from webhook_events where status = 'dead'`)
      return row?.n === 2 * OF_EACH || undefined
    },
    'all are dead',
    200,
  )
}, 300_000)
afterAll(() => service.stop())

const page = async (path: string) => (await visit(service, path)).text()
const dead = async () =>
  await service.rows(
    `select subject, count(*)::int as n from webhook_events where status = 'dead' group by 1 order by 1`,
  )

test('the overview has one row for each cause, and its link lists exactly that cause', async () => {
  const overview = await page('/console')
  const links = [...overview.matchAll(/href="(\/console\/events\?status=dead&amp;error=[^"]+)"/g)].map(
    ([, href]) => String(href).replaceAll('&amp;', '&'),
  )
  expect(links).toHaveLength(2)
  for (const link of links) {
    const list = await page(link)
    expect(list).toContain(`<strong>${OF_EACH}</strong> events`)
    expect(list.includes('outreach 1') && list.includes('outreach 2')).toBe(false)
  }
})

test('a replay of one cause, in the console, touches no event of the other', async () => {
  await service.rows(`create or replace function fail() returns trigger language plpgsql as $$
    begin
      if new.id = 2 then raise exception 'lock "%" is held by another', txid_current(); end if;
      return new;
    end $$`)
  const error = 'the plan # is gone'
  const confirm = await page(`/console/replay?${new URLSearchParams({ status: 'dead', error })}`)
  expect(confirm).toContain(`Replay ${OF_EACH} events?`)
  const answer = await submit(service, '/console/replay', {
    status: 'dead',
    error,
    reason: 'the plan is back',
  })
  expect(await answer.text()).toContain(`${OF_EACH} events replayed`)
  await eventually(
    async () => {
      service.advance(1_000)
      await service.settled()
      const [row] = await service.rows('select link_clicks from outreach where id = 1')
      return row?.link_clicks === OF_EACH || undefined
    },
    'they are applied',
    100,
  )
  expect(await dead()).toEqual([{ subject: 'outreach:2', n: OF_EACH }])
}, 300_000)

test('the command line names the other cause, and replays it with the name that it printed', async () => {
  const env = { DATABASE_URL: asService(service.databaseUrl) }
  const listed = await webhooks(['dead', 'list', '--by-error', '--json'], env)
  const { groups } = JSON.parse(listed.stdout)
  expect(groups).toMatchObject([{ count: OF_EACH, types: ['click'], providers: ['sendgrid'] }])
  await service.rows('drop trigger fail on outreach')
  const other = await webhooks(
    ['dead', 'replay', '--error', 'the plan # is gone', '--reason', 'x', '--yes'],
    env,
  )
  expect(other.code).toBe(3)
  const replayed = await webhooks(
    ['dead', 'replay', '--error', groups[0].error, '--reason', 'the lock is gone', '--yes', '--json'],
    env,
  )
  expect(JSON.parse(replayed.stdout)).toMatchObject({ replayed: OF_EACH, left: 0 })
}, 300_000)
