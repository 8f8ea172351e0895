import { and, eq, inArray, isNull, or, sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import {
  applications,
  contacts,
  mailboxes,
  mailboxIncidents,
  outreach,
  sequenceSteps,
  users,
} from '../../src/db/schema.ts'

// What the peers do for one event: the same domain rows as the service's, in the way Drizzle's documentation
// teaches, one event at a time.

/** What the peers use of an event. */
export interface SendgridEvent {
  sg_event_id: string
  event: string
  timestamp: number
  sg_message_id: string
  email: string
  outreach_id?: string
  type?: string
}

type Notify = (text: string) => Promise<void>

export const applyEvent = async (db: NodePgDatabase, event: SendgridEvent, notify: Notify): Promise<void> => {
  const outreachId = BigInt(event.outreach_id ?? 0)
  const at = new Date(event.timestamp * 1_000)
  const apply = handlers[event.event]
  if (apply !== undefined) await db.transaction((tx) => apply({ tx, outreachId, at, event, notify }))
}

interface Context {
  tx: NodePgDatabase
  outreachId: bigint
  at: Date
  event: SendgridEvent
  notify: Notify
}

/** SendGrid's id of the mail is kept, as by the service. */
const learned = ({ sg_message_id: id }: SendgridEvent) => ({
  sgMessageId: sql`coalesce(${outreach.sgMessageId}, ${id.split('.')[0]})`,
})

const hasAddress = ({ email }: SendgridEvent) => eq(sql`lower(${contacts.email})`, email.toLowerCase())

const raiseStatus = async (
  { tx, outreachId, event }: Context,
  status: 'delivered' | 'bounced' | 'spam',
  set = {},
) => {
  const [row] = await tx
    .update(outreach)
    .set({ status: sql`greatest(${outreach.status}, ${status})`, ...learned(event), ...set })
    .where(eq(outreach.id, outreachId))
    .returning({
      fromMailbox: outreach.fromMailbox,
      applicationId: outreach.applicationId,
    })
  return row
}

const incident = async ({ tx }: Context, kind: 'bounce' | 'spam', fromMailbox: string | null) => {
  if (fromMailbox === null) return
  const [mailbox] = await tx
    .update(mailboxes)
    .set(
      kind === 'bounce'
        ? { bounceCount7d: sql`${mailboxes.bounceCount7d} + 1` }
        : { spamReports7d: sql`${mailboxes.spamReports7d} + 1` },
    )
    .where(eq(sql`lower(${mailboxes.email})`, fromMailbox.toLowerCase()))
    .returning({ id: mailboxes.id })
  if (mailbox) await tx.insert(mailboxIncidents).values({ mailboxId: mailbox.id, kind })
}

const optOut = async ({ tx }: Context, contactId: bigint, reason: 'bounces' | 'spam') => {
  const stronger = reason === 'spam' ? [] : ['unsubscribed', 'spam']
  await tx
    .update(contacts)
    .set({ optedOut: true, optedOutAt: new Date(), optedOutReason: reason })
    .where(
      and(
        eq(contacts.id, contactId),
        or(
          isNull(contacts.optedOutReason),
          stronger.length === 0 ? sql`true` : sql`not ${inArray(contacts.optedOutReason, stronger)}`,
        ),
      ),
    )
  const ofContact = tx.select({ id: outreach.id }).from(outreach).where(eq(outreach.contactId, contactId))
  await tx
    .update(sequenceSteps)
    .set({ status: 'cancelled', cancelledReason: reason })
    .where(and(inArray(sequenceSteps.outreachId, ofContact), eq(sequenceSteps.status, 'scheduled')))
}

const handlers: Record<string, (context: Context) => Promise<void>> = {
  delivered: async (context) => {
    const { tx, at, event } = context
    await raiseStatus(context, 'delivered', {
      deliveredAt: sql`greatest(${outreach.deliveredAt}, ${at})`,
    })
    await tx
      .update(contacts)
      .set({ lastContactedAt: sql`greatest(${contacts.lastContactedAt}, ${at})` })
      .where(hasAddress(event))
  },

  click: async ({ tx, outreachId, at, event }) => {
    await tx
      .update(outreach)
      .set({
        linkClicks: sql`${outreach.linkClicks} + 1`,
        clickedAt: sql`least(${outreach.clickedAt}, ${at})`,
        ...learned(event),
      })
      .where(eq(outreach.id, outreachId))
  },

  bounce: async (context) => {
    const { tx, event } = context
    const row = await raiseStatus(context, 'bounced')
    if (row === undefined) return
    await incident(context, 'bounce', row.fromMailbox)
    if (event.type === 'blocked') return
    const bounced = await tx
      .update(contacts)
      .set({ bounceCount: sql`${contacts.bounceCount} + 1` })
      .where(hasAddress(event))
      .returning({ id: contacts.id, bounceCount: contacts.bounceCount })
    for (const { id, bounceCount } of bounced) if (bounceCount >= 3) await optOut(context, id, 'bounces')
  },

  spamreport: async (context) => {
    const { tx, outreachId, event, notify } = context
    const row = await raiseStatus(context, 'spam')
    if (row === undefined) return
    await incident(context, 'spam', row.fromMailbox)
    const reporters = await tx
      .update(contacts)
      .set({ spamReports: sql`${contacts.spamReports} + 1` })
      .where(hasAddress(event))
      .returning({ id: contacts.id })
    for (const { id } of reporters) await optOut(context, id, 'spam')
    const [user] =
      row.applicationId === null
        ? []
        : await tx
            .select({ email: users.email })
            .from(applications)
            .innerJoin(users, eq(users.id, applications.userId))
            .where(eq(applications.id, row.applicationId))
    await notify(`🚨 Spam report for outreach ${outreachId}. User: ${user?.email ?? 'unknown'}`)
  },
}
