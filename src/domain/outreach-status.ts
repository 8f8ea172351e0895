import { and, lt, sql } from 'drizzle-orm'
import { outreach, type outreachStatus } from '../db/schema.ts'
import type { Batch } from '../inbox/provider.ts'

type Status = (typeof outreachStatus.enumValues)[number]

/**
 * Raises the status of outreach; one that is higher already stays, so a late event never hides a later one. The
 * outreach must be locked.
 */
export const raiseStatus = async (
  { tx }: Batch,
  status: Status,
  of: { outreachId: string | null }[],
): Promise<void> => {
  const ids = [...new Set(of.flatMap(({ outreachId }) => outreachId ?? []))]
  if (ids.length === 0) return
  await tx
    .update(outreach)
    .set({ status })
    .where(and(sql`${outreach.id} = any(${sql.param(ids)}::bigint[])`, lt(outreach.status, status)))
}
