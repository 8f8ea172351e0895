import { sql } from 'drizzle-orm'
import type { Transaction } from '../db/transaction.ts'

// Locks are taken in one order everywhere: contacts, outreach, applications, users, mailboxes; rows by id, before
// they are updated. Whoever keeps to it cannot deadlock. "No key update" lets other services insert rows that
// refer to these meanwhile.

const lock =
  (table: string) =>
  async (tx: Transaction, ids: string[]): Promise<void> => {
    if (ids.length === 0) return
    await tx.execute(sql`
      select from ${sql.identifier(table)} where id = any(${sql.param(ids)}::bigint[]) order by id for no key update`)
  }

export const lockContacts = lock('contacts')
export const lockMailboxes = lock('mailboxes')
export const lockOutreach = lock('outreach')
export const lockApplications = lock('applications')
export const lockUsers = lock('users')
