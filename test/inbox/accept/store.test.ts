import { hash } from 'node:crypto'
import fc from 'fast-check'
import { expect } from 'vitest'
import { type NewDelivery, storeDeliveries } from '../../../src/inbox/accept/store.ts'
import { test } from '../../database.ts'
import { propertyRuns } from '../../property-runs.ts'
import { storeEvents } from '../../stored.ts'

const receivedAt = new Date()
const delivery = (body: Buffer, fields: Partial<NewDelivery> = {}): NewDelivery => ({
  receivedAt,
  headers: '{}',
  eventCount: 1,
  body,
  bodyHash: hash('sha256', body, 'buffer'),
  identity: undefined,
  source: 'delivery',
  asked: [],
  ...fields,
})
const text = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'{}",\\ \n\x1f') }),
    fc.constant('NULL'),
  )
  .map((any) => any.replaceAll('\0', '').toWellFormed())

test('whatever bytes and texts a sender chooses are stored as they are, however many share the statement', async ({
  pool,
}) => {
  let n = 0
  const one = fc.record({ bytes: fc.uint8Array({ maxLength: 300 }), id: text, header: text })
  await fc.assert(
    fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 12 }), async (wanted) => {
      const deliveries = wanted.map(({ bytes, id, header }) =>
        delivery(Buffer.concat([Buffer.from(`${++n} `), bytes]), {
          headers: JSON.stringify({ header }),
          identity: { eventId: `${n} ${id}`, dedupeKey: `key ${n}` },
        }),
      )
      const stored = await storeDeliveries(pool, 'stripe', deliveries)
      expect(stored.every(({ queued }) => queued)).toBe(true)
      const { rows } = await pool.query(
        `select d.body, d.headers, d.received_at, q.event_id, q.body_hash from webhook_queue q
         join webhook_deliveries d on d.id = q.delivery_id and d.received_at = q.received_at
         order by q.delivery_id desc limit $1`,
        [deliveries.length],
      )
      const byId = (a: { event_id: string }, b: { event_id: string }) => (a.event_id < b.event_id ? -1 : 1)
      expect(rows.toSorted(byId)).toEqual(
        deliveries
          .map(({ body, headers, bodyHash, identity }) => ({
            body,
            headers: JSON.parse(headers),
            received_at: receivedAt,
            event_id: identity?.eventId ?? '',
            body_hash: bodyHash,
          }))
          .toSorted(byId),
      )
    }),
    { numRuns: propertyRuns(40) },
  )
})

test('the same bytes, or the same event, are stored once while they are in the queue', async ({ pool }) => {
  const body = (name: string) => Buffer.from(name)
  const event = (eventId: string, dedupeKey: string) => ({ identity: { eventId, dedupeKey } })
  const store = async (...deliveries: NewDelivery[]) =>
    (await storeDeliveries(pool, 'mailgun', deliveries)).map(({ queued }) => queued)
  expect(await store(delivery(body('a')), delivery(body('b')))).toEqual([true, true])
  expect(await store(delivery(body('a')), delivery(body('c')))).toEqual([false, true])
  const twice = await store(delivery(body('d')), delivery(body('d')))
  expect(twice.filter(Boolean)).toHaveLength(1)
  expect(await store(delivery(body('e'), event('1', 'x')))).toEqual([true])
  expect(await store(delivery(body('f'), event('1', 'y')))).toEqual([false])
  expect(await store(delivery(body('g'), event('2', 'x')))).toEqual([false])
  const { rows } = await pool.query(
    'select convert_from(body, $1) as body from webhook_deliveries order by 1',
    ['UTF8'],
  )
  expect(rows.map((row) => row.body)).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('a delivery whose events are all known is not stored, unless one of them can be revived', async ({
  pool,
}) => {
  const processedAt = new Date('2026-11-01T10:00:00Z')
  await storeEvents(pool, [
    { eventId: 'done', payload: {}, status: 'processed', processedAt },
    { eventId: 'dead', payload: {}, status: 'dead' },
    { eventId: 'waits', payload: {} },
  ])
  const asking = (...ids: string[]) =>
    delivery(Buffer.from(ids.join()), {
      eventCount: ids.length,
      asked: ids.map((eventId) => ({ eventId, dedupeKey: `key of ${eventId}` })),
    })
  const [known, dead, some, fresh] = await storeDeliveries(pool, 'sendgrid', [
    asking('done', 'waits'),
    asking('done', 'dead'),
    asking('done', 'new'),
    asking('new'),
  ])
  expect(known).toMatchObject({
    queued: false,
    known: [{ processedAt }, { processedAt: null }],
  })
  expect(dead).toMatchObject({ queued: true, known: [{ processedAt }, { eventId: expect.any(String) }] })
  expect(some).toMatchObject({ queued: true, known: [{ processedAt }, undefined] })
  expect(fresh).toMatchObject({ queued: true, known: [undefined] })
})
