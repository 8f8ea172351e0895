import type pg from 'pg'
import { expect } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { inTransaction } from '../../../src/db/transaction.ts'
import { createBatch } from '../../../src/inbox/process/batch.ts'
import type { ClaimedEvent } from '../../../src/inbox/provider.ts'
import { createSendgrid } from '../../../src/providers/sendgrid/index.ts'
import { test } from '../../database.ts'
import { event } from './deliveries.ts'

const TYPES = [
  'processed',
  'delivered',
  'bounce',
  'spamreport',
  'click',
  'unsubscribe',
  'group_unsubscribe',
  'dropped',
  'account_status_change',
]
const REASONS = ['Bounced Address', 'Unsubscribed Address', 'Spam Reporting Address', 'Spam Content']
const OUTREACH = 50

const seed = `
  insert into contacts (id, email, bounce_count) select n, 'contact' || n || '@example.com', 2 from generate_series(1, ${OUTREACH}) n;
  insert into mailboxes (id, email) select n, 'box' || n || '@rf.test' from generate_series(1, 5) n;
  insert into outreach (id, contact_id, from_mailbox) select n, n, 'box' || 1 + n % 5 || '@rf.test' from generate_series(1, ${OUTREACH}) n;
  insert into sequence_steps (outreach_id, position) select n, 1 from generate_series(1, ${OUTREACH}) n`

/** Every type, in every way of naming an outreach or none. */
const claimed = (n: number): ClaimedEvent => {
  const type = TYPES[n % TYPES.length] ?? ''
  const outreachId = 1 + (n % OUTREACH)
  const named = [
    { outreach_id: outreachId },
    { outreach_id: undefined, 'smtp-id': `<outreach_${outreachId}@host>` },
    { outreach_id: undefined, sg_message_id: `mail-${outreachId}.f${n}` },
    { outreach_id: undefined, sg_message_id: '' },
    { outreach_id: 999_999 },
  ][n % 5]
  const payload = event(type, {
    'smtp-id': `<m${n}@host>`,
    email: n % 7 === 0 ? undefined : `Contact${outreachId}@example.com`,
    type: type === 'account_status_change' ? 'compliance_suspend' : 'bounce',
    reason: REASONS[n % REASONS.length],
    ...named,
  })
  return {
    rowId: String(n + 1),
    eventId: String(payload.sg_event_id),
    eventType: type,
    payload: JSON.parse(JSON.stringify(payload)),
    receivedAt: new Date(),
    waitingSince: null,
    attempts: 1,
  }
}

/** How many statements one batch of these events takes. It is rolled back. */
const statementsFor = async (pool: pg.Pool, events: ClaimedEvent[]): Promise<number> => {
  const sendgrid = {
    name: 'sendgrid',
    ...createSendgrid(readConfig({ DATABASE_URL: 'postgres://localhost/unused' })),
  }
  let statements = 0
  const done = new Error('rolled back')
  await inTransaction(pool, async (tx, client) => {
    const query = client.query
    client.query = ((...args: unknown[]) => {
      statements++
      return Reflect.apply(query, client, args)
    }) as typeof query
    try {
      await sendgrid.handle(events, createBatch(sendgrid, tx, new Date()).batch)
    } finally {
      client.query = query
    }
    throw done
  }).catch((error) => {
    if (error !== done) throw error
  })
  return statements
}

test('1,000 events take no more statements than one of each type and form', async ({ pool }) => {
  await pool.query(seed)
  const all = Array.from({ length: 1_000 }, (_, n) => claimed(n))
  const forms = TYPES.length * 5 * REASONS.length
  const some = await statementsFor(pool, all.slice(0, forms))
  const many = await statementsFor(pool, all)
  expect(many).toBe(some)
  expect(many).toBeLessThanOrEqual(40)
})

test('a thousand events of one type take as many as one', async ({ pool }) => {
  await pool.query(seed)
  for (const type of TYPES) {
    const fields = { reason: 'Bounced Address', type: 'bounce', timestamp: 1_790_000_000 }
    const events = Array.from({ length: 1_000 }, (_, n): ClaimedEvent => {
      const outreachId = 1 + (n % OUTREACH)
      const payload = event(type, { ...fields, outreach_id: outreachId })
      return { ...claimed(n), eventType: type, payload: payload as ClaimedEvent['payload'] }
    })
    const one = await statementsFor(pool, events.slice(0, 1))
    expect({ type, statements: await statementsFor(pool, events) }).toEqual({ type, statements: one })
  }
})
