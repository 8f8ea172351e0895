import type { Config } from '../../config.ts'
import { type Incident, recordIncidents } from '../../domain/mailbox-incidents.ts'
import type { Batch, Provider } from '../../inbox/provider.ts'
import { bounce } from './bounce.ts'
import { click } from './click.ts'
import { delivered } from './delivered.ts'
import { dropped } from './dropped.ts'
import { readEvents } from './events.ts'
import { findOutreach, type OutreachEvent } from './outreach.ts'
import { processed } from './processed.ts'
import { spamreport } from './spamreport.ts'
import { unsubscribe } from './unsubscribe.ts'
import { assertSignaturePresent, verifySignature } from './verify.ts'

/** In bytes. */
export const BODY_LIMIT = 5 * 1024 * 1024

/** Gets all events of its type in the batch, each with its outreach, whose rows are locked. */
type Handler = (events: OutreachEvent[], batch: Batch) => Promise<void>

/** What is applied of SendGrid's events; any other type is kept and ignored. */
const handlers = new Map<string, Handler>([
  ['processed', processed],
  ['delivered', delivered],
  ['bounce', bounce],
  ['spamreport', spamreport],
  ['click', click],
  ['unsubscribe', unsubscribe],
  ['group_unsubscribe', unsubscribe],
  ['dropped', dropped],
])

/** What counts against the mailbox that sent the mail, a blocked bounce too. */
const INCIDENTS = new Map<string, Incident['kind']>([
  ['bounce', 'bounce'],
  ['spamreport', 'spam'],
])

const toIncident = ({ claimed, mailboxId }: OutreachEvent): Incident[] => {
  const kind = INCIDENTS.get(claimed.eventType)
  return kind === undefined || mailboxId === null ? [] : [{ kind, mailboxId, claimed }]
}

export const createSendgrid = (config: Config): Provider<Buffer> => ({
  name: 'sendgrid',
  path: '/webhooks/sendgrid',
  bodyLimit: BODY_LIMIT,
  mediaTypes: ['application/json'],
  configured: config.SENDGRID_WEBHOOK_KEY.length > 0,
  precheck: assertSignaturePresent,
  verify: (delivery) => {
    verifySignature(delivery, {
      keys: config.SENDGRID_WEBHOOK_KEY,
      scheme: config.SENDGRID_WEBHOOK_SCHEME,
      maxAge: config.SENDGRID_MAX_AGE,
      maxFuture: config.MAX_FUTURE,
    })
    return { body: delivery.body, events: readEvents(delivery.body, delivery.receivedAt) }
  },
  read: ({ body, receivedAt }) => readEvents(body, receivedAt),
  handles: (eventType) => handlers.has(eventType),
  handle: async (events, batch) => {
    const found = await findOutreach(events, batch)
    for (const [type, ofType] of Map.groupBy(found, ({ claimed }) => claimed.eventType)) {
      await handlers.get(type)?.(ofType, batch)
    }
    await recordIncidents(batch, found.flatMap(toIncident))
  },
  waitLimit: 15 * 60_000,
  batchSize: 500,
  workers: 3,
})
