import { readFileSync } from 'node:fs'
import { bodyOf, type SendgridSigner } from '../../src/simulators/sendgrid/sign.ts'
import type { Step } from './step.ts'

const samples = JSON.parse(
  readFileSync(new URL('../../test/fixtures/sendgrid/sendgrid-sample-events.json', import.meta.url), 'utf8'),
)
/** Who outreach 1, 2, 3 … went to: see seed.ts. */
const CONTACTS = ['ana@acme.example', 'bob@acme.example', 'eve@globex.example', 'eve@globex.example']
const PATH = '/webhooks/sendgrid'

/** SendGrid reports what happened to four e-mails. */
export const sendgridStory = (signer: SendgridSigner, now: Date): Step[] => {
  let serial = 0
  const timestamp = Math.floor(now.getTime() / 1_000)
  const event = (type: string, outreach: number, fields: object = {}) => {
    serial++
    return {
      email: CONTACTS[outreach - 1],
      timestamp,
      event: type,
      sg_event_id: `demo-${serial}`,
      sg_message_id: `mail-${outreach}.filter-${serial}`,
      outreach_id: String(outreach),
      ...fields,
    }
  }
  const deliver = (...events: unknown[]) => signer.sign(Buffer.from(bodyOf(events)), now)
  const at = new Date(timestamp * 1_000).toISOString().replace('.000Z', '+00:00')
  const smtpId = '<outreach_1@rf-send-01.com>'
  const batch = deliver(event('delivered', 1, { 'smtp-id': smtpId }), event('click', 1), event('open', 1))
  const { headers, body } = deliver(event('spamreport', 4))

  return [
    {
      title: 'delivered, click and open in one delivery',
      path: PATH,
      request: batch,
      answer: '200 ok, 3 accepted, 0 duplicates',
      changes: [
        `outreach 1: status sent -> delivered, clicked_at null -> ${at}, message_id null -> ${smtpId}, link_clicks 0 -> 1, delivered_at null -> ${at}, sg_message_id null -> mail-1`,
        `contact Ana: last_contacted_at null -> ${at}`,
      ],
    },
    { title: 'the same delivery again', path: PATH, request: batch, answer: '200 duplicate', changes: [] },
    {
      title: 'a bounce',
      path: PATH,
      request: deliver(event('bounce', 2, { type: 'bounce' })),
      answer: '200 ok, 1 accepted, 0 duplicates',
      changes: [
        'outreach 2: status sent -> bounced, sg_message_id null -> mail-2',
        'contact Bob: bounce_count 0 -> 1',
        'mailbox sam@rf-send-01.com: health_score 100 -> 95, bounce_count_7d 0 -> 1',
      ],
    },
    {
      title: 'a second one, and a late delivered',
      path: PATH,
      request: deliver(event('bounce', 2), event('delivered', 2, { timestamp: timestamp - 60 })),
      answer: '200 ok, 2 accepted, 0 duplicates',
      changes: [
        `outreach 2: delivered_at null -> ${new Date((timestamp - 60) * 1_000).toISOString().replace('.000Z', '+00:00')}`,
        `contact Bob: bounce_count 1 -> 2, last_contacted_at null -> ${new Date((timestamp - 60) * 1_000).toISOString().replace('.000Z', '+00:00')}`,
        'mailbox sam@rf-send-01.com: health_score 95 -> 90, bounce_count_7d 1 -> 2',
      ],
    },
    {
      title: 'the third is a drop, since SendGrid knows the address: no more mail to Bob',
      path: PATH,
      request: deliver(event('dropped', 2, { reason: 'Bounced Address' })),
      answer: '200 ok, 1 accepted, 0 duplicates',
      changes: [
        'contact Bob: opted_out false -> true, bounce_count 2 -> 3, opted_out_reason null -> bounces',
        'step 1 of outreach 2: status scheduled -> cancelled, cancelled_reason null -> bounces',
      ],
    },
    {
      title: 'a spam report',
      path: PATH,
      request: deliver(event('spamreport', 3)),
      answer: '200 ok, 1 accepted, 0 duplicates',
      changes: [
        'outreach 3: status sent -> spam, sg_message_id null -> mail-3',
        'contact Eve: opted_out false -> true, spam_reports 0 -> 1, opted_out_reason null -> spam',
        'mailbox kim@rf-send-01.com: health_score 100 -> 75, spam_reports_7d 0 -> 1',
        'step 1 of outreach 3: status scheduled -> cancelled, cancelled_reason null -> spam',
        'step 1 of outreach 4: status scheduled -> cancelled, cancelled_reason null -> spam',
        '+ slack: 🚨 Spam report for outreach 3. User: kim@example.com',
      ],
    },
    {
      title: 'a delivery that was tampered with',
      path: PATH,
      request: { headers, body: Buffer.from(body.toString().replace('spamreport', 'spamrepore')) },
      answer: '401 WEBHOOK_SIGNATURE_INVALID: Invalid signature',
      changes: [],
    },
    {
      title: "SendGrid's own sample events (they name no outreach)",
      path: PATH,
      request: deliver(...samples),
      answer: `200 ok, ${samples.length} accepted, 0 duplicates`,
      changes: ['+ slack: 🚨 Spam report without outreach. Contact: unknown'],
    },
  ]
}
