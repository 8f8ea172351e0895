import { type AnyColumn, getTableColumns, getTableName } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import * as schema from './schema.ts'
import { columnName } from './statement.ts'

type Tables = {
  [Name in keyof typeof schema as (typeof schema)[Name] extends PgTable ? Name : never]: (typeof schema)[Name]
}

interface Rights<Column> {
  insert?: true
  /** Columns, where not all of them are the service's to change. */
  update?: true | readonly Column[]
  delete?: true
}

/** Rows of the inbox and its surroundings, which are the service's own. */
const OWN = { insert: true, update: true, delete: true } as const

/**
 * What the service does with each table besides reading it; what is not here its role may not do. A table of the schema
 * that is missing does not compile. An attacker who takes over the service's connection can change only what the
 * service can: no user's address, no contact's address, and no record of what an operator did.
 */
const RIGHTS: { [Name in keyof Tables]: Rights<keyof Tables[Name]['_']['columns']> } = {
  users: {
    update: [
      'stripeSubscriptionId',
      'subscriptionTier',
      'subscriptionStatus',
      'creditsRemaining',
      'currentPeriodEnd',
      'cancelAtPeriodEnd',
    ],
  },
  companies: {},
  jobs: {},
  applications: { update: ['status', 'replyStatus'] },
  contacts: {
    update: ['lastContactedAt', 'bounceCount', 'spamReports', 'optedOut', 'optedOutAt', 'optedOutReason'],
  },
  mailboxes: {
    update: [
      'bounceCount7d',
      'spamReports7d',
      'pausedAt',
      'pausedReason',
      'resumedAt',
      'warnedAt',
      'resumedBounceRate',
      'resumedSpamRate',
    ],
  },
  // To lock a row takes a column that may be changed.
  mailboxIncidents: { insert: true, update: ['kind'], delete: true },
  outreach: {
    update: [
      'messageId',
      'messageIdSeenAt',
      'sgMessageId',
      'sgMessageIdSeenAt',
      'status',
      'deliveredAt',
      'clickedAt',
      'repliedAt',
      'linkClicks',
    ],
  },
  sequenceSteps: { update: ['status', 'cancelledReason'] },
  inboundMessages: {
    insert: true,
    update: ['messageId', 'fromEmail', 'subject', 'bodyText', 'attachments'],
  },
  subscriptions: { insert: true, update: true },
  billingAccounts: { insert: true, update: true },
  invoices: { insert: true, update: true },
  creditGrants: { insert: true, update: true },
  pushSubscriptions: { delete: true },
  // A delivery is written once and never changed; `forget` alone does, as the owner.
  webhookDeliveries: { insert: true, delete: true },
  webhookQueue: { insert: true, update: ['nextPosition', 'claims'], delete: true },
  webhookEvents: OWN,
  webhookPauses: { insert: true, update: ['resumedAt'] },
  misunderstoodCauses: OWN,
  eventNotifications: OWN,
  eventChanges: { insert: true, delete: true },
  eventAttempts: { insert: true },
  silencedNotifications: OWN,
  /** Insert-only: what was done stays as it was written. */
  operatorActions: { insert: true },
  minuteCounts: OWN,
  serviceRuns: OWN,
  alerts: OWN,
  deferredDeliveries: OWN,
  serviceMarks: OWN,
  // To lock a row takes a column that may be changed.
  refusedDeliveries: { insert: true, update: ['because'], delete: true },
}

/**
 * What pg-boss does with its tables under the service's role, besides reading them. Queues and schedules are made by
 * `db:migrate`. Jobs are deleted when their time is over, and to be tried again.
 */
const QUEUE_RIGHTS: Record<string, string> = {
  version: 'update',
  // When it starts, pg-boss makes sure of a queue of its own; were that refused, no schedule would ever run.
  queue: 'insert, update',
  schedule: 'update',
  job: 'insert, update, delete',
  job_common: 'insert, update, delete',
  job_dependency: 'delete',
  instance: 'insert, update, delete',
  warning: 'insert, delete',
  queue_stats: 'insert, update, delete',
  bam: 'update',
}

/** A right on a table, as `grant` takes it; the table's name is one of this project's own. */
export interface TableRight {
  table: string
  privilege: string
}

/** What is not a table: accepting draws ids by itself, and operators see payloads through the view. */
const BESIDES: TableRight[] = [
  { table: 'webhook_deliveries_id_seq', privilege: 'usage' },
  { table: 'webhook_payloads', privilege: 'select' },
]

const TABLES: Tables = schema

export const tableRights = (): TableRight[] => [...Object.entries(RIGHTS).flatMap(rightsOf), ...BESIDES]

const rightsOf = ([name, rights]: [string, Rights<string>]): TableRight[] => {
  const table = TABLES[name as keyof Tables]
  const columns: Record<string, AnyColumn> = getTableColumns(table)
  const privileges = ['select']
  if (rights.insert) privileges.push('insert')
  if (rights.delete) privileges.push('delete')
  if (rights.update === true) privileges.push('update')
  else if (rights.update) {
    const names = rights.update.map((name) => columnName(columns[name] as AnyColumn))
    privileges.push(`update (${names.join()})`)
  }
  return privileges.map((privilege) => ({ table: getTableName(table), privilege }))
}

/** @param found the tables of pg-boss's schema: which there are depends on its version */
export const queueRights = (found: string[]): TableRight[] =>
  found.flatMap((table) => [
    { table: `pgboss."${table}"`, privilege: 'select' },
    ...(QUEUE_RIGHTS[table] === undefined
      ? []
      : [{ table: `pgboss."${table}"`, privilege: QUEUE_RIGHTS[table] }]),
  ])
