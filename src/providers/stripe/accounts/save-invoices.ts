import { sql } from 'drizzle-orm'
import type { Invoice } from '../../../billing/facts.ts'
import { invoices } from '../../../db/schema.ts'
import { excluded } from '../../../db/statement.ts'
import type { Transaction } from '../../../db/transaction.ts'
import type { OneOffReading } from '../reading.ts'
import { toStoredInvoice, toTime } from './stored.ts'

/** Writes what is known of the invoices of subscriptions. */
export const saveInvoices = (
  tx: Transaction,
  all: { subscriptionId: string; invoice: Invoice }[],
): Promise<void> =>
  write(
    tx,
    all.map(({ subscriptionId, invoice }) => ({
      id: invoice.id,
      subscriptionId,
      paidAt: toTime(invoice.paidAt),
      failedAt: toTime(invoice.failedAt),
      facts: toStoredInvoice(invoice),
    })),
  )

/** Writes when invoices that have to do with no subscription were paid or failed. */
export const saveOneOffs = (tx: Transaction, all: OneOffReading[]): Promise<void> => {
  const byId = Map.groupBy(all, ({ invoiceId }) => invoiceId)
  return write(
    tx,
    [...byId].map(([id, ofIt]) => {
      const times = (wanted: OneOffReading['outcome']) =>
        ofIt.flatMap(({ outcome, at }) => (outcome === wanted ? at : []))
      const [paid, failed] = [times('paid'), times('failed')]
      return {
        id,
        paidAt: paid.length === 0 ? null : toTime(Math.min(...paid)),
        failedAt: failed.length === 0 ? null : toTime(Math.max(...failed)),
      }
    }),
  )
}

/** The earliest payment and the latest failure stand, whichever came first. */
const write = async (tx: Transaction, rows: (typeof invoices.$inferInsert)[]): Promise<void> => {
  if (rows.length === 0) return
  const { id, subscriptionId, paidAt, failedAt, facts } = invoices
  await tx
    .insert(invoices)
    .values(rows.sort((a, b) => (a.id < b.id ? -1 : 1)))
    .onConflictDoUpdate({
      target: id,
      set: {
        subscriptionId: sql`coalesce(${excluded(subscriptionId)}, ${subscriptionId})`,
        paidAt: sql`least(${paidAt}, ${excluded(paidAt)})`,
        failedAt: sql`greatest(${failedAt}, ${excluded(failedAt)})`,
        facts: sql`coalesce(${excluded(facts)}, ${facts})`,
      },
    })
}
