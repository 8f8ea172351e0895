import type { Random } from '../../harness/random.ts'
import {
  createMailgunSigner,
  type FormFields,
  mailFields,
  multipart,
  urlencoded,
} from '../../src/simulators/mailgun/sign.ts'
import { add, type Effects, findEffects } from '../effects.ts'
import {
  applicationOf,
  contactEmail,
  latestToContact,
  mailboxEmail,
  OUTREACH,
  type OutreachLedger,
} from './outreach.ts'
import type { Traffic } from './traffic.ts'

/** How often each kind of mail comes. */
const KINDS = [
  ...Array<'answer'>(11).fill('answer'),
  ...Array<'new mail'>(3).fill('new mail'),
  ...Array<'auto_reply'>(3).fill('auto_reply'),
  ...Array<'bounce'>(2).fill('bounce'),
  'stop' as const,
]

/**
 * Mails that come back: answers to an outreach, mails of its contact that name none, automatic ones. A retry repeats
 * the timestamp and the token, as Mailgun may.
 */
export const createMailgunTraffic = (random: Random, outreachLedger: OutreachLedger): Traffic => {
  const signer = createMailgunSigner()
  const effects: Effects = new Map()
  const repliedAt = new Map<number, number>()
  let serial = 0

  /** What one mail must do by the rules. */
  const expect = (kind: (typeof KINDS)[number], outreach: number, seconds: number) => {
    if (kind === 'auto_reply' || kind === 'bounce') {
      return add(effects, `${kind} to ${mailboxEmail(outreach)}`)
    }
    add(effects, `replies to outreach ${outreach} by ${kind === 'new mail' ? 'sender' : 'thread'}`)
    repliedAt.set(outreach, Math.min(seconds, repliedAt.get(outreach) ?? seconds))
    outreachLedger.raise(outreach, 'replied')
    if (kind === 'stop') outreachLedger.optOut(outreach, 'unsubscribed')
  }

  const fieldsOf = (kind: (typeof KINDS)[number], outreach: number): FormFields => {
    const automatic = kind === 'auto_reply' || kind === 'bounce'
    const answered = `<outreach_${outreach}@rf-send.com>`
    const headers: FormFields = [
      ['From', kind === 'bounce' ? 'mailer-daemon@example.com' : contactEmail(outreach)],
      ['To', mailboxEmail(outreach)],
      ['Subject', 'Re: Your opening'],
      ['Date', new Date().toUTCString()],
      ['Message-Id', `<chaos-${++serial}-${random.between(0, 1e9)}@mail.example>`],
    ]
    if (kind !== 'new mail') headers.push(['In-Reply-To', answered], ['References', answered])
    if (kind === 'auto_reply') headers.push(['Auto-Submitted', 'auto-replied'])
    return mailFields({
      recipient: mailboxEmail(outreach),
      sender: automatic ? '' : contactEmail(outreach),
      headers,
      text: kind === 'stop' ? 'Please remove me' : 'Tuesday works for me.',
    })
  }

  return {
    provider: 'mailgun',
    env: { MAILGUN_WEBHOOK_SIGNING_KEY: signer.key },
    weight: 2,
    next: () => {
      const kind = random.pick(KINDS)
      const chosen = random.between(1, OUTREACH)
      // A mail that names no outreach answers the latest to its sender.
      const outreach = kind === 'new mail' ? latestToContact(chosen) : chosen
      const at = new Date(Date.now() - random.between(0, 600_000))
      const token = random.bytes(25).toString('hex')
      expect(kind, outreach, Math.floor(at.getTime() / 1_000))
      const fields = [...fieldsOf(kind, outreach), ...signer.sign({ at, token })]
      const content = random.bytes(random.between(1, 2_000))
      const request = random.percent(20)
        ? multipart(fields, [{ field: 'attachment-1', name: 'cv.pdf', type: 'application/pdf', content }])
        : urlencoded(fields)
      return {
        provider: 'mailgun',
        path: '/webhooks/mailgun-inbound',
        eventIds: [token],
        request: () => request,
      }
    },
    expected: () => {
      const all = new Map(effects)
      for (const [outreach, seconds] of repliedAt) {
        add(all, `outreach ${outreach} replied at ${seconds}`)
        add(all, `pushes about outreach ${outreach}`)
        all.set(`application ${applicationOf(outreach)} is interviewing, replied`, 1)
      }
      return all
    },
    found: (db) =>
      findEffects(
        db,
        `select 'replies to outreach ' || outreach_id || ' by ' || matched_by as fact, count(*)::int as count
         from inbound_messages where kind = 'reply' group by 1`,
        `select kind || ' to ' || recipient as fact, count(*)::int as count
         from inbound_messages where kind <> 'reply' group by 1`,
        `select 'outreach ' || id || ' replied at ' || extract(epoch from replied_at)::bigint as fact, 1 as count
         from outreach where replied_at is not null`,
        `select 'pushes about outreach ' || substring(key from '\\d+$') as fact, count(*)::int as count
         from event_notifications where key like 'mailgun:reply:%' group by 1`,
        `select 'application ' || id || ' is ' || status || ', ' || reply_status as fact, 1 as count
         from applications where status <> 'applied'`,
      ),
  }
}
