import { sql } from 'drizzle-orm'
import type { Batch } from '../../inbox/provider.ts'
import type { OutreachEvent } from './outreach.ts'

/** `processed`: SendGrid took the mail, and its Message-ID is known. */
export const processed = async (events: OutreachEvent[], batch: Batch): Promise<void> =>
  await learnMessageId(events, batch)

/**
 * Learns `outreach.message_id` from `smtp-id`, so that replies find the outreach. What another service wrote
 * stays; of several that SendGrid reports the earliest counts, whichever arrives first.
 */
export const learnMessageId = async (events: OutreachEvent[], { tx }: Batch): Promise<void> => {
  const telling = events.filter(
    ({ fields, messageIdGiven }) => fields.smtpId !== undefined && !messageIdGiven,
  )
  if (telling.length === 0) return
  await tx.execute(sql`
    update outreach o
    set message_id = v.smtp_id, message_id_seen_at = v.at
    from (
      select distinct on (id) id, smtp_id, at
      from unnest(
        ${sql.param(telling.map(({ outreachId }) => outreachId))}::bigint[],
        ${sql.param(telling.map(({ fields }) => fields.smtpId))}::text[],
        ${sql.param(telling.map(({ fields }) => fields.at.toISOString()))}::timestamptz[]
      ) as u(id, smtp_id, at)
      order by id, at, smtp_id collate "C"
    ) v
    where o.id = v.id and (
      coalesce(o.message_id, '') = ''
      or (v.at, v.smtp_id collate "C") < (o.message_id_seen_at, o.message_id collate "C")
    )`)
}
