import { sql } from 'drizzle-orm'
import { optOut } from '../../domain/opt-out.ts'
import { raiseStatus } from '../../domain/outreach-status.ts'
import type { Batch } from '../../inbox/provider.ts'
import type { OutreachEvent } from './outreach.ts'

/** From so many bounces on, a contact gets no more mail. */
const BOUNCES_TO_SUPPRESS = 3

/** `bounce`: the mail came back. A `blocked` one is not the contact's fault: it counts for the mailbox alone. */
export const bounce = async (events: OutreachEvent[], batch: Batch): Promise<void> => {
  await raiseStatus(batch, 'bounced', events)
  const hard = events.filter(({ fields }) => fields.type?.toLowerCase() !== 'blocked')
  const { rows } = await batch.tx.execute<{ id: string; bounce_count: number; opted_out: boolean }>(sql`
    update contacts c
    set bounce_count = c.bounce_count + v.bounces
    from (
      select id, count(*) as bounces
      from unnest(${sql.param(hard.map(({ contactId }) => contactId))}::bigint[]) as u(id)
      group by id
    ) v
    where c.id = v.id
    returning c.id, c.bounce_count, c.opted_out`)
  const suppressed = rows.filter((row) => row.bounce_count >= BOUNCES_TO_SUPPRESS)
  await optOut(
    batch,
    suppressed.map((row) => row.id),
    'bounces',
  )
  for (const { id, bounce_count } of suppressed.filter((row) => !row.opted_out)) {
    const event = hard.findLast(({ contactId }) => contactId === id)
    if (event) batch.log('warn', 'suppressed', event.claimed, { contactId: id, bounces: bounce_count })
  }
}
