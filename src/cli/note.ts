import type pg from 'pg'
import { causeOf } from '../db/transaction.ts'
import { type Change, noteChange } from '../operations/audit.ts'
import { plain, remark } from './output.ts'
import { byShell } from './selection.ts'

/** Keeps a change that was made. It stays made when that fails, so the command does not fail for it. */
export const note = async (pool: pg.Pool, change: Change, reason: string): Promise<void> => {
  try {
    await noteChange(pool, change, byShell(reason), new Date())
  } catch (error) {
    remark(plain(`This change is not in the audit: ${causeOf(error).message}`))
  }
}
