import { type AnyColumn, type SQL, sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import {
  applications,
  contacts,
  mailboxes,
  outreach,
  sequenceSteps,
  subscriptions,
  users,
} from '../../../db/schema.ts'
import { plainArray, statement } from '../../../db/statement.ts'
import type { RowOfEvent } from '../../provider.ts'

/** A kind of row that an event can be about. */
export type WatchedKind = RowOfEvent['kind']

interface Watched {
  /** The kind of row they belong to: themselves, or the outreach or user they are part of. */
  of: WatchedKind
  owner: AnyColumn
  id: AnyColumn
  table: PgTable
  /** The tables and columns that are watched. None holds an address, a name or a text of a person. */
  columns: AnyColumn[]
}

const WATCHED: Record<string, Watched> = {
  outreach: {
    of: 'outreach',
    owner: outreach.id,
    id: outreach.id,
    table: outreach,
    columns: [
      outreach.status,
      outreach.deliveredAt,
      outreach.clickedAt,
      outreach.repliedAt,
      outreach.linkClicks,
      outreach.messageId,
      outreach.sgMessageId,
    ],
  },
  sequence_steps: {
    of: 'outreach',
    owner: sequenceSteps.outreachId,
    id: sequenceSteps.id,
    table: sequenceSteps,
    columns: [sequenceSteps.status, sequenceSteps.cancelledReason],
  },
  contacts: {
    of: 'contacts',
    owner: contacts.id,
    id: contacts.id,
    table: contacts,
    columns: [
      contacts.lastContactedAt,
      contacts.bounceCount,
      contacts.spamReports,
      contacts.optedOut,
      contacts.optedOutReason,
    ],
  },
  mailboxes: {
    of: 'mailboxes',
    owner: mailboxes.id,
    id: mailboxes.id,
    table: mailboxes,
    columns: [mailboxes.bounceCount7d, mailboxes.spamReports7d, mailboxes.healthScore],
  },
  applications: {
    of: 'applications',
    owner: applications.id,
    id: applications.id,
    table: applications,
    columns: [applications.status, applications.replyStatus],
  },
  users: {
    of: 'users',
    owner: users.id,
    id: users.id,
    table: users,
    columns: [
      users.subscriptionTier,
      users.subscriptionStatus,
      users.creditsRemaining,
      users.currentPeriodEnd,
      users.cancelAtPeriodEnd,
      users.stripeSubscriptionId,
    ],
  },
  subscriptions: {
    of: 'users',
    owner: subscriptions.userId,
    id: subscriptions.id,
    table: subscriptions,
    columns: [subscriptions.status, subscriptions.priceId, subscriptions.currentPeriodEnd],
  },
}

/** A watched row as it is now. */
export interface WatchedRow {
  table: string
  id: string
  /** The row that an event is about: `outreach:12`. */
  about: string
  /** Its columns as JSON text, to be compared as it is. */
  state: string
}

const stateOf = ({ columns }: Watched): SQL =>
  sql.join(
    columns.map((one) => sql`${sql.raw(`'${nameOf(one)}'`)}, ${one}`),
    sql`, `,
  )

const nameOf = (one: AnyColumn): string => one.name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const rowsOf = ([name, watched]: [string, Watched]): SQL => sql`
  select ${sql.raw(`'${name}'`)} as "table", ${watched.id}::text as id, ${sql.raw(`'${watched.of}:'`)} || ${watched.owner} as about,
         json_build_object(${stateOf(watched)})::text as state
  from ${watched.table} where ${watched.owner} = any(${sql.placeholder(watched.of)}::bigint[])`

/** All rows that belong to the given ones, each kind's ids as an array. */
const READ = statement<WatchedKind>(
  'inbox_read_watched',
  sql.join(Object.entries(WATCHED).map(rowsOf), sql` union all `),
)

/** @param ids by kind. @returns the statement that reads the rows. */
export const readWatched = (ids: ReadonlyMap<WatchedKind, ReadonlySet<string>>) => {
  const of = (kind: WatchedKind) => plainArray([...(ids.get(kind) ?? [])])
  return READ({
    outreach: of('outreach'),
    contacts: of('contacts'),
    mailboxes: of('mailboxes'),
    applications: of('applications'),
    users: of('users'),
  })
}
