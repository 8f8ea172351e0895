import { sql } from 'drizzle-orm'
import type { outreachStatus } from '../db/schema.ts'
import type { Batch } from '../inbox/provider.ts'

type Status = (typeof outreachStatus.enumValues)[number]

/** Raises the status of outreach; one that is higher already stays, so a late event never hides a later one. */
export const raiseStatus = async (
  { tx }: Batch,
  status: Status,
  of: { outreachId: string }[],
): Promise<void> => {
  const ids = [...new Set(of.map(({ outreachId }) => outreachId))]
  await tx.execute(sql`
    update outreach set status = ${status} where id = any(${sql.param(ids)}::bigint[]) and status < ${status}`)
}
