import type { Random } from '../../harness/random.ts'
import { bodyOf, createSendgridSigner } from '../../src/simulators/sendgrid/sign.ts'
import { add, type Effects, findEffects } from '../effects.ts'
import { contactEmail, contactOf, mailboxOf, OUTREACH, type OutreachLedger } from './outreach.ts'
import type { Parcel, Traffic } from './traffic.ts'

const BOUNCES_TO_SUPPRESS = 3

/** How often each type comes, roughly as in a real account. */
const TYPES = [
  ...Array<string>(35).fill('delivered'),
  ...Array<string>(25).fill('click'),
  ...Array<string>(10).fill('processed'),
  ...Array<string>(10).fill('open'),
  ...Array<string>(10).fill('bounce'),
  ...Array<string>(4).fill('dropped'),
  ...Array<string>(3).fill('deferred'),
  ...Array<string>(2).fill('unsubscribe'),
  'spamreport',
]

/** Why mails are dropped, and what that says about the contact. */
const DROPS = {
  'Bounced Address': 'bounce',
  Invalid: 'bounce',
  'Unsubscribed Address': 'unsubscribed',
  'Spam Reporting Address': 'spam',
  'Spam Content': undefined,
} as const
const DROP_REASONS = Object.keys(DROPS) as (keyof typeof DROPS)[]
/** What is applied to a contact also when no outreach is named. */
const PERSONAL = new Set(['bounce', 'dropped', 'unsubscribe', 'spamreport'])

/** How events of one type can differ. */
interface Variant {
  blocked: boolean
  dropReason: keyof typeof DROPS
  /** The mail also went to another person, and this event is about that copy. */
  copy: boolean
  /** It does not say which outreach it is about. */
  nameless: boolean
}

export interface SendgridTraffic extends Traffic {
  /** A delivery of one click, on a link in this outreach. */
  click: (outreach: number) => Parcel
}

/**
 * SendGrid's batches.
 *
 * @param batch how many events a delivery carries, at least and at most.
 */
export const createSendgridTraffic = (
  random: Random,
  outreachLedger: OutreachLedger,
  batch: [number, number] = [1, 12],
): SendgridTraffic => {
  const { raise, optOut } = outreachLedger
  const signer = createSendgridSigner()
  const effects: Effects = new Map()
  const deliveredAt = new Map<number, number>()
  const bounces = new Map<number, number>()
  let serial = 0

  /** What the rules say that one event does; deliberately written again, in another way than in the service. */
  const expect = (type: string, variant: Variant, outreach: number, seconds: number) => {
    if (!variant.nameless) expectOfMail(type, outreach, seconds)
    if (!variant.copy) expectOfContact(type, variant, outreach)
    if (type !== 'spamreport') return
    const about = variant.nameless ? `contact ${contactOf(outreach)}` : `outreach ${outreach}`
    add(effects, `alerts about ${about}`)
  }

  const expectOfMail = (type: string, outreach: number, seconds: number) => {
    switch (type) {
      case 'delivered':
        raise(outreach, 'delivered')
        deliveredAt.set(outreach, Math.max(seconds, deliveredAt.get(outreach) ?? 0))
        return
      case 'click':
        return add(effects, `clicks of outreach ${outreach}`)
      case 'bounce':
        raise(outreach, 'bounced')
        add(effects, `bounces of mailbox ${mailboxOf(outreach)}`)
        return add(effects, `incidents of mailbox ${mailboxOf(outreach)}`)
      case 'dropped':
        return raise(outreach, 'dropped')
      case 'spamreport':
        raise(outreach, 'spam')
        add(effects, `spam reports of mailbox ${mailboxOf(outreach)}`)
        return add(effects, `incidents of mailbox ${mailboxOf(outreach)}`)
    }
  }

  const expectOfContact = (type: string, { blocked, dropReason }: Variant, outreach: number) => {
    const contact = contactOf(outreach)
    const dropped = type === 'dropped' ? DROPS[dropReason] : undefined
    if (dropped === 'bounce' || (type === 'bounce' && !blocked)) {
      add(effects, `bounces of contact ${contact}`)
      bounces.set(contact, 1 + (bounces.get(contact) ?? 0))
      if ((bounces.get(contact) ?? 0) >= BOUNCES_TO_SUPPRESS) optOut(outreach, 'bounces')
    } else if (dropped !== undefined) optOut(outreach, dropped)
    if (type === 'unsubscribe') optOut(outreach, 'unsubscribed')
    if (type === 'spamreport') {
      add(effects, `spam reports of contact ${contact}`)
      optOut(outreach, 'spam')
    }
  }

  /** Addresses compare without case. */
  const spelled = (address: string) => (random.percent(10) ? address.toUpperCase() : address)

  const makeEvent = (type: string, outreach: number) => {
    serial++
    const nameless = PERSONAL.has(type) && random.percent(20)
    const variant: Variant = {
      blocked: random.percent(30),
      dropReason: random.pick(DROP_REASONS),
      nameless,
      // A copy that names no outreach is about no contact, and would be skipped.
      copy: !nameless && random.percent(5),
    }
    const { blocked, dropReason, copy } = variant
    const seconds = Math.floor(Date.now() / 1_000) - random.between(0, 3_600)
    expect(type, variant, outreach, seconds)
    return {
      email: copy ? 'copy@crm.example' : spelled(contactEmail(outreach)),
      timestamp: seconds,
      event: type,
      sg_event_id: `chaos-${serial}-${random.between(0, 1e9)}`,
      // A nameless event shares no mail id with others, so that nothing is learned from it and the order does not
      // matter.
      sg_message_id: `${nameless ? `nameless-${serial}` : `message-${outreach}`}.filter-${serial}`,
      ...(nameless ? {} : { outreach_id: String(outreach) }),
      ...(type === 'dropped' ? { reason: dropReason } : {}),
      ...(type === 'bounce' ? { type: blocked ? 'blocked' : 'bounce', reason: '550 no such user' } : {}),
      ...(type === 'click' ? { url: `https://example.com/${serial}`, useragent: 'Mozilla/5.0' } : {}),
    }
  }

  const parcelOf = (events: ReturnType<typeof makeEvent>[]): Parcel => {
    const body = Buffer.from(bodyOf(events))
    return {
      provider: 'sendgrid',
      path: '/webhooks/sendgrid',
      eventIds: events.map((event) => event.sg_event_id),
      request: (at) => signer.sign(body, at),
    }
  }

  return {
    provider: 'sendgrid',
    env: { SENDGRID_WEBHOOK_KEY: signer.publicKey },
    weight: 4,
    next: () =>
      parcelOf(
        Array.from({ length: random.between(...batch) }, () =>
          makeEvent(random.pick(TYPES), random.between(1, OUTREACH)),
        ),
      ),
    click: (outreach) => parcelOf([makeEvent('click', outreach)]),
    expected: () => {
      const all = new Map(effects)
      for (const [outreach, seconds] of deliveredAt) add(all, `outreach ${outreach} delivered at ${seconds}`)
      return all
    },
    found: (db) =>
      findEffects(
        db,
        `select 'clicks of outreach ' || id as fact, link_clicks as count from outreach where link_clicks <> 0`,
        `select 'outreach ' || id || ' delivered at ' || extract(epoch from delivered_at)::bigint as fact, 1 as count
     from outreach where delivered_at is not null`,
        `select 'bounces of contact ' || id as fact, bounce_count as count from contacts where bounce_count <> 0`,
        `select 'spam reports of contact ' || id as fact, spam_reports as count from contacts where spam_reports <> 0`,
        `select 'bounces of mailbox ' || id as fact, bounce_count_7d as count from mailboxes where bounce_count_7d <> 0`,
        `select 'spam reports of mailbox ' || id as fact, spam_reports_7d as count from mailboxes where spam_reports_7d <> 0`,
        `select 'incidents of mailbox ' || mailbox_id as fact, count(*)::int as count from mailbox_incidents group by 1`,
        `select 'alerts about ' || case
       when data -> 'data' ->> 'text' like '%without outreach%' then 'contact ' || substring(data -> 'data' ->> 'text' from 'Contact: (\\d+)')
       else 'outreach ' || substring(data -> 'data' ->> 'text' from 'outreach (\\d+)') end as fact, count(*)::int as count
     from pgboss.job where name = 'notify-slack' and data -> 'data' ->> 'channel' = 'deliverability' group by 1`,
      ),
  }
}
