import formbody from '@fastify/formbody'
import type { Config } from '../../config.ts'
import { KEEP_PLANS } from '../../db/prepared.ts'
import { Refusal } from '../../inbox/admission/refusal.ts'
import type { Delivery } from '../../inbox/provider.ts'
import type { CreatedProvider } from '../record.ts'
import { EVENT_TYPE, keptBody, readEvent, readKept } from './events.ts'
import { decodeForm, decodeSignature, type Form, type Undecoded } from './form.ts'
import { inbound } from './inbound.ts'
import { readMultipart } from './multipart.ts'
import { signatureOfForm } from './read-signature.ts'
import { verifySignature } from './verify.ts'
import { withoutSignature } from './without-signature.ts'

const MIB = 1024 * 1024

/** How long a reply waits for the thread it names to be known, in milliseconds. */
const WAIT_LIMIT = 15 * 60_000

export const createMailgun = (config: Config): CreatedProvider<Form | Undecoded> => ({
  bodyLimit: 8 * MIB,
  mediaTypes: ['application/x-www-form-urlencoded', 'multipart/form-data'],
  readBodies: (scope) => {
    scope.register(formbody, { parser: (urlencoded) => ({ urlencoded }) })
    scope.addContentTypeParser('multipart/form-data', readMultipart)
  },
  configured: config.MAILGUN_WEBHOOK_SIGNING_KEY.length > 0,
  precheck: (headers) => {
    if (headers['content-type'] === undefined) {
      throw new Refusal('media_type', 'Unsupported media type, expected a form')
    }
  },
  verify: (delivery) => {
    const { body, receivedAt } = delivery
    const signature = verifySignature('urlencoded' in body ? decodeSignature(body) : body, receivedAt, {
      keys: config.MAILGUN_WEBHOOK_SIGNING_KEY,
      maxAge: config.MAILGUN_MAX_AGE,
      maxFuture: config.MAX_FUTURE,
    })
    const event = readEvent('urlencoded' in body ? decodeForm(body, charsetOf(delivery)) : body, signature)
    return { body: keptBody(event), events: [event] }
  },
  read: (delivery) => [readKept(delivery)],
  readSignature: ({ body }) => signatureOfForm('urlencoded' in body ? decodeSignature(body) : body, config),
  withoutSecrets: withoutSignature,
  // The body is not signed: a token that comes back with another mail was taken from an earlier delivery.
  signsOnlyEventId: true,
  handles: (eventType) => eventType === EVENT_TYPE,
  eventTypes: new Set([EVENT_TYPE]),
  handle: async (events, batch) => {
    for (const event of events) {
      await inbound(event, batch, { fallback: config.REPLY_MATCH_FALLBACK, waitLimit: WAIT_LIMIT })
    }
  },
  // With one event per delivery, the inbox's own statements can keep their plans, too.
  settings: KEEP_PLANS,
  waitLimit: WAIT_LIMIT,
  // One mail per transaction: which rows a mail needs is known only after the mails before it are applied. Then its
  // rows can be locked in the order that holds everywhere.
  batchSize: 1,
  workers: 2,
  singleEvents: true,
})

const charsetOf = ({ headers }: Delivery<unknown>): string =>
  /;\s*charset="?([\w-]+)/i.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8'
