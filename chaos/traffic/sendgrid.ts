import type { Random } from '../../harness/random.ts'
import { bodyOf, createSendgridSigner } from '../../src/providers/sendgrid/sign.ts'
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

  /** What the rules say that one event does; deliberately written a second time, unlike the service does it. */
  const expect = (type: string, blocked: boolean, outreach: number, seconds: number) => {
    const contact = contactOf(outreach)
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
        add(effects, `incidents of mailbox ${mailboxOf(outreach)}`)
        if (blocked) return
        add(effects, `bounces of contact ${contact}`)
        bounces.set(contact, 1 + (bounces.get(contact) ?? 0))
        if ((bounces.get(contact) ?? 0) >= BOUNCES_TO_SUPPRESS) optOut(outreach, 'bounces')
        return
      case 'dropped':
        return raise(outreach, 'dropped')
      case 'unsubscribe':
        return optOut(outreach, 'unsubscribed')
      case 'spamreport':
        raise(outreach, 'spam')
        add(effects, `spam reports of mailbox ${mailboxOf(outreach)}`)
        add(effects, `incidents of mailbox ${mailboxOf(outreach)}`)
        add(effects, `spam reports of contact ${contact}`)
        add(effects, `alerts about outreach ${outreach}`)
        return optOut(outreach, 'spam')
    }
  }

  const makeEvent = (type: string, outreach: number) => {
    serial++
    const blocked = type === 'bounce' && random.percent(30)
    const seconds = Math.floor(Date.now() / 1_000) - random.between(0, 3_600)
    expect(type, blocked, outreach, seconds)
    return {
      email: contactEmail(outreach),
      timestamp: seconds,
      event: type,
      sg_event_id: `chaos-${serial}-${random.between(0, 1e9)}`,
      sg_message_id: `message-${serial}.filter`,
      outreach_id: String(outreach),
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
        `select 'alerts about outreach ' || substring(data -> 'data' ->> 'text' from 'outreach (\\d+)') as fact, count(*)::int as count
     from pgboss.job where name = 'notify-slack' and data -> 'data' ->> 'channel' = 'deliverability' group by 1`,
      ),
  }
}
