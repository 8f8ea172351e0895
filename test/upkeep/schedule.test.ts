import { PgBoss } from 'pg-boss'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEAD_LETTERS } from '../../src/notifications/queue-names.ts'
import { dailySummary } from '../../src/upkeep/daily-summary.ts'
import { queueOf, scheduleUpkeep, tasks } from '../../src/upkeep/schedule.ts'
import {
  deliverAndSettle,
  event,
  seedOutreach,
  sendgridEnv,
  startSendgrid,
} from '../providers/sendgrid/deliveries.ts'
import { eventually, type Service, startService } from '../service.ts'
import { runTask } from './run.ts'

let service: Service
beforeAll(async () => {
  service = await startSendgrid()
  await seedOutreach(service, 1)
  await service.app.jobs.started
})
afterAll(() => service.stop())

test('the queue starts at its first attempt: after a failed one its schedules would never run', () => {
  expect(service.logs.filter(({ msg }) => msg.startsWith('notification queue'))).toEqual([])
})

test('every task has its schedule, in minutes, and one that is gone loses it', async () => {
  // As db:migrate, which alone may write schedules.
  const boss = new PgBoss({ connectionString: service.databaseUrl, supervise: false, schedule: false })
  await boss.start()
  await boss.createQueue('upkeep-gone')
  await boss.schedule('upkeep-gone', '0 0 * * *')
  await scheduleUpkeep(boss)
  const schedules = await boss.getSchedules()
  expect(schedules.map(({ name, cron }) => [name, cron]).sort()).toEqual(
    tasks.map((task) => [queueOf(task), task.cron]).sort(),
  )
  await boss.stop({ graceful: false, close: true })
  for (const { cron } of tasks) expect(cron.split(' ')).toHaveLength(5)
})

test('a task that is due is done once, by one of two replicas, and says so in the log', async () => {
  const other = await startService({
    env: { ...sendgridEnv, DATABASE_URL: service.databaseUrl, REDIS_URL: service.redisUrl },
  })
  try {
    await other.app.jobs.started
    await deliverAndSettle(service, event('bounce'))
    await service.rows('update mailboxes set bounce_count_7d = 9')
    const queue = queueOf(tasks.find((task) => task.name === 'mailbox-counts') ?? dailySummary)
    const boss = new PgBoss({ connectionString: service.databaseUrl, supervise: false, schedule: false })
    await boss.start()
    const sent = await Promise.all(Array.from({ length: 5 }, () => boss.send(queue)))
    await boss.stop()
    // One, or another that came when the first was done already.
    expect(sent.filter((id) => id !== null).length).toBeLessThan(5)
    const lines = () => [...service.logs, ...other.logs].filter(({ msg }) => msg === 'mailboxes recounted')
    await eventually(() => lines().length > 0 || undefined, 'the task is done')
    expect(lines()).toEqual([expect.objectContaining({ task: 'mailbox-counts', mailboxes: 1 })])
    expect(await service.rows('select bounce_count_7d from mailboxes')).toEqual([{ bounce_count_7d: 1 }])
  } finally {
    await other.stop()
  }
})

test('the daily summary counts what arrived within a day, what is stuck and which notifications died', async () => {
  await service.rows('truncate webhook_deliveries, webhook_queue, webhook_events cascade')
  const spam = event('spamreport')
  await deliverAndSettle(
    service,
    event('click'),
    event('click'),
    event('open'),
    event('click', { outreach_id: '' }),
    spam,
  )
  await deliverAndSettle(service, event('click', { outreach_id: '77' })) // waits for its outreach
  const [row] = await service.rows('select id from webhook_events where event_id = $1', spam.sg_event_id)
  await service.app.jobs.boss.send(DEAD_LETTERS, { key: 'k', event: String(row?.id), data: {} })
  await service.rows(
    `insert into webhook_events (provider, event_id, status, received_at) values
       ('stripe', 'evt_1', 'dead', now() - interval '1 hour'), ('stripe', 'evt_2', 'dead', now() - interval '2 days')`,
  )
  service.advance(60_000)
  const reports = await runTask(dailySummary, service)
  const of = (name: string) => reports.find(({ provider }) => provider === name)
  expect(of('sendgrid')).toEqual({
    provider: 'sendgrid',
    accepted: 6,
    processed: 3,
    ignored: 1,
    skipped: 1,
    dead: 0,
    pending: 1,
    oldestPendingSeconds: expect.any(Number),
    notificationsDead: 1,
  })
  expect(of('sendgrid')?.oldestPendingSeconds).toBeGreaterThanOrEqual(60)
  expect(of('stripe')).toMatchObject({ accepted: 1, dead: 1, notificationsDead: 0 })
  expect(of('mailgun')).toMatchObject({ accepted: 0, oldestPendingSeconds: null })
})
