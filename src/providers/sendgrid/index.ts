import type { Config } from '../../config.ts'
import { IN_ORDER_OF_THE_LIST } from '../../db/prepared.ts'
import { type Incident, recordIncidents } from '../../domain/mailbox-incidents.ts'
import type { Batch, ClaimedEvent } from '../../inbox/provider.ts'
import type { CreatedProvider } from '../record.ts'
import { accountStatusChange } from './account-status-change.ts'
import { bounce } from './bounce.ts'
import { click } from './click.ts'
import { delivered } from './delivered.ts'
import { dropped } from './dropped.ts'
import { fieldsOf, readEvents, readIdentities, whyTypeless } from './events.ts'
import { learnMailIds } from './learn.ts'
import { findOutreach, type ReadEvent, WAIT_LIMIT } from './outreach.ts'
import { createOutreachChanges, type OutreachChanges } from './outreach-changes.ts'
import { sendgridSignature } from './read-signature.ts'
import { lockRows } from './rows.ts'
import type { SendgridEvent } from './sendgrid-event.ts'
import { alertAbout, spamreport } from './spamreport.ts'
import { skipUnnamed } from './unnamed.ts'
import { unsubscribe } from './unsubscribe.ts'
import { assertSignaturePresent, verifySignature } from './verify.ts'

/** In bytes. */
export const BODY_LIMIT = 5 * 1024 * 1024

interface Rule {
  /**
   * Gets all events of its type in the batch, each with the rows it is about. Contacts are locked. What it changes in
   * outreach it adds to `changes`; a mailbox is locked by `recordIncidents` alone, at the end.
   */
  apply: (events: SendgridEvent[], batch: Batch, changes: OutreachChanges) => Promise<void>
  /**
   * Whether it changes the person's contacts: only through an outreach, or also when the event names none. Without it,
   * it is about the outreach alone.
   */
  contact?: 'by outreach' | 'always'
  /** It is about the account: no rows are looked up. */
  account?: true
  /** Without this field it cannot be applied. */
  needs?: 'type' | 'reason'
}

/** The event types that are applied. */
const rules = new Map<string, Rule>([
  // Its Message-ID is learned, as from `delivered`: see learn.ts.
  ['processed', { apply: async () => {} }],
  ['delivered', { apply: delivered, contact: 'by outreach' }],
  ['bounce', { apply: bounce, contact: 'always' }],
  ['spamreport', { apply: spamreport, contact: 'always' }],
  ['click', { apply: click }],
  ['unsubscribe', { apply: unsubscribe, contact: 'always' }],
  ['group_unsubscribe', { apply: unsubscribe, contact: 'always' }],
  ['dropped', { apply: dropped, contact: 'always', needs: 'reason' }],
  ['account_status_change', { apply: accountStatusChange, account: true, needs: 'type' }],
])

/** The other types that it sends. They are kept, and ignored. */
const IGNORED = ['deferred', 'open', 'group_resubscribe']

/** The types that count against the mailbox that sent the mail. A blocked bounce counts, too. */
const INCIDENTS = new Map<string, Incident['kind']>([
  ['bounce', 'bounce'],
  ['spamreport', 'spam'],
])

const toIncident = ({ claimed, mailboxId }: SendgridEvent): Incident[] => {
  const kind = INCIDENTS.get(claimed.eventType)
  return kind === undefined || mailboxId === null ? [] : [{ kind, mailboxId, claimed }]
}

export const createSendgrid = (config: Config): CreatedProvider<Buffer> => ({
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
    return { body: delivery.body, ...readIdentities(delivery.body) }
  },
  read: ({ body, receivedAt }) => readEvents(body, receivedAt),
  readSignature: (delivery) => sendgridSignature(delivery, config),
  handles: (eventType) => rules.has(eventType),
  eventTypes: new Set([...rules.keys(), ...IGNORED]),
  whyTypeless,
  handle: async (claimed, batch) => {
    const read = readable(claimed, batch)
    const { mail = [], account = [] } = Object.groupBy(read, ({ claimed }) =>
      rules.get(claimed.eventType)?.account ? 'account' : 'mail',
    )
    const changes = createOutreachChanges()
    const events = [...(await findRows(mail, batch, changes)), ...account.map(withoutRows)]
    for (const [type, ofType] of Map.groupBy(events, ({ claimed }) => claimed.eventType)) {
      await rules.get(type)?.apply(ofType, batch, changes)
    }
    await changes.write(batch)
    await recordIncidents(batch, events.flatMap(toIncident))
  },
  // Large volume, and each event does little.
  redisMayAnswer: true,
  waitLimit: WAIT_LIMIT,
  settings: IN_ORDER_OF_THE_LIST,
  batchSize: 1_000,
  workers: 2,
})

/** Reads the events. One that lacks a field that its rule needs is skipped and reported as misunderstood. */
const readable = (claimed: ClaimedEvent[], batch: Batch): ReadEvent[] =>
  claimed.flatMap((one) => {
    const event = { claimed: one, fields: fieldsOf(one) }
    const needs = rules.get(one.eventType)?.needs
    if (needs === undefined || event.fields[needs] !== undefined) return [event]
    batch.skip(one, `the event has no usable "${needs}"`)
    batch.misunderstood(one, {
      reason: 'missing_field',
      cause: `${one.eventType}.${needs}`,
      text: `the event ${one.eventType} came without a usable "${needs}" and was not applied`,
    })
    return []
  })

const withoutRows = (event: ReadEvent): SendgridEvent => ({
  ...event,
  outreachId: null,
  mailboxId: null,
  contactIds: [],
})

/** Finds the rows that each event is about, and locks its contacts. An event without such rows is skipped, or waits. */
const findRows = async (
  mail: ReadEvent[],
  batch: Batch,
  changes: OutreachChanges,
): Promise<SendgridEvent[]> => {
  const named = await findOutreach(mail, batch)
  const events = await lockRows(named, batch, (type) => rules.get(type)?.contact !== undefined)
  learnMailIds(named, changes)
  return events.filter((event) => {
    const { claimed, fields, outreachId, contactIds } = event
    if (outreachId !== null) return true
    if (rules.get(claimed.eventType)?.contact === 'always' && contactIds.length > 0) {
      if (fields.outreachId !== undefined) {
        batch.log('warn', 'outreach not found', claimed, { outreachId: fields.outreachId })
      }
      return true
    }
    skipUnnamed(event, batch)
    if (claimed.eventType === 'spamreport') alertAbout(event, new Map(), batch)
    return false
  })
}
