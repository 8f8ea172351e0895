import { sql } from 'drizzle-orm'
import { outreach } from '../../db/schema.ts'
import type { Batch } from '../../inbox/provider.ts'
import type { SendgridEvent } from './sendgrid-event.ts'

/** `click`: a link was followed. The count adds, the time takes the earliest. */
export const click = async (events: SendgridEvent[], { tx }: Batch): Promise<void> => {
  await tx
    .update(outreach)
    .set({
      linkClicks: sql`${outreach.linkClicks} + v.clicks`,
      clickedAt: sql`least(${outreach.clickedAt}, v.at)`,
    })
    .from(sql`(
      select id, count(*) as clicks, min(at) as at
      from unnest(
        ${sql.param(events.map(({ outreachId }) => outreachId))}::bigint[],
        ${sql.param(events.map(({ fields }) => fields.at.toISOString()))}::timestamptz[]
      ) as u(id, at)
      group by id
    ) v`)
    .where(sql`${outreach.id} = v.id`)
}
