import { sql } from 'drizzle-orm'
import { contacts } from '../../db/schema.ts'
import { plainArray } from '../../db/statement.ts'
import type { Batch } from '../../inbox/provider.ts'
import type { OutreachChanges } from './outreach-changes.ts'
import type { SendgridEvent } from './sendgrid-event.ts'

/** `delivered`: the receiving server accepted the mail. Times take the latest. */
export const delivered = async (
  events: SendgridEvent[],
  { tx }: Batch,
  changes: OutreachChanges,
): Promise<void> => {
  changes.delivered(events)
  const to = events.flatMap(({ contactIds, fields }) => contactIds.map((id) => ({ id, at: fields.at })))
  if (to.length === 0) return
  await tx
    .update(contacts)
    .set({ lastContactedAt: sql`v.at` })
    .from(latest(to))
    .where(sql`${contacts.id} = v.id and v.at > coalesce(${contacts.lastContactedAt}, '-infinity')`)
}

/** The latest time of each id, as rows `v(id, at)`. */
const latest = (times: { id: string; at: Date }[]) => sql`(
  select id, max(at) as at
  from unnest(
    ${plainArray(times.map(({ id }) => id))}::bigint[],
    ${plainArray(times.map(({ at }) => at.toISOString()))}::timestamptz[]
  ) as u(id, at)
  group by id
) v`
