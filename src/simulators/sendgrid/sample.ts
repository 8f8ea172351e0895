import { randomBytes } from 'node:crypto'
import type { Samples } from '../sample.ts'
import { bodyOf, type SendgridSigner } from './sign.ts'

const READER = { useragent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)', ip: '203.0.113.7' }
const LINK = { url: 'https://roleferry.com/portfolio', url_offset: { index: 0, type: 'html' } }
const GROUP = { ...READER, url: 'https://roleferry.com/unsubscribe', asm_group_id: 7 }

/**
 * What each sample has besides the common fields, as SendGrid's reference shows it. Its event has its name unless it
 * says otherwise.
 */
const FIELDS: Record<string, { event?: string } & Record<string, unknown>> = {
  processed: { category: ['outreach'], send_at: 0 },
  deferred: { response: '451 4.7.1 Try again later', attempt: '1', category: ['outreach'] },
  delivered: { response: '250 2.0.0 OK', ip: '198.51.100.4', tls: 1, category: ['outreach'] },
  bounce: {
    reason: '550 5.1.1 The e-mail account that you tried to reach does not exist',
    status: '5.1.1',
    type: 'bounce',
    bounce_classification: 'Invalid Address',
    ip: '198.51.100.4',
    tls: 1,
  },
  dropped: { reason: 'Bounced Address', status: '5.0.0' },
  open: { ...READER, sg_machine_open: false },
  click: { ...READER, ...LINK },
  spamreport: {},
  unsubscribe: {},
  group_unsubscribe: GROUP,
  group_resubscribe: GROUP,
  // About the account: it names no mail and nobody.
  account_status_change: {
    type: 'compliance_suspend',
    email: undefined,
    sg_message_id: undefined,
    outreach_id: undefined,
  },
  // Not understood: a type that SendGrid does not send, and an event that lacks what its rule needs.
  unknown_type: { event: 'bounced', reason: '550 5.1.1 No such user', type: 'bounce' },
  dropped_without_reason: { event: 'dropped', status: '5.0.0' },
}
/** Events of the mail's way carry its Message-ID, those of its reader do not. */
const WITH_MESSAGE_ID = new Set(['processed', 'deferred', 'delivered', 'bounce', 'dropped'])

/** One event of each kind, signed as SendGrid does; a retry repeats the body. */
export const sendgridSamples = ({ sign }: SendgridSigner): Samples =>
  Object.fromEntries(
    Object.entries(FIELDS).map(([name, { event: type = name, ...fields }]) => [
      name,
      ({ outreach, contact, mailbox }, at) => {
        const event = {
          email: contact,
          timestamp: Math.floor(at.getTime() / 1_000),
          event: type,
          sg_event_id: randomBytes(16).toString('base64url'),
          sg_message_id: `${randomBytes(16).toString('base64url')}.filterdrecv-5b9c`,
          ...(WITH_MESSAGE_ID.has(type)
            ? { 'smtp-id': `<outreach_${outreach}@${mailbox.split('@')[1]}>` }
            : {}),
          outreach_id: outreach,
          ...fields,
        }
        const body = Buffer.from(bodyOf([event]))
        return { sign: (signedAt) => sign(body, signedAt) }
      },
    ]),
  )
