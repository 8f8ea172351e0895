import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  customType,
  doublePrecision,
  index,
  integer,
  json,
  jsonb,
  pgEnum,
  pgTable,
  pgView,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { errorGroup } from './error-group.ts'
import { domainKey, factKey, messageIdKey } from './index-keys.ts'
import { namedBefore } from './named-before.ts'
import type { RowChange } from './row-change.ts'

// RoleFerry's tables, as this service and RoleFerry's other services read and write them.
// The other services insert rows too, so every column but ids and e-mails is nullable or has a default.

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const id = () => bigint({ mode: 'bigint' }).primaryKey().generatedByDefaultAsIdentity()
const reference = () => bigint({ mode: 'bigint' })
const time = () => timestamp({ withTimezone: true })
const count = () => integer().notNull().default(0)
/** `catch-up`: not signed by its provider, but fetched with our key to its API. */
const source = () =>
  text({ enum: ['delivery', 'catch-up'] })
    .notNull()
    .default('delivery')

/** Statuses only rise, in this order: `greatest(status, …)` is the whole rule. */
export const outreachStatus = pgEnum('outreach_status', [
  'draft',
  'scheduled',
  'sent',
  'dropped',
  'delivered',
  'bounced',
  'replied',
  'spam',
])

export const users = pgTable(
  'users',
  {
    id: id(),
    email: text().notNull(),
    stripeCustomerId: text(),
    stripeSubscriptionId: text(),
    subscriptionTier: text().notNull().default('free'),
    subscriptionStatus: text(),
    creditsRemaining: count(),
    currentPeriodEnd: time(),
    cancelAtPeriodEnd: boolean().notNull().default(false),
  },
  (t) => [
    unique('users_stripe_customer_id_key').on(t.stripeCustomerId),
    index('users_stripe_subscription_id_idx').on(t.stripeSubscriptionId),
    index('users_email_idx').on(sql`lower(${t.email})`),
    check('users_subscription_tier_check', sql`${t.subscriptionTier} in ('free', 'pro', 'teams')`),
  ],
)

export const companies = pgTable('companies', { id: id(), name: text() })

export const jobs = pgTable('jobs', {
  id: id(),
  companyId: reference().references(() => companies.id, { onDelete: 'set null' }),
  title: text(),
})

export const applications = pgTable(
  'applications',
  {
    id: id(),
    userId: reference().references(() => users.id, { onDelete: 'set null' }),
    jobId: reference().references(() => jobs.id, { onDelete: 'set null' }),
    status: text().notNull().default('applied'),
    replyStatus: text(),
  },
  (t) => [index('applications_user_id_idx').on(t.userId)],
)

export const contacts = pgTable(
  'contacts',
  {
    id: id(),
    companyId: reference().references(() => companies.id, { onDelete: 'set null' }),
    email: text().notNull(),
    firstName: text(),
    lastName: text(),
    lastContactedAt: time(),
    bounceCount: count(),
    spamReports: count(),
    optedOut: boolean().notNull().default(false),
    optedOutAt: time(),
    optedOutReason: text(),
  },
  (t) => [
    index('contacts_email_idx').on(sql`lower(${t.email})`),
    index('contacts_domain_idx').on(domainKey(t.email)),
  ],
)

export const mailboxes = pgTable(
  'mailboxes',
  {
    id: id(),
    email: text().notNull(),
    bounceCount7d: integer('bounce_count_7d').notNull().default(0),
    spamReports7d: integer('spam_reports_7d').notNull().default(0),
    /** The mailbox guard: the sending service sends nothing from a mailbox while `paused_at` is set. */
    pausedAt: time(),
    pausedReason: text(),
    resumedAt: time(),
    warnedAt: time(),
    /** Bounces and spam reports per mail sent, from 0 to 1, over the seven days before it was resumed. */
    resumedBounceRate: doublePrecision(),
    resumedSpamRate: doublePrecision(),
    healthScore: integer()
      .notNull()
      .generatedAlwaysAs(sql`greatest(0, 100 - 5 * bounce_count_7d - 25 * spam_reports_7d)`),
  },
  (t) => [
    unique('mailboxes_email_key').on(t.email),
    // Addresses compare without case, so two rows must not differ by case alone.
    uniqueIndex('mailboxes_email_lower_key').on(sql`lower(${t.email})`),
  ],
)

/** What the rolling seven-day counts of `mailboxes` are made of. */
export const mailboxIncidents = pgTable(
  'mailbox_incidents',
  {
    id: id(),
    mailboxId: reference()
      .notNull()
      .references(() => mailboxes.id, { onDelete: 'cascade' }),
    kind: text(),
    arrivedAt: time().notNull().defaultNow(),
  },
  (t) => [
    index('mailbox_incidents_mailbox_id_arrived_at_idx').on(t.mailboxId, t.arrivedAt),
    index('mailbox_incidents_arrived_at_idx').on(t.arrivedAt),
    check('mailbox_incidents_kind_check', sql`${t.kind} in ('bounce', 'spam')`),
  ],
)

export const outreach = pgTable(
  'outreach',
  {
    id: id(),
    applicationId: reference().references(() => applications.id, { onDelete: 'set null' }),
    contactId: reference().references(() => contacts.id, { onDelete: 'set null' }),
    fromMailbox: text(),
    messageId: text(),
    /** Event time our `message_id` was learned from; null when another service wrote it. */
    messageIdSeenAt: time(),
    /** SendGrid's id of the mail: its `sg_message_id` up to the first dot. */
    sgMessageId: text(),
    /** Event time our `sg_message_id` was learned from; null when another service wrote it. */
    sgMessageIdSeenAt: time(),
    status: outreachStatus().notNull().default('draft'),
    sentAt: time(),
    deliveredAt: time(),
    clickedAt: time(),
    repliedAt: time(),
    linkClicks: count(),
  },
  (t) => [
    index('outreach_message_id_key_idx').on(messageIdKey(t.messageId)),
    index('outreach_sg_message_id_idx').on(t.sgMessageId),
    index('outreach_contact_id_idx').on(t.contactId),
    index('outreach_application_id_idx').on(t.applicationId),
    index('outreach_from_mailbox_sent_at_idx').on(sql`lower(${t.fromMailbox})`, t.sentAt),
    // The latest unanswered outreach of a mailbox. The index leaves the status out, which nearly every event changes:
    // an update of a column that an index holds writes into every index of the table.
    index('outreach_unanswered_idx')
      .on(sql`lower(${t.fromMailbox})`, t.sentAt.desc().nullsLast(), t.id.desc())
      .where(sql`${t.repliedAt} is null`),
  ],
)

export const sequenceSteps = pgTable(
  'sequence_steps',
  {
    id: id(),
    outreachId: reference().references(() => outreach.id, { onDelete: 'cascade' }),
    position: integer(),
    scheduledAt: time(),
    status: text().notNull().default('scheduled'),
    cancelledReason: text(),
  },
  (t) => [
    index('sequence_steps_outreach_id_idx').on(t.outreachId),
    check('sequence_steps_status_check', sql`${t.status} in ('scheduled', 'sent', 'cancelled')`),
  ],
)

export const inboundMessages = pgTable(
  'inbound_messages',
  {
    id: id(),
    outreachId: reference().references(() => outreach.id, { onDelete: 'set null' }),
    messageId: text(),
    fromEmail: text(),
    recipient: text(),
    subject: text(),
    bodyText: text(),
    kind: text(),
    matchedBy: text(),
    attachments: jsonb(),
    receivedAt: time(),
  },
  (t) => [
    index('inbound_messages_outreach_id_idx').on(t.outreachId),
    index('inbound_messages_received_at_idx').on(t.receivedAt),
    check(
      'inbound_messages_kind_check',
      sql`${t.kind} in ('reply', 'auto_reply', 'bounce', 'complaint', 'own', 'unsubscribe')`,
    ),
    check(
      'inbound_messages_matched_by_check',
      sql`${t.matchedBy} in ('thread', 'sender', 'domain', 'mailbox')`,
    ),
  ],
)

export const subscriptions = pgTable(
  'subscriptions',
  {
    id: text().primaryKey(),
    userId: reference().references(() => users.id, { onDelete: 'cascade' }),
    status: text(),
    priceId: text(),
    currentPeriodEnd: time(),
    lastEventAt: time(),
    /** The snapshots, from which the columns above are derived: see src/billing/facts.ts. */
    facts: jsonb(),
  },
  (t) => [index('subscriptions_user_id_idx').on(t.userId)],
)

/** What is known of a user as a payer, beside the facts about the subscriptions: see src/billing/account.ts. */
export const billingAccounts = pgTable(
  'billing_accounts',
  {
    userId: reference()
      .primaryKey()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** The user's row as it was before the first event. */
    firstRow: jsonb().notNull(),
    /** A reconciliation has merged all that Stripe has of the customer. */
    listed: boolean().notNull().default(false),
    /** What was spent of each lot, in credits by the lot's key. */
    spent: jsonb().notNull(),
    /** Credits that other services added. */
    added: integer().notNull(),
    /** The `credits_remaining` that were written last: others have spent or added the difference. */
    written: integer().notNull(),
  },
  (t) => [index('billing_accounts_named_before_idx').on(namedBefore(t.firstRow))],
)

export const invoices = pgTable(
  'invoices',
  {
    id: text().primaryKey(),
    subscriptionId: text(),
    paidAt: time(),
    failedAt: time(),
    /** What else the rules need of it: see src/billing/facts.ts. Null of a one-off invoice. */
    facts: jsonb(),
  },
  (t) => [index('invoices_subscription_id_idx').on(t.subscriptionId)],
)

export const creditGrants = pgTable(
  'credit_grants',
  {
    id: id(),
    userId: reference()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    grantKey: text(),
    subscriptionId: text(),
    periodStart: time(),
    credits: integer(),
    grantedAt: time(),
  },
  (t) => [unique('credit_grants_user_id_grant_key_key').on(t.userId, t.grantKey)],
)

export const pushSubscriptions = pgTable(
  'push_subscriptions',
  {
    id: id(),
    userId: reference().references(() => users.id, { onDelete: 'cascade' }),
    endpoint: text(),
    p256dh: text(),
    auth: text(),
  },
  (t) => [
    unique('push_subscriptions_endpoint_key').on(t.endpoint),
    index('push_subscriptions_user_id_idx').on(t.userId),
  ],
)

/**
 * What came: a log, written once, partitioned by day of arrival (see the functions in `migrations/`). Its rows are never
 * changed, except when a person is forgotten. See src/inbox/README.md.
 */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: bigint({ mode: 'bigint' }).notNull().generatedByDefaultAsIdentity(),
    receivedAt: time().notNull(),
    provider: text().notNull(),
    /** Those worth keeping, without any that identifies a session. */
    headers: json(),
    eventCount: integer().notNull(),
    /** As it was verified; of a mail what is kept of it, as JSON. Compressed by Postgres. */
    body: bytea().notNull(),
  },
  (t) => [
    primaryKey({ name: 'webhook_deliveries_pkey', columns: [t.id, t.receivedAt] }),
    // Lists of a provider, however rare its deliveries are among the others'.
    index('webhook_deliveries_provider_idx').on(t.provider, t.id),
  ],
)

/** The deliveries that are not processed yet. A row is deleted by the transaction that writes its events. */
export const webhookQueue = pgTable(
  'webhook_queue',
  {
    deliveryId: bigint({ mode: 'bigint' }).notNull(),
    receivedAt: time().notNull(),
    provider: text().notNull(),
    eventCount: integer().notNull(),
    /** SHA-256 of the body. */
    bodyHash: bytea().notNull(),
    /** Of providers that send one event per delivery. */
    eventId: text(),
    dedupeKey: text(),
    source: source(),
    /** Of a delivery too large for one transaction: the first event that is not processed. */
    nextPosition: count(),
    /** How often it was taken after an unclean end; committed before its body is read. */
    claims: count(),
  },
  (t) => [
    // Oldest first, by provider.
    primaryKey({ name: 'webhook_queue_pkey', columns: [t.provider, t.deliveryId] }),
    unique('webhook_queue_provider_body_hash_key').on(t.provider, t.bodyHash),
    // Partial, so that SendGrid's deliveries have no entries there.
    uniqueIndex('webhook_queue_provider_event_id_key')
      .on(t.provider, t.eventId)
      .where(sql`${t.eventId} is not null`),
    uniqueIndex('webhook_queue_provider_dedupe_key_key')
      .on(t.provider, t.dedupeKey)
      .where(sql`${t.dedupeKey} is not null`),
  ],
)

export const EVENT_STATUSES = ['pending', 'processed', 'ignored', 'skipped', 'dead'] as const
export type EventStatus = (typeof EVENT_STATUSES)[number]

/** The facts, each written once by the transaction that applies it. */
export const webhookEvents = pgTable(
  'webhook_events',
  {
    id: id(),
    provider: text().notNull().default('unknown'),
    eventId: text().notNull(),
    dedupeKey: text().notNull().default(sql`gen_random_uuid()::text`),
    eventType: text().notNull().default('unknown'),
    source: source(),
    subject: text(),
    /** Where its payload is: this delivery, received at exactly `received_at`, and the place in it, from 0. */
    deliveryId: bigint({ mode: 'bigint' }),
    position: count(),
    status: text().notNull().default('pending'),
    /** Attempts begun, the successful one included; waiting for a row does not count. */
    attempts: count(),
    /** The last failure, or why the event was skipped. Kept when it succeeds after all. */
    lastError: text(),
    occurredAt: time(),
    receivedAt: time().notNull().defaultNow(),
    /** Set for `processed` and `ignored`. On a pending row: its effects are applied, it is only replayed. */
    processedAt: time(),
    /** Of a pending event: when it is due; null while its provider or type is paused. */
    nextAttemptAt: time(),
    /** Since when it waits for a row that is not there yet; stays when it is `skipped` for that. */
    waitingSince: time(),
    /** Why no rule understood it; null for nearly every event. */
    misunderstood: text(),
  },
  (t) => [
    unique('webhook_events_provider_event_id_key').on(t.provider, t.eventId),
    // Unique on (provider, dedupe_key).
    uniqueIndex('webhook_events_fact_key').on(factKey(t.provider, t.dedupeKey)),
    index('webhook_events_subject_idx').on(t.subject),
    index('webhook_events_misunderstood_idx').on(t.receivedAt).where(sql`${t.misunderstood} is not null`),
    // Errors that are alike: few events have one.
    index('webhook_events_error_idx')
      .on(errorGroup(t.lastError), t.receivedAt, t.id)
      .where(sql`${t.lastError} is not null`),
    // Lists, counts and retention by any filter (see src/operations/matching.ts), and the events of a delivery.
    index('webhook_events_list_idx').on(t.status, t.provider, t.eventType, t.receivedAt, t.id),
    // What is due, in two parts: events that go together, and those that go alone (see src/inbox/process/pending.ts).
    index('webhook_events_due_idx')
      .on(t.provider, t.nextAttemptAt, t.id)
      .where(sql`${t.status} = 'pending' and ${t.attempts} = 0`),
    index('webhook_events_due_alone_idx')
      .on(t.provider, t.nextAttemptAt, t.id)
      .where(sql`${t.status} = 'pending' and ${t.attempts} > 0`),
    check(
      'webhook_events_status_check',
      sql`${t.status} in ('pending', 'processed', 'ignored', 'skipped', 'dead')`,
    ),
  ],
)

/** Payloads, for looking at single events: see the function behind it in the migrations. */
export const webhookPayloads = pgView('webhook_payloads', {
  id: reference(),
  provider: text(),
  eventId: text(),
  payload: jsonb(),
}).existing()

/** What an operator has paused: a provider, or one of its event types. Kept once it is resumed. */
export const webhookPauses = pgTable(
  'webhook_pauses',
  {
    id: id(),
    provider: text().notNull(),
    /** Empty: the whole provider. */
    eventType: text().notNull().default(''),
    reason: text().notNull(),
    operator: text().notNull(),
    pausedAt: time().notNull(),
    resumedAt: time(),
  },
  (t) => [
    uniqueIndex('webhook_pauses_current_key').on(t.provider, t.eventType).where(sql`${t.resumedAt} is null`),
  ],
)

/**
 * What was not understood and has been alerted: a row per provider, reason and cause. Kept for good, so that one cause
 * is reported once; alerts are limited per day, and so are the rows.
 */
export const misunderstoodCauses = pgTable(
  'misunderstood_causes',
  {
    provider: text().notNull(),
    reason: text().notNull(),
    /** An event type, a field, a price id or a status. */
    cause: text().notNull(),
    alertedAt: time().notNull(),
  },
  (t) => [
    primaryKey({ name: 'misunderstood_causes_pkey', columns: [t.provider, t.reason, t.cause] }),
    index('misunderstood_causes_alerted_at_idx').on(t.provider, t.alertedAt),
  ],
)

/** What an event changed, row by row, where `KEEP_CHANGES` is on. Kept 30 days (see src/changes). */
export const eventChanges = pgTable(
  'event_changes',
  {
    eventRowId: reference()
      .notNull()
      .references(() => webhookEvents.id, { onDelete: 'cascade' }),
    changedAt: time().notNull(),
    changes: jsonb().$type<RowChange[]>().notNull(),
  },
  (t) => [
    primaryKey({ name: 'event_changes_pkey', columns: [t.eventRowId, t.changedAt] }),
    index('event_changes_changed_at_idx').on(t.changedAt),
  ],
)

/** Attempts that failed. Kept as long as their event. */
export const eventAttempts = pgTable(
  'event_attempts',
  {
    id: id(),
    eventRowId: reference()
      .notNull()
      .references(() => webhookEvents.id, { onDelete: 'cascade' }),
    /** From 1; a replay counts from 1 again. */
    attempt: integer().notNull(),
    failedAt: time().notNull(),
    error: text().notNull(),
  },
  (t) => [index('event_attempts_event_row_id_idx').on(t.eventRowId)],
)

/** The notifications an event asked for. Their state is pg-boss's, which forgets a job after 30 days. */
export const eventNotifications = pgTable(
  'event_notifications',
  {
    /** Why its column is not called so: see docs/architecture.md. */
    eventRowId: bigint('event_id', { mode: 'bigint' })
      .notNull()
      .references(() => webhookEvents.id, { onDelete: 'cascade' }),
    jobId: uuid().notNull(),
    channel: text().notNull(),
    key: text().notNull(),
    requestedAt: time().notNull().defaultNow(),
  },
  (t) => [primaryKey({ name: 'event_notifications_pkey', columns: [t.eventRowId, t.jobId] })],
)

/**
 * Notifications that count as requested but are never sent: what they say was already old when it became known. Kept
 * for as long as pg-boss keeps the jobs of the others.
 */
export const silencedNotifications = pgTable('silenced_notifications', {
  /** The id that the job would have, made of the key. */
  jobId: uuid().primaryKey(),
  channel: text().notNull(),
  key: text().notNull(),
  silencedAt: time().notNull().defaultNow(),
})

/** What an operator did, to an event or to something else, and why. */
export const operatorActions = pgTable(
  'operator_actions',
  {
    id: id(),
    /** Without a foreign key: what was done outlives the event. */
    eventRowId: reference(),
    /** What it was done to when that is no event: `mailbox:a@b`, `provider:stripe`, `provider:sendgrid/click`. */
    subject: text(),
    action: text().notNull(),
    reason: text().notNull(),
    operator: text().notNull(),
    /** `console` or `command line`. */
    via: text().notNull(),
    actedAt: time().notNull(),
    /** Of an event, and so is the next one. */
    statusBefore: text(),
    errorBefore: text(),
    /** Of a replay: when its turn is. Replays are spread, so that live events go first. */
    dueAt: time(),
    /** The rows of one request, such as a replay of many events, share it. */
    requestId: uuid().notNull().default(sql`gen_random_uuid()`),
    /** The first row of its request: lists show these. */
    leads: boolean().notNull().default(true),
    /** Rows that it changed, where the request has no row for each. */
    affected: integer(),
  },
  (t) => [
    index('operator_actions_event_row_id_idx').on(t.eventRowId),
    index('operator_actions_due_at_idx').on(t.dueAt),
    index('operator_actions_request_id_idx').on(t.requestId),
    index('operator_actions_leads_idx').on(t.id).where(sql`${t.leads}`),
    check(
      'operator_actions_action_check',
      sql`${t.action} in ('replay', 'discard', 'pause', 'resume', 'resume mailbox', 'forget', 'reconcile', 'catch up', 'forget redis')`,
    ),
  ],
)

/** What came and how it ended, per minute; flushed every few seconds. Kept eight days. */
export const minuteCounts = pgTable(
  'minute_counts',
  {
    minute: time().notNull(),
    provider: text().notNull(),
    /** processed, ignored, skipped, dead, failed (an attempt), duplicate or refused (a delivery). */
    outcome: text().notNull(),
    /** Of a refusal: why. */
    reason: text().notNull().default(''),
    count: bigint({ mode: 'number' }).notNull(),
  },
  (t) => [primaryKey({ name: 'minute_counts_pkey', columns: [t.minute, t.provider, t.outcome, t.reason] })],
)

/**
 * Deliveries that were refused, kept for an investigation: of each provider and reason the newest 50, for 7 days (see
 * src/refused).
 */
export const refusedDeliveries = pgTable(
  'refused_deliveries',
  {
    id: id(),
    provider: text().notNull(),
    reason: text().notNull(),
    refusedAt: time().notNull(),
    /** The sender's IP address. */
    source: text().notNull(),
    /** Without logins and what proxies add. */
    headers: jsonb().$type<Record<string, string>>().notNull(),
    /** The first 4 KiB, without Mailgun's signature; null when nothing had arrived. */
    body: bytea(),
    /** `wrong key`, `changed body`, `stale` or `malformed`; null where the signature is not the reason. */
    diagnosis: text(),
    /** The diagnosis in words. */
    because: text(),
  },
  (t) => [index('refused_deliveries_provider_reason_idx').on(t.provider, t.reason, t.refusedAt)],
)

/**
 * Signed deliveries that got 503, so that an operator can tell after an outage whether they came again. Kept as long as
 * refused ones.
 */
export const deferredDeliveries = pgTable(
  'deferred_deliveries',
  {
    id: id(),
    provider: text().notNull(),
    deferredAt: time().notNull(),
    /** Of its first event. */
    dedupeKey: text().notNull(),
    eventCount: integer().notNull(),
  },
  (t) => [index('deferred_deliveries_deferred_at_idx').on(t.deferredAt)],
)

/** When the service started and stopped and when its database was away: marks in the charts. */
export const serviceMarks = pgTable(
  'service_marks',
  {
    id: id(),
    kind: text({ enum: ['start', 'stop', 'outage'] }).notNull(),
    at: time().notNull(),
    /** Of an outage. */
    endedAt: time(),
    /** Where it ran: host and port. */
    instance: text().notNull(),
    /** The version that started. */
    detail: text(),
  },
  (t) => [index('service_marks_at_idx').on(t.at)],
)

/**
 * Alerts: states that somebody must know about, from start to end, and where Slack has the message (see src/alerts).
 */
export const alerts = pgTable(
  'alerts',
  {
    key: text().primaryKey(),
    cause: text().notNull(),
    kind: text().notNull(),
    /** Where the alert goes. */
    channel: text().notNull(),
    text: text().notNull(),
    /** What its kind finds it by: a mailbox's id, or why an event was not understood. */
    subject: text(),
    count: count(),
    startedAt: time().notNull(),
    lastAt: time().notNull(),
    endedAt: time(),
    slackChannel: text(),
    slackTs: text(),
    /** The message as it was last posted. */
    told: text(),
    /** When it was last posted as a new line, because Slack would not edit the message. */
    lineAt: time(),
  },
  (t) => [uniqueIndex('alerts_cause_open_key').on(t.cause).where(sql`${t.endedAt} is null`)],
)

/** Runs of the service that have not ended, or whose end has not been examined yet (see src/inbox/process/runs.ts). */
export const serviceRuns = pgTable('service_runs', {
  /** Where it runs, and its id. */
  instance: text().primaryKey(),
  runId: uuid(),
  startedAt: time(),
  cleanlyStoppedAt: time(),
})
