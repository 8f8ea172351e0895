import { sql } from 'drizzle-orm'
import { contacts, outreach } from '../../db/schema.ts'
import type { Batch } from '../../inbox/provider.ts'
import type { SendgridEvent } from './sendgrid-event.ts'

/** `delivered`: the receiving server accepted the mail. Times take the latest. */
export const delivered = async (events: SendgridEvent[], { tx }: Batch): Promise<void> => {
  const of = events.map(({ outreachId, fields }) => ({ id: outreachId, at: fields.at }))
  await tx
    .update(outreach)
    .set({
      status: sql`greatest(${outreach.status}, 'delivered')`,
      deliveredAt: sql`greatest(${outreach.deliveredAt}, v.at)`,
    })
    .from(latest(of))
    .where(sql`${outreach.id} = v.id`)
  const to = events.flatMap(({ contactIds, fields }) => contactIds.map((id) => ({ id, at: fields.at })))
  if (to.length === 0) return
  await tx
    .update(contacts)
    .set({ lastContactedAt: sql`greatest(${contacts.lastContactedAt}, v.at)` })
    .from(latest(to))
    .where(sql`${contacts.id} = v.id`)
}

/** The latest time of each id, as rows `v(id, at)`. */
const latest = (times: { id: string | null; at: Date }[]) => sql`(
  select id, max(at) as at
  from unnest(
    ${sql.param(times.map(({ id }) => id))}::bigint[],
    ${sql.param(times.map(({ at }) => at.toISOString()))}::timestamptz[]
  ) as u(id, at)
  group by id
) v`
