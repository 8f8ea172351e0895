import type pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HALVING } from '../../../src/inbox/process/apply.ts'
import { replayEvents } from '../../../src/operations/replay.ts'
import {
  deliver,
  deliverAndSettle,
  event,
  seedOutreach,
  sendgridEnv,
  startSendgrid,
} from '../../providers/sendgrid/deliveries.ts'
import { seedUser, stripeEnv } from '../../providers/stripe/deliveries.ts'
import { eventsOf } from '../../providers/stripe/events.ts'
import { eventually, type Service, startService } from '../../service.ts'
import { storeEvents } from '../../stored.ts'

let service: Service
beforeEach(async () => {
  service = await startSendgrid()
  await seedOutreach(service, 1)
})
afterEach(() => service.stop())

/** From now on this outreach's updates fail in the database, as a broken rule or a full disk would make them. */
const poison = (outreachId: number) =>
  service.rows(`
    create or replace function poison() returns trigger language plpgsql as
      $$ begin raise exception 'poisoned outreach' using errcode = 'P0001'; end $$;
    create or replace trigger poison before update on outreach for each row when (new.id = ${outreachId}) execute function poison()`)
const cure = () => service.rows('drop trigger poison on outreach')
const statuses = async () =>
  Object.fromEntries(
    (await service.rows('select status, count(*)::int as n from webhook_events group by status')).map(
      (row) => [row.status, row.n],
    ),
  )
const row = async (outreachId: number) =>
  (await service.rows('select * from webhook_events where subject = $1', `outreach:${outreachId}`))[0]
const HOUR = 3_600_000

describe('an event that fails', () => {
  beforeEach(async () => {
    for (const id of [2, 3]) await seedOutreach(service, id)
    await poison(2)
  })

  test('does not hold up the others of its batch', async () => {
    const others = Array.from({ length: 40 }, (_, n) => event('click', { outreach_id: n % 2 ? 1 : 3 }))
    await deliverAndSettle(
      service,
      ...others.slice(0, 20),
      event('click', { outreach_id: 2 }),
      ...others.slice(20),
    )
    expect(await statuses()).toEqual({ processed: 40, pending: 1 })
    expect(await service.rows('select id, link_clicks from outreach order by id')).toEqual([
      { id: '1', link_clicks: 20 },
      { id: '2', link_clicks: 0 },
      { id: '3', link_clicks: 20 },
    ])
    expect(await row(2)).toMatchObject({ attempts: 1, last_error: 'poisoned outreach', status: 'pending' })
  })

  test('is tried eight times, then dead; a redelivery gives it another life', async () => {
    const poisoned = event('click', { outreach_id: 2 })
    await deliverAndSettle(service, poisoned)
    for (let attempt = 2; attempt <= 8; attempt++) {
      expect(await row(2)).toMatchObject({ status: 'pending', attempts: attempt - 1 })
      service.advance(15 * HOUR)
      await service.settled()
    }
    expect(await row(2)).toMatchObject({
      status: 'dead',
      attempts: 8,
      processed_at: null,
      next_attempt_at: null,
    })
    expect(service.logs.filter((line) => line.msg === 'attempt failed')).toHaveLength(7)
    expect(service.logs.filter((line) => line.msg.startsWith('dead'))).toHaveLength(1)

    await cure()
    expect((await deliverAndSettle(service, poisoned)).body).toEqual({
      status: 'duplicate',
      processed_at: null,
    })
    expect(await row(2)).toMatchObject({ status: 'processed', attempts: 1 })
    expect(await service.rows('select link_clicks from outreach where id = 2')).toEqual([{ link_clicks: 1 }])
  })

  test('succeeds at a later attempt once its cause is gone', async () => {
    await deliverAndSettle(service, event('click', { outreach_id: 2 }))
    await cure()
    service.advance(13_000)
    await service.settled()
    expect(await row(2)).toMatchObject({ status: 'processed', attempts: 2 })
    expect(await service.rows('select link_clicks from outreach where id = 2')).toEqual([{ link_clicks: 1 }])
  })
})

test('a row locked by another service for long costs the event that needs it an attempt, and no other', async () => {
  await seedOutreach(service, 2)
  const locker = await service.db.connect()
  try {
    await locker.query('begin')
    await locker.query('select from outreach where id = 1 for update')
    await deliver(service, event('click'), event('click', { outreach_id: 2 }))
    await eventually(
      () => service.logs.find((line) => line.msg === 'attempt failed'),
      'the attempt is recorded',
    )
    expect(await row(1)).toMatchObject({ status: 'pending', attempts: 1 })
    expect(await row(2)).toMatchObject({ status: 'processed', attempts: 1 })
  } finally {
    await locker.query('rollback')
    locker.release()
  }
  service.advance(13_000)
  await service.settled()
  expect(await row(1)).toMatchObject({ status: 'processed', attempts: 2 })
})

/** Keeps some outreach locked, as another service does in a long transaction, while `work` runs. */
const whileLocked = async (ids: number[], work: (locker: pg.PoolClient) => Promise<void>) => {
  const locker = await service.db.connect()
  try {
    await locker.query('begin')
    await locker.query('select from outreach where id = any($1) for update', [ids])
    await work(locker)
  } finally {
    await locker.query('rollback')
    locker.release()
  }
}
const clicksOn = (from: number, to: number) =>
  Array.from({ length: 1 + to - from }, (_, n) => event('click', { outreach_id: from + n }))

test('a batch holds no row lock while it waits for its turn to be halved', async () => {
  await seedOutreach(service, 2)
  await whileLocked([1], async (locker) => {
    await locker.query(`select pg_advisory_xact_lock(${HALVING})`)
    await deliver(service, ...clicksOn(1, 2))
    await eventually(async () => {
      const waiting = await service.rows(
        `select from pg_locks where locktype = 'advisory' and not granted
           and database = (select oid from pg_database where datname = current_database())`,
      )
      return waiting.length > 0 || undefined
    }, 'the batch waits for its turn')
    // At once, unless another worker is just trying what this one left.
    await eventually(
      async () => {
        const [free] = await service.rows(
          `select (select count(*) from (select from webhook_queue for update skip locked) q) = 1
            and (select count(*) from (select from outreach where id = 2 for update skip locked) o) = 1 as both`,
        )
        return free?.both
      },
      'it holds no row meanwhile',
      10,
    )
  })
  await service.settled()
  expect(await service.rows('select id::int, link_clicks from outreach order by id')).toEqual([
    { id: 1, link_clicks: 1 },
    { id: 2, link_clicks: 1 },
  ])
})

test('a batch that takes long to halve leaves the rest for later, without an attempt', async () => {
  for (let id = 2; id <= 40; id++) await seedOutreach(service, id)
  await whileLocked(
    Array.from({ length: 30 }, (_, n) => n + 1),
    async () => {
      await deliver(service, ...clicksOn(1, 40))
      const first = await eventually(async () => {
        const found = await service.rows('select status, attempts from webhook_events')
        return found.length > 0 ? found : undefined
      }, 'the first part is committed')
      expect(first).toHaveLength(40)
      const left = first.filter(({ status, attempts }) => status === 'pending' && attempts === 0)
      expect(left.length).toBeGreaterThan(0)
      expect(left.length).toBeLessThan(40)
    },
  )
  await service.settled()
  service.advance(13_000)
  await service.settled()
  expect(
    await service.rows(`select sum(link_clicks)::int as clicks, count(*)::int as outreach from outreach`),
  ).toEqual([{ clicks: 40, outreach: 40 }])
  expect(await service.rows(`select from webhook_events where status <> 'processed'`)).toEqual([])
})

const UNCLEAN = 'a previous run did not end cleanly'

describe('after an unclean end', () => {
  test('an event that ends the process every time goes dead, and the others are applied', async () => {
    // Nine runs that began an attempt and never came back, as an abort in the handler leaves it.
    await deliverAndSettle(service, event('bounce'))
    await service.app.close()
    await service.rows('update service_runs set cleanly_stopped_at = null')
    await storeEvents(
      service.db,
      [1, 2, 3, 4, 5].map((n) => ({
        eventId: `e${n}`,
        subject: 'outreach:1',
        payload: { event: 'click', outreach_id: 1 },
        attempts: n <= 2 ? 8 : 0,
        lastError: n === 2 ? 'its own fault' : null,
      })),
    )
    const again = await startService({
      env: { ...sendgridEnv, DATABASE_URL: service.databaseUrl, REDIS_URL: service.redisUrl },
    })
    try {
      // Not `settled`: an attempt that goes alone is committed, and so not due, before it is done.
      await eventually(
        async () =>
          (await again.rows(`select from webhook_events where status = 'pending'`)).length === 0 || undefined,
        'all events have ended',
      )
      expect(again.logs.some((line) => line.msg.startsWith(UNCLEAN))).toBe(true)
      expect(
        await again.rows(
          `select event_id, status, attempts, last_error from webhook_events where event_type = 'click' order by id`,
        ),
      ).toEqual([
        { event_id: 'e1', status: 'dead', attempts: 9, last_error: 'the process ended during every attempt' },
        { event_id: 'e2', status: 'dead', attempts: 9, last_error: 'its own fault' },
        ...[3, 4, 5].map((n) => ({
          event_id: `e${n}`,
          status: 'processed',
          attempts: 1,
          last_error: null,
        })),
      ])
      expect(await again.rows('select link_clicks from outreach')).toEqual([{ link_clicks: 3 }])
    } finally {
      await again.app.close()
      await again.db.end()
    }
  })
  test('a delivery that ends the process before it has events becomes one dead event that can be replayed, and the others are applied', async () => {
    const [first, second] = [event('click'), event('click')]
    await service.rows(
      `insert into webhook_pauses (provider, reason, operator, paused_at) values ('sendgrid', 'test', 'test', now())`,
    )
    await deliver(service, first)
    await deliver(service, second)
    await service.app.close()
    // Eight runs that took it and never came back.
    await service.rows(
      'update webhook_queue set claims = 8 where delivery_id = (select min(delivery_id) from webhook_queue)',
    )
    await service.rows('update service_runs set cleanly_stopped_at = null')
    await service.rows('update webhook_pauses set resumed_at = now()')
    const again = await startService({
      env: { ...sendgridEnv, DATABASE_URL: service.databaseUrl, REDIS_URL: service.redisUrl },
    })
    try {
      await eventually(
        async () =>
          (await again.rows(`select from webhook_events where status <> 'pending'`)).length === 2 ||
          undefined,
        'both deliveries have ended',
      )
      expect(
        await again.rows('select status, attempts, last_error, event_id from webhook_events order by status'),
      ).toEqual([
        {
          status: 'dead',
          attempts: 0,
          last_error: 'the process ended during every attempt',
          event_id: expect.stringMatching(/^delivery:\d+$/),
        },
        { status: 'processed', attempts: 1, last_error: null, event_id: second.sg_event_id },
      ])
      expect(await again.rows('select count(*)::int as n from webhook_queue')).toEqual([{ n: 0 }])
      expect(await again.rows('select link_clicks from outreach')).toEqual([{ link_clicks: 1 }])

      const [dead] = await again.rows(`select id from webhook_events where status = 'dead'`)
      const by = { operator: 'test', via: 'command line', reason: 'it was the machine' } as const
      await replayEvents(again.db, [String(dead?.id)], by, again.now())
      again.advance(1)
      await again.settled()
      expect(await again.rows('select event_id, event_type, status from webhook_events order by id')).toEqual(
        [second, first].map(({ sg_event_id }) => ({
          event_id: sg_event_id,
          event_type: 'click',
          status: 'processed',
        })),
      )
      expect(await again.rows('select link_clicks from outreach')).toEqual([{ link_clicks: 2 }])
    } finally {
      await again.app.close()
      await again.db.end()
    }
  })
  test('trouble of the database is not taken for an event or a delivery that ends the process', async () => {
    await service.rows(
      `insert into webhook_pauses (provider, reason, operator, paused_at) values ('sendgrid', 'test', 'test', now())`,
    )
    await deliver(service, event('click'))
    await service.app.close()
    await service.rows('update service_runs set cleanly_stopped_at = null')
    await service.rows('update webhook_pauses set resumed_at = now()')
    // A sequence counts although the transaction is undone.
    await service.rows(`
      create sequence fails;
      grant usage on sequence fails to public;
      create function fail() returns trigger language plpgsql as $$ begin
        if nextval('fails') <= 12 then raise exception 'deadlock detected' using errcode = '40P01'; end if;
        return new; end $$;
      create trigger fail before insert on webhook_events for each row execute function fail()`)
    const again = await startService({
      env: { ...sendgridEnv, DATABASE_URL: service.databaseUrl, REDIS_URL: service.redisUrl },
    })
    try {
      await eventually(
        async () => (await again.rows(`select from webhook_events where processed_at is not null`))[0],
        'the event is processed',
        60,
      )
      expect(await again.rows('select status, attempts, event_type from webhook_events')).toEqual([
        { status: 'processed', attempts: 1, event_type: 'click' },
      ])
      expect(await again.rows('select link_clicks from outreach')).toEqual([{ link_clicks: 1 }])
    } finally {
      await again.app.close()
      await again.db.end()
    }
  })
  test('the end of a container with another host name is noticed; a run that is still alive does not count', async () => {
    const start = () =>
      startService({
        env: { ...sendgridEnv, DATABASE_URL: service.databaseUrl, REDIS_URL: service.redisUrl },
      })
    /** Whether a run that starts now finds an unclean end. */
    const isCareful = async (other: Service) => {
      await other.settled() // so its run has begun
      const careful = other.logs.some((line) => line.msg.startsWith(UNCLEAN))
      await other.stop()
      return careful
    }
    await service.settled()
    await service.rows(
      `insert into service_runs (instance, run_id, started_at) values ('gone-container:3000', gen_random_uuid(), now())`,
    )
    expect(await isCareful(await start())).toBe(true)
    expect(await isCareful(await start())).toBe(false)
    // What Postgres sees of a process that is killed: its sessions end. This one lives and may take its lock again.
    await eventually(
      async () => {
        await service.rows(
          `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
        )
        return isCareful(await start())
      },
      'the end of the session is noticed',
      60,
    )
  })
  test('a clean stop is recorded, so that the next run starts at full speed', async () => {
    await deliverAndSettle(service, event('click'))
    await service.app.close()
    expect(await service.rows('select cleanly_stopped_at is not null as clean from service_runs')).toEqual([
      { clean: true },
    ])
  })
})

test('events that go alone go one at a time across all providers, so that no other event is blamed when one ends the process', async () => {
  await service.app.close()
  await seedUser(service, 50)
  await service.rows(`
      create table spans (began timestamptz, ended timestamptz);
      grant all on spans to public;
      create function slow() returns trigger language plpgsql as $$
        declare began timestamptz := clock_timestamp();
        begin perform pg_sleep(0.2); insert into spans values (began, clock_timestamp()); return new; end $$;
      create trigger slow before update on outreach for each row execute function slow();
      create trigger slow before insert on subscriptions for each row execute function slow()`)
  const failedBefore = { attempts: 1, nextAttemptAt: new Date() }
  await storeEvents(
    service.db,
    [1, 2, 3].flatMap((n) => [
      {
        ...failedBefore,
        eventId: `click-${n}`,
        subject: 'outreach:1',
        payload: { event: 'click', outreach_id: 1 },
      },
      {
        ...failedBefore,
        provider: 'stripe',
        eventId: `evt_${n}`,
        eventType: 'customer.subscription.updated',
        payload: eventsOf(50).subscription('updated', { id: `sub_${n}`, eventId: `evt_${n}` }),
      },
    ]),
  )
  const again = await startService({
    env: {
      ...sendgridEnv,
      ...stripeEnv,
      DATABASE_URL: service.databaseUrl,
      REDIS_URL: service.redisUrl,
    },
  })
  try {
    await again.settled()
    expect(await statuses()).toEqual({ processed: 6 })
    const spans = await again.rows(`
      select began, exists (
        select from spans other where other.ctid <> spans.ctid and other.began <= spans.began and spans.began < other.ended
      ) as overlaps from spans`)
    expect(spans.length).toBeGreaterThanOrEqual(6)
    expect(spans.filter(({ overlaps }) => overlaps)).toEqual([])
  } finally {
    await again.stop()
  }
})

test('a backlog of several batches is applied once, around an event that fails', async () => {
  await seedOutreach(service, 2)
  await poison(2)
  const answers = await Promise.all(
    Array.from({ length: 5 }, (_, n) => {
      const clicks = Array.from({ length: 500 }, () => event('click'))
      return deliver(service, ...clicks, ...(n === 2 ? [event('click', { outreach_id: '2' })] : []))
    }),
  )
  expect(answers.map((answer) => answer.status)).toEqual(Array(5).fill(200))
  await service.settled()
  expect(await statuses()).toEqual({ processed: 2_500, pending: 1 })
  expect(await service.rows('select link_clicks from outreach order by id')).toEqual([
    { link_clicks: 2_500 },
    { link_clicks: 0 },
  ])
  expect(await row(2)).toMatchObject({ attempts: 1, last_error: expect.stringContaining('poisoned') })
})

test('a backlog about many people with one mailbox is applied once, and no lane waits for the other for ever', async () => {
  for (let id = 2; id <= 30; id++) await seedOutreach(service, id)
  await service.rows('update outreach set from_mailbox = $1', 'box1@rf-send-01.com')
  const events = Array.from({ length: 3_000 }, (_, n) =>
    event(['click', 'bounce', 'spamreport'][n % 3] ?? '', { outreach_id: 1 + (n % 30), type: 'blocked' }),
  )
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, n) => deliver(service, ...events.slice(n * 500, n * 500 + 500))),
  )
  expect(answers.map((answer) => answer.status)).toEqual(Array(6).fill(200))
  await service.settled()
  expect(await statuses()).toEqual({ processed: 3_000 })
  expect(
    await service.rows(`
      select (select sum(link_clicks) from outreach)::int as clicks, (select sum(spam_reports) from contacts)::int as spam,
             bounce_count_7d, spam_reports_7d from mailboxes where id = 1`),
  ).toEqual([{ clicks: 1_000, spam: 1_000, bounce_count_7d: 1_000, spam_reports_7d: 1_000 }])
  const [{ n: incidents } = { n: 0 }] = await service.rows('select count(*)::int as n from mailbox_incidents')
  expect(incidents).toBe(2_000)
})

describe('a large batch that holds known events', () => {
  const clicks = (count: number) => Array.from({ length: count }, () => event('click'))

  test('applies its new events once, also right after a conflict', async () => {
    const known = clicks(80)
    await deliverAndSettle(service, ...known)
    for (const from of [0, 30])
      await deliverAndSettle(service, ...known.slice(from, from + 60), ...clicks(60))
    expect(await statuses()).toEqual({ processed: 200 })
    expect(await service.rows('select link_clicks from outreach')).toEqual([{ link_clicks: 200 }])
  })

  test('counts events once that stand in it twice or came under another id', async () => {
    const facts = clicks(60)
    await deliverAndSettle(service, ...facts, ...facts)
    const again = facts.map((one, n) => ({ ...one, sg_event_id: `again-${n}-${process.pid}` }))
    await deliverAndSettle(service, ...again, ...clicks(60))
    expect(await statuses()).toEqual({ processed: 120 })
    expect(await service.rows('select link_clicks from outreach')).toEqual([{ link_clicks: 120 }])
  })

  test('isolates an event that fails', async () => {
    await seedOutreach(service, 2)
    const known = clicks(60)
    await deliverAndSettle(service, ...known)
    await poison(2)
    await deliverAndSettle(service, ...known, ...clicks(60), event('click', { outreach_id: 2 }))
    expect(await statuses()).toEqual({ processed: 120, pending: 1 })
    expect(await row(2)).toMatchObject({ attempts: 1, last_error: 'poisoned outreach' })
  })
})

test('a delivery whose row somebody deleted becomes one dead event, and holds up no other', async () => {
  await service.rows(
    `insert into webhook_queue (provider, delivery_id, received_at, event_count, body_hash)
     values ('sendgrid', 1_000_000, now(), 5, sha256('gone'))`,
  )
  await deliverAndSettle(service, event('click'))
  expect(await service.rows('select status, last_error from webhook_events order by status')).toEqual([
    { status: 'dead', last_error: expect.stringMatching(/^the row of the delivery is missing/) },
    { status: 'processed', last_error: null },
  ])
  expect(await service.rows('select from webhook_queue')).toEqual([])
})

test('events are applied while deliveries keep coming', async () => {
  let applied = false
  const sender = async () => {
    while (!applied) {
      expect(await deliver(service, ...Array.from({ length: 5 }, () => event('click')))).toMatchObject({
        status: 200,
      })
    }
  }
  const senders = Array.from({ length: 4 }, sender)
  try {
    await eventually(async () => ((await statuses()).processed ?? 0) > 100, 'many events are applied', 60)
  } finally {
    applied = true
    await Promise.all(senders)
  }
})

test('two replicas on one database apply each event once', async () => {
  const other = await startService({
    env: { ...sendgridEnv, DATABASE_URL: service.databaseUrl, REDIS_URL: service.redisUrl },
  })
  try {
    const events = Array.from({ length: 300 }, () => event('click'))
    const parts = Array.from({ length: 30 }, (_, n) => events.slice(n * 10, n * 10 + 10))
    const answers = await Promise.all(
      parts.flatMap((part) => [deliver(service, ...part), deliver(other, ...part.toReversed())]),
    )
    expect(answers.map((answer) => answer.status)).toEqual(Array(60).fill(200))
    await service.settled()
    await other.settled()
    expect(await statuses()).toEqual({ processed: 300 })
    expect(await service.rows('select link_clicks from outreach')).toEqual([{ link_clicks: 300 }])
  } finally {
    await other.stop()
  }
})
