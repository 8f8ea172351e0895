import type { Service } from '../../service.ts'
import { seedOutreach } from '../sendgrid/deliveries.ts'

/** What differs from an outreach that was sent an hour ago, from a mailbox and to a contact of its own. */
export interface Seed {
  contact?: string
  mailbox?: string
  messageId?: string
  status?: string | undefined
  /** Hours ago; null: not sent. */
  sent?: number | null
}

let serial = 100

/** An outreach with an application, a user, a mailbox and two steps of its own, all with its id. */
export const freshOutreach = async (service: Service, seed: Seed = {}) => {
  const id = ++serial
  const {
    contact = `contact${id}@example.com`,
    mailbox = `box${id}@rf-send-01.com`,
    messageId,
    sent = 1,
  } = seed
  await seedOutreach(service, id, seed.status)
  await service.rows('update contacts set email = $1 where id = $2', contact, id)
  await service.rows(
    `update outreach set from_mailbox = $1, message_id = $2, sent_at = now() - make_interval(hours => $3) where id = $4`,
    mailbox,
    messageId ?? null,
    sent,
    id,
  )
  return {
    id,
    contact,
    recipient: mailbox,
    /** The header of an answer to it. */
    thread: { 'In-Reply-To': `<outreach_${id}@rf-send-01.com>` },
  }
}

/** What the pushes about an outreach say. */
export const pushesAbout = async (service: Service, outreachId: number): Promise<unknown[]> =>
  (
    await service.rows(
      `select data -> 'data' as data from pgboss.job
       where name = 'notify-push' and data -> 'data' ->> 'outreachId' = $1`,
      String(outreachId),
    )
  ).map(({ data }) => data)
