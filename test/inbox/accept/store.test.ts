import fc from 'fast-check'
import { expect } from 'vitest'
import { insertRows, type NewRow } from '../../../src/inbox/accept/store.ts'
import { test } from '../../database.ts'

const receivedAt = new Date('2026-11-01T10:00:00.250Z')
const row = (n: number, event: Partial<NewRow['event']> = {}): NewRow => ({
  event: {
    eventId: `id ${n}`,
    dedupeKey: `key ${n}`,
    eventType: 'delivered',
    subject: null,
    payload: '{}',
    occurredAt: receivedAt,
    ...event,
  },
  status: 'pending',
  receivedAt,
})

test('whatever text a sender chooses is stored as it is', async ({ pool }) => {
  const text = fc
    .oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...'{}",\\ \n\x1f') }),
      fc.constant('NULL'),
    )
    .map((any) => any.replaceAll('\0', '').toWellFormed())
  const event = fc.record({
    eventType: text,
    subject: fc.option(text),
    payload: text.map((any) => JSON.stringify({ any })),
  })
  let n = 0
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(text, event), { minLength: 1, maxLength: 20 }), async (events) => {
      const rows = events.map(([id, fields]) => row(++n, { ...fields, eventId: `${n} ${id}` }))
      await insertRows(pool, 'sendgrid', rows)
      const { rows: stored } = await pool.query(
        'select event_id, event_type, subject, payload, occurred_at from webhook_events order by id desc limit $1',
        [rows.length],
      )
      const wanted = rows.map(({ event: { eventId, eventType, subject, payload, occurredAt } }) => ({
        event_id: eventId,
        event_type: eventType,
        subject,
        payload: JSON.parse(payload),
        occurred_at: occurredAt,
      }))
      const byId = (a: { event_id: string }, b: { event_id: string }) => (a.event_id < b.event_id ? -1 : 1)
      expect(stored.toSorted(byId)).toEqual(wanted.toSorted(byId))
    }),
    { numRuns: 60 },
  )
})

test('of several rows it says which are new: all, some, none, and each once', async ({ pool }) => {
  const insert = (...rows: NewRow[]) => insertRows(pool, 'sendgrid', rows)
  expect(await insert(row(1), row(2))).toEqual(new Set(['key 1', 'key 2']))
  expect(await insert(row(2), row(3), row(3))).toEqual(new Set(['key 3']))
  expect(await insert(row(1), row(3))).toEqual(new Set())
  expect(await insert(row(4, { eventId: 'id 1' }), row(5))).toEqual(new Set(['key 5']))
})
