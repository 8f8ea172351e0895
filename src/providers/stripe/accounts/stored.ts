import type { Invoice, Snapshot, Subscription } from '../../../billing/facts.ts'
import { keyOf } from '../../../billing/facts.ts'
import type { invoices, subscriptions } from '../../../db/schema.ts'
import { type FormerFacts, formerInvoice, formerSubscription } from './former.ts'

/** `subscriptions.facts`. */
export interface StoredSubscription {
  snapshots: Snapshot[]
  hadBegun: boolean
}

/** `invoices.facts`: what is not in a column. */
export type StoredInvoice = Omit<Invoice, 'id' | 'paidAt' | 'failedAt'>

export type SubscriptionRow = typeof subscriptions.$inferSelect
export type InvoiceRow = typeof invoices.$inferSelect

export const toSeconds = (time: Date | null): number | null => time && Math.floor(time.getTime() / 1_000)
export const toTime = (seconds: number | null): Date | null =>
  seconds === null ? null : new Date(seconds * 1_000)

/** Reads a subscription with its invoices; undefined when nothing is known of it but what another service wrote. */
export const readStored = (row: SubscriptionRow, ofIt: InvoiceRow[]): Subscription | undefined => {
  const facts = row.facts as StoredSubscription | FormerFacts | null
  const invoices = (read: (one: InvoiceRow) => Invoice) => new Map(ofIt.map((one) => [one.id, read(one)]))
  if (facts === null) return undefined
  const lastEventAt = toSeconds(row.lastEventAt) ?? 0
  if (!('snapshots' in facts)) {
    return {
      ...formerSubscription(row.id, facts),
      lastEventAt,
      invoices: invoices((one) => readInvoice(one, facts.paid)),
    }
  }
  return {
    id: row.id,
    hadBegun: facts.hadBegun,
    lastEventAt,
    snapshots: new Map(facts.snapshots.map((one) => [keyOf(one), one])),
    invoices: invoices((one) => readInvoice(one, false)),
  }
}

const readInvoice = ({ id, paidAt, failedAt, facts }: InvoiceRow, wasPaid: boolean): Invoice => {
  const times = { id, paidAt: toSeconds(paidAt), failedAt: toSeconds(failedAt) }
  return facts === null ? formerInvoice(times, wasPaid) : { ...(facts as StoredInvoice), ...times }
}

export const toStored = ({ snapshots, hadBegun }: Subscription): StoredSubscription => ({
  snapshots: [...snapshots.values()],
  hadBegun,
})

export const toStoredInvoice = ({ id, paidAt, failedAt, ...facts }: Invoice): StoredInvoice => facts
