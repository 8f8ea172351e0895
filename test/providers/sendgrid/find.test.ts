import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Service } from '../../service.ts'
import { deliverAndSettle, event, seedOutreach, startSendgrid } from './deliveries.ts'

let service: Service
let id = 100
beforeAll(async () => {
  service = await startSendgrid()
})
afterAll(() => service.stop())

const fresh = async (columns: { message_id?: string; sg_message_id?: string } = {}) => {
  const outreachId = ++id
  await seedOutreach(service, outreachId)
  await service.rows(
    'update outreach set message_id = $1, sg_message_id = $2 where id = $3',
    columns.message_id ?? null,
    columns.sg_message_id ?? null,
    outreachId,
  )
  return outreachId
}
const outreach = async (outreachId: number) =>
  (await service.rows('select * from outreach where id = $1', outreachId))[0]
/** An event that says itself which outreach it is about. */
const naming = (outreachId: number, type: string, fields: Record<string, unknown> = {}) =>
  event(type, { outreach_id: String(outreachId), ...fields })
/** An event that does not. */
const nameless = (type: string, fields: Record<string, unknown> = {}) =>
  event(type, { outreach_id: undefined, email: undefined, ...fields })
const seconds = (time: number) => new Date(time * 1_000)

describe('by its Message-ID', () => {
  test('with or without angle brackets on either side', async () => {
    for (const [written, shown] of [
      ['plain-N@rf.test', '<plain-N@rf.test>'],
      ['<plain-N@rf.test>', 'plain-N@rf.test'],
      ['plain-N@rf.test', 'plain-N@rf.test'],
      ['<plain-N@rf.test', ' <plain-N@rf.test> '],
    ] as const) {
      const outreachId = await fresh()
      await service.rows(
        'update outreach set message_id = $1 where id = $2',
        written.replace('N', String(outreachId)),
        outreachId,
      )
      await deliverAndSettle(
        service,
        nameless('bounce', { 'smtp-id': shown.replace('N', String(outreachId)) }),
      )
      expect(await outreach(outreachId)).toMatchObject({ status: 'bounced' })
    }
  })
  test('in any letter case of our own prefix, but of nothing else', async () => {
    const outreachId = await fresh({ message_id: '<OutReach_Abc@rf.test>' })
    await deliverAndSettle(service, nameless('click', { 'smtp-id': 'OUTREACH_abc@rf.test' }))
    expect(await outreach(outreachId)).toMatchObject({ link_clicks: 0 })
    for (const shown of ['outreach_Abc@rf.test', '<OUTREACH_Abc@rf.test>', '<oUtReAcH_Abc@rf.test>']) {
      await deliverAndSettle(service, nameless('click', { 'smtp-id': shown }))
    }
    expect(await outreach(outreachId)).toMatchObject({ link_clicks: 3 })
  })
  test('the id in it counts in any letter case of the prefix', async () => {
    const outreachId = await fresh()
    await deliverAndSettle(service, nameless('click', { 'smtp-id': `OUTREACH_${outreachId}@rf.test` }))
    expect(await outreach(outreachId)).toMatchObject({ link_clicks: 1 })
  })
  test('which an event of the same delivery may teach', async () => {
    const outreachId = await fresh()
    await deliverAndSettle(
      service,
      nameless('bounce', { 'smtp-id': '<taught@host>' }),
      naming(outreachId, 'processed', { 'smtp-id': '<taught@host>' }),
    )
    expect(await outreach(outreachId)).toMatchObject({ status: 'bounced', message_id: '<taught@host>' })
  })
})

describe('by SendGrid’s id of the mail', () => {
  test('that another service wrote, and never loses', async () => {
    const outreachId = await fresh({ sg_message_id: 'written-by-others' })
    await deliverAndSettle(service, naming(outreachId, 'delivered', { sg_message_id: 'other.recvd-1' }))
    await deliverAndSettle(service, nameless('spamreport', { sg_message_id: 'written-by-others.recvd-2.0' }))
    expect(await outreach(outreachId)).toMatchObject({
      status: 'spam',
      sg_message_id: 'written-by-others',
      sg_message_id_seen_at: null,
    })
  })
  test('that any event which names the outreach teaches', async () => {
    for (const [type, fields] of [
      ['processed', {}],
      ['delivered', {}],
      ['bounce', {}],
      ['dropped', { reason: 'Spam Content' }],
      ['click', {}],
      ['spamreport', {}],
      ['unsubscribe', {}],
      ['group_unsubscribe', {}],
    ] as const) {
      const outreachId = await fresh()
      const mail = `mail-of-${outreachId}`
      await deliverAndSettle(
        service,
        naming(outreachId, type, { ...fields, sg_message_id: `${mail}.recvd-1.0` }),
      )
      expect(await outreach(outreachId)).toMatchObject({ sg_message_id: mail })
      await deliverAndSettle(service, nameless('click', { sg_message_id: `${mail}.recvd-2.0` }))
      expect((await outreach(outreachId))?.link_clicks).toBe(type === 'click' ? 2 : 1)
    }
  })
  test('also by an event whose smtp-id names it, or has the Message-ID that another service wrote', async () => {
    const outreachId = await fresh({ message_id: '<ours-77@host>' })
    await deliverAndSettle(
      service,
      nameless('processed', { 'smtp-id': 'ours-77@host', sg_message_id: 'ours-77-mail.f' }),
    )
    expect(await outreach(outreachId)).toMatchObject({ sg_message_id: 'ours-77-mail' })
  })
  test('in the same delivery, whichever comes first', async () => {
    const outreachId = await fresh()
    await deliverAndSettle(
      service,
      nameless('spamreport', { sg_message_id: 'together.f' }),
      naming(outreachId, 'delivered', { sg_message_id: 'together.f' }),
    )
    expect(await outreach(outreachId)).toMatchObject({ status: 'spam' })
  })
  test('of several the earliest is kept, whichever arrives first', async () => {
    const shown = [
      { sg_message_id: 'later.f', timestamp: 1_790_000_200 },
      { sg_message_id: 'Earlier.f', timestamp: 1_790_000_100 },
      { sg_message_id: 'earlier.f', timestamp: 1_790_000_100 },
    ]
    for (const order of [shown, shown.toReversed()]) {
      const outreachId = await fresh()
      for (const one of order) await deliverAndSettle(service, naming(outreachId, 'processed', one))
      expect(await outreach(outreachId)).toMatchObject({
        sg_message_id: 'Earlier',
        sg_message_id_seen_at: seconds(1_790_000_100),
      })
    }
  })
  test('an id that is no text, empty or too long names nothing and teaches nothing', async () => {
    for (const sgMessageId of ['', '.f', null, {}, [], true, 'x'.repeat(5_000)]) {
      const outreachId = await fresh()
      await deliverAndSettle(service, naming(outreachId, 'click', { sg_message_id: sgMessageId }))
      expect(await outreach(outreachId)).toMatchObject({ link_clicks: 1, sg_message_id: null })
      await deliverAndSettle(service, nameless('click', { sg_message_id: sgMessageId }))
      expect(await outreach(outreachId)).toMatchObject({ link_clicks: 1 })
    }
  })
  test('of several outreach with the same id the one to the event’s address is meant, else the oldest', async () => {
    const [first, second] = [await fresh({ sg_message_id: 'batch' }), await fresh({ sg_message_id: 'batch' })]
    await deliverAndSettle(
      service,
      nameless('click', { sg_message_id: 'batch.f', email: `CONTACT${second}@example.com` }),
    )
    expect(await outreach(second)).toMatchObject({ link_clicks: 1 })
    await deliverAndSettle(
      service,
      nameless('click', { sg_message_id: 'batch.f', email: 'bcc@crm.example' }),
      nameless('click', { sg_message_id: 'batch.f' }),
    )
    expect(await outreach(first)).toMatchObject({ link_clicks: 2 })
  })
})

test('the first usable way counts: custom arg, then smtp-id, then Message-ID, then SendGrid’s id', async () => {
  const byArg = await fresh()
  const bySmtpId = await fresh()
  const byMessageId = await fresh({ message_id: '<way@host>', sg_message_id: 'another' })
  const byMailId = await fresh({ sg_message_id: 'way' })
  const clicks = async () =>
    await Promise.all(
      [byArg, bySmtpId, byMessageId, byMailId].map(async (one) => (await outreach(one))?.link_clicks),
    )
  const all = { 'smtp-id': `<outreach_${bySmtpId}@way>`, sg_message_id: 'way.f' }
  await deliverAndSettle(service, naming(byArg, 'click', { ...all, sg_message_id: 'arg.f' }))
  expect(await clicks()).toEqual([1, 0, 0, 0])
  await deliverAndSettle(service, naming(0, 'click', { ...all, sg_message_id: 'arg.f' }))
  expect(await clicks()).toEqual([1, 1, 0, 0])
  await deliverAndSettle(service, nameless('click', { 'smtp-id': 'way@host', sg_message_id: 'way.f' }))
  expect(await clicks()).toEqual([1, 1, 1, 0])
  await deliverAndSettle(service, nameless('click', { 'smtp-id': 'elsewhere@host', sg_message_id: 'way.g' }))
  expect(await clicks()).toEqual([1, 1, 1, 1])
})

test('a mail that is recognized by a learned id teaches nothing more', async () => {
  const outreachId = await fresh()
  await deliverAndSettle(
    service,
    naming(outreachId, 'click', { sg_message_id: 'learned.f', timestamp: 1_790_000_100 }),
  )
  await deliverAndSettle(
    service,
    nameless('processed', {
      sg_message_id: 'learned.g',
      'smtp-id': '<never@host>',
      timestamp: 1_790_000_000,
    }),
  )
  expect(await outreach(outreachId)).toMatchObject({
    message_id: null,
    sg_message_id: 'learned',
    sg_message_id_seen_at: seconds(1_790_000_100),
  })
})
