import type pg from 'pg'
import { causeOf } from '../db/transaction.ts'
import { type Change, noteChange } from '../operations/audit.ts'
import { plain, remark } from './output.ts'
import { byShell } from './selection.ts'

/** Writes a change to the audit. The change stands even if that fails, so the command does not fail either. */
export const note = async (pool: pg.Pool, change: Change, reason: string): Promise<void> => {
  try {
    await noteChange(pool, change, byShell(reason), new Date())
  } catch (error) {
    remark(plain(`The change was made, but could not be written to the audit: ${causeOf(error).message}`))
  }
}
