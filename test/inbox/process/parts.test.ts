import pg from 'pg'
import { expect } from 'vitest'
import { inTransaction } from '../../../src/db/transaction.ts'
import { claimFresh, PARTS, takePart } from '../../../src/inbox/process/claim.ts'
import { test } from '../../database.ts'
import { deliver, event, seedOutreach, startSendgrid } from '../../providers/sendgrid/deliveries.ts'

const EVENTS = 400
const SUBJECTS = 80
const now = new Date()
const fill = (pool: pg.Pool) =>
  pool.query(
    `insert into webhook_events (provider, event_id, subject, received_at, next_attempt_at)
     select 'sendgrid', n::text, case when n % 10 > 0 then 'outreach:' || n % ${SUBJECTS} end, $1, $1
     from generate_series(1, ${EVENTS}) n`,
    [now],
  )

test('the parts hold every event once, all of a subject together, and each a fair share', async ({
  pool,
}) => {
  await fill(pool)
  const claimed: { id: string; part: number }[] = []
  for (let part = 0; part < PARTS; part++) {
    const claims = await inTransaction(pool, (_tx, client) =>
      claimFresh(client, 'sendgrid', now, EVENTS, part),
    )
    claimed.push(...claims.map(({ event }) => ({ id: event.id, part })))
    expect(claims.length).toBeGreaterThan(EVENTS / PARTS / 3)
  }
  expect(new Set(claimed.map(({ id }) => id)).size).toBe(EVENTS)
  expect(claimed).toHaveLength(EVENTS)
  const { rows } = await pool.query<{ id: string; subject: string }>(
    'select id, subject from webhook_events where subject is not null',
  )
  const subjectOf = new Map(rows.map(({ id, subject }) => [id, subject]))
  const partOf = new Map<string, number>()
  for (const { id, part } of claimed) {
    const subject = subjectOf.get(id)
    if (subject === undefined) continue
    expect(partOf.get(subject) ?? part).toBe(part)
    partOf.set(subject, part)
  }
})

test('a part is one batch’s until its transaction ends; each provider has its own', async ({ pool }) => {
  const clients = await Promise.all(Array.from({ length: PARTS + 1 }, () => pool.connect()))
  const [first, last] = [clients[0], clients[PARTS]]
  if (first === undefined || last === undefined) throw new Error('no connections')
  try {
    for (const client of clients) await client.query('begin')
    const taken: (number | undefined)[] = []
    for (const client of clients) taken.push(await takePart(client, 'sendgrid', 2))
    expect(taken).toEqual([2, 3, 0, 1, undefined])
    expect(await takePart(last, 'stripe', 2)).toBe(2)
    await first.query('rollback')
    expect(await takePart(last, 'sendgrid', 0)).toBe(2)
  } finally {
    for (const client of clients) client.release(true)
  }
})

test('a backlog is applied although every part is held elsewhere', async () => {
  const service = await startSendgrid()
  const holder = new pg.Client({ connectionString: service.databaseUrl })
  await holder.connect()
  try {
    await holder.query(
      `select pg_advisory_lock(hashtext('webhook_events sendgrid'), part) from generate_series(0, ${PARTS - 1}) part`,
    )
    await seedOutreach(service, 1)
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => deliver(service, ...Array.from({ length: 500 }, () => event('click')))),
    )
    expect(answers.map((answer) => answer.status)).toEqual(Array(4).fill(200))
    await service.settled()
    expect(await service.rows('select link_clicks from outreach')).toEqual([{ link_clicks: 2_000 }])
  } finally {
    await holder.end()
    await service.stop()
  }
})
