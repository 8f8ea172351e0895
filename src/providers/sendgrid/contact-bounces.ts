import { sql } from 'drizzle-orm'
import { contacts } from '../../db/schema.ts'
import { plainArray } from '../../db/statement.ts'
import { optOut } from '../../domain/opt-out.ts'
import type { Batch } from '../../inbox/provider.ts'
import { contactsOf, type SendgridEvent } from './sendgrid-event.ts'

/** From this number of bounces on, a contact gets no more mail. */
const BOUNCES_TO_SUPPRESS = 3

/** Counts a bounce for each contact of each event; the contacts that reach the limit are opted out, with a warning. */
export const countBounces = async (events: SendgridEvent[], batch: Batch): Promise<void> => {
  const bounced = contactsOf(events)
  if (bounced.length === 0) return
  const counted = await batch.tx
    .update(contacts)
    .set({ bounceCount: sql`${contacts.bounceCount} + v.bounces` })
    .from(sql`(
      select id, count(*) as bounces from unnest(${plainArray(bounced)}::bigint[]) as u(id) group by id
    ) v`)
    .where(sql`${contacts.id} = v.id`)
    .returning({
      id: sql<string>`${contacts.id}`,
      bounces: contacts.bounceCount,
      optedOut: contacts.optedOut,
    })
  const suppressed = counted.filter(({ bounces }) => bounces >= BOUNCES_TO_SUPPRESS)
  await optOut(
    batch,
    suppressed.map(({ id }) => id),
    'bounces',
  )
  for (const { id, bounces } of suppressed.filter(({ optedOut }) => !optedOut)) {
    const event = events.findLast(({ contactIds }) => contactIds.includes(id))
    if (event) batch.log('warn', 'suppressed', event.claimed, { contactId: id, bounces })
  }
}
