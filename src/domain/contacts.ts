import { sql } from 'drizzle-orm'
import { contacts } from '../db/schema.ts'
import { plainArray, textArray } from '../db/statement.ts'
import type { Transaction } from '../db/transaction.ts'

/** A contact whose row is locked. */
export interface LockedContact extends Record<string, unknown> {
  id: string
  email: string
  optedOut: boolean
}

/**
 * Locks these contacts and every contact with one of these addresses, in the order of their ids: two rows can be one
 * person. Addresses compare without case.
 */
export const lockPeople = async (
  tx: Transaction,
  { ids, emails }: { ids: string[]; emails: string[] },
): Promise<LockedContact[]> => {
  if (ids.length === 0 && emails.length === 0) return []
  const { rows } = await tx.execute<LockedContact>(sql`
    select ${contacts.id}, ${contacts.email}, ${contacts.optedOut} as "optedOut"
    from ${contacts}
    where ${contacts.id} = any(${plainArray(ids)}::bigint[])
       or lower(${contacts.email}) = any(
            array(select lower(u.email) from unnest(${textArray(emails)}::text[]) as u(email)))
    order by ${contacts.id} for no key update`)
  return rows
}
