import { sql } from 'drizzle-orm'
import type { Batch } from '../../inbox/provider.ts'
import type { OutreachEvent } from './outreach.ts'

/** `click`: a link was followed. The count adds, the time takes the earliest. */
export const click = async (events: OutreachEvent[], { tx }: Batch): Promise<void> => {
  await tx.execute(sql`
    update outreach o
    set link_clicks = o.link_clicks + v.clicks, clicked_at = least(o.clicked_at, v.at)
    from (
      select id, count(*) as clicks, min(at) as at
      from unnest(
        ${sql.param(events.map(({ outreachId }) => outreachId))}::bigint[],
        ${sql.param(events.map(({ fields }) => fields.at.toISOString()))}::timestamptz[]
      ) as u(id, at)
      group by id
    ) v
    where o.id = v.id`)
}
