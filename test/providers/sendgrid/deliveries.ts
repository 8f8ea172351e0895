import { bodyOf, createSendgridSigner } from '../../../src/simulators/sendgrid/sign.ts'

import type { SignedRequest } from '../../../src/simulators/signed-request.ts'
import { post, type SignOptions } from '../../provider-contract.ts'
import { type Service, startService } from '../../service.ts'

export { bodyOf }

const signers = {
  first: createSendgridSigner(),
  second: createSendgridSigner(),
  wrong: createSendgridSigner(),
}

/** The environment of a service that takes what `signed` signs. */
export const sendgridEnv = {
  SENDGRID_WEBHOOK_KEY: `${signers.first.publicKey},${signers.second.publicKey}`,
}

/** A delivery of these bytes, signed as SendGrid does. */
export const signed = (body: string | Buffer, { key = 'first', age = 0 }: SignOptions = {}): SignedRequest =>
  signers[key].sign(Buffer.from(body), new Date(Date.now() - age * 1_000))

let serial = 0
/** An event as SendGrid reports it, unlike any other; outreach 1, to its own contact, unless said otherwise. */
export const event = (type: string, fields: Record<string, unknown> = {}): Record<string, unknown> => {
  serial++
  return {
    email: `contact${fields.outreach_id ?? 1}@example.com`,
    timestamp: Math.floor(Date.now() / 1_000),
    event: type,
    sg_event_id: `event-${serial}-${process.pid}`,
    sg_message_id: `message-${serial}.filter`,
    outreach_id: '1',
    ...fields,
  }
}

/** Posts events in one delivery, signed now by the service's clock. */
export const deliver = (service: Service, ...events: unknown[]) =>
  post(
    service,
    '/webhooks/sendgrid',
    signed(bodyOf(events), { age: Math.round((Date.now() - service.now().getTime()) / 1_000) }),
  )

/** Posts events and waits until they are processed. */
export const deliverAndSettle = async (service: Service, ...events: unknown[]) => {
  const answer = await deliver(service, ...events)
  await service.settled()
  return answer
}

export const startSendgrid = (env: Record<string, string> = {}): Promise<Service> =>
  startService({ env: { ...sendgridEnv, ...env } })

/**
 * A user with an application, a contact and a mailbox, and outreach `id` between them with two scheduled steps.
 * The ids of all rows are `id`.
 */
export const seedOutreach = async (service: Service, id: number | string, status = 'sent'): Promise<void> => {
  await service.rows(`insert into users (id, email) values ($1, $2)`, id, `user${id}@example.com`)
  await service.rows(`insert into applications (id, user_id) values ($1, $1)`, id)
  await service.rows(
    `insert into contacts (id, email, first_name) values ($1, $2, 'Ana')`,
    id,
    `contact${id}@example.com`,
  )
  await service.rows(`insert into mailboxes (id, email) values ($1, $2)`, id, `Box${id}@rf-send-01.com`)
  await service.rows(
    `insert into outreach (id, application_id, contact_id, from_mailbox, status, sent_at)
     values ($1, $1, $1, $2, $3, now())`,
    id,
    `box${id}@RF-send-01.com`,
    status,
  )
  await service.rows(
    `insert into sequence_steps (outreach_id, position) select $1, n from generate_series(1, 2) n`,
    id,
  )
}

/** The rows that one outreach's events can change, without what the contract leaves open. */
export const domainRows = async (service: Service) => ({
  outreach: await service.rows(
    `select id, message_id, sg_message_id, status, delivered_at, clicked_at, replied_at, link_clicks from outreach order by id`,
  ),
  contacts: await service.rows(
    `select id, last_contacted_at, bounce_count, spam_reports, opted_out, opted_out_reason from contacts order by id`,
  ),
  mailboxes: await service.rows(
    `select id, bounce_count_7d, spam_reports_7d, health_score from mailboxes order by id`,
  ),
  steps: await service.rows(`select id, status, cancelled_reason from sequence_steps order by id`),
})
