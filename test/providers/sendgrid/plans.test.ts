import type pg from 'pg'
import { expect } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { inTransaction } from '../../../src/db/transaction.ts'
import { createBatch } from '../../../src/inbox/process/batch.ts'
import type { ClaimedEvent } from '../../../src/inbox/provider.ts'
import { createSendgrid } from '../../../src/providers/sendgrid/index.ts'
import { test } from '../../database.ts'
import { event } from './deliveries.ts'

const ROWS = 50_000

const fill = `
  insert into contacts (id, email) select n, 'Contact' || n || '@example.com' from generate_series(1, ${ROWS}) n;
  insert into mailboxes (id, email) select n, 'box' || n || '@rf.test' from generate_series(1, 100) n;
  insert into outreach (id, contact_id, from_mailbox, message_id, sg_message_id, sent_at)
  select n, n, 'box' || 1 + n % 100 || '@rf.test', '<message-' || n || '@rf.test>', 'mail-' || n, now()
  from generate_series(1, ${ROWS}) n;
  insert into sequence_steps (outreach_id, position) select n, 1 from generate_series(1, ${ROWS}) n;
  analyze contacts, mailboxes, outreach, sequence_steps`

const TYPES = ['delivered', 'click', 'processed', 'bounce', 'spamreport', 'unsubscribe', 'dropped']

/** A batch of every type, which names its outreach in every way. */
const batch = Array.from({ length: 500 }, (_, n): ClaimedEvent => {
  const id = 1 + ((n * 97) % ROWS)
  const named = [
    { outreach_id: id },
    { outreach_id: undefined, 'smtp-id': `message-${id}@rf.test` },
    { outreach_id: undefined, sg_message_id: `mail-${id}.f${n}` },
    { outreach_id: undefined, sg_message_id: '' },
  ][n % 4]
  const payload = event(TYPES[n % TYPES.length] ?? '', {
    email: `contact${id}@EXAMPLE.com`,
    reason: 'Unsubscribed Address',
    ...named,
  })
  return {
    rowId: String(n + 1),
    eventId: String(payload.sg_event_id),
    eventType: String(payload.event),
    payload: JSON.parse(JSON.stringify(payload)),
    receivedAt: new Date(),
    waitingSince: null,
    attempts: 1,
  }
})

/** The plans of all statements that a batch runs, as text. */
const plansOf = async (pool: pg.Pool): Promise<string[]> => {
  const sendgrid = {
    name: 'sendgrid',
    ...createSendgrid(readConfig({ DATABASE_URL: 'postgres://localhost/unused' })),
  }
  const plans: string[] = []
  await inTransaction(pool, async (tx, client) => {
    await client.query(`
      load 'auto_explain'; set local auto_explain.log_min_duration = 0; set local auto_explain.log_level = notice;
      set local auto_explain.log_analyze = on; set local auto_explain.log_buffers = on`)
    const note = ({ message = '' }: { message?: string | undefined }) => {
      if (message.startsWith('duration:')) plans.push(message)
    }
    client.on('notice', note)
    await sendgrid.handle(batch, createBatch(sendgrid, tx, new Date()).batch)
    client.off('notice', note)
  })
  return plans
}

test('no statement of a batch reads a large table from end to end', async ({ pool }) => {
  await pool.query(fill)
  const plans = await plansOf(pool)
  expect(plans.length).toBeGreaterThan(8)
  for (const plan of plans) expect(plan).not.toMatch(/Seq Scan on (contacts|outreach|sequence_steps)/)
  const found = plans.filter((plan) => plan.includes('contacts_email_idx'))
  expect(found.length).toBe(1)
  expect(plans.some((plan) => plan.includes('outreach_message_id_key_idx'))).toBe(true)
  expect(plans.some((plan) => plan.includes('outreach_sg_message_id_idx'))).toBe(true)
}, 120_000)
