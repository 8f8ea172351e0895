import { type SQLWrapper, sql } from 'drizzle-orm'
import { executePrepared } from '../db/prepared.ts'
import { contacts, mailboxes, outreach, users } from '../db/schema.ts'
import { plainArray } from '../db/statement.ts'
import type { Transaction } from '../db/transaction.ts'

// Locks are taken in one order everywhere: contacts, outreach, applications, users, mailboxes; rows by id, before they are
// updated, or by one update per table that takes them in that order (`IN_ORDER_OF_THE_LIST`). Transactions that keep to
// it cannot deadlock. "No key update" lets other services insert rows that refer to these meanwhile.

const lock =
  (name: string, table: SQLWrapper & { id: SQLWrapper }) =>
  async (tx: Transaction, ids: string[]): Promise<void> => {
    if (ids.length === 0) return
    await executePrepared(
      tx,
      `lock_${name}`,
      sql`
        select from ${table} where ${table.id} = any(${plainArray(ids)}::bigint[])
        order by ${table.id} for no key update`,
    )
  }

export const lockContacts = lock('contacts', contacts)
export const lockMailboxes = lock('mailboxes', mailboxes)
export const lockOutreach = lock('outreach', outreach)
export const lockUsers = lock('users', users)
