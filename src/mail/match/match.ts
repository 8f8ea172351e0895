import { type SQL, sql } from 'drizzle-orm'
import { executePrepared } from '../../db/prepared.ts'
import { contacts, outreach } from '../../db/schema.ts'
import { domainKey } from '../../domain/email-domain.ts'
import type { Batch } from '../../inbox/provider.ts'
import { storableText } from '../../inbox/storable.ts'
import { domainsOf, readAddresses, senderAddress, spellings } from '../addresses.ts'
import { headerValues, type Mail } from '../mail.ts'
import { isFreeMail } from './free-mail.ts'

/** The outreach that a mail answers, and the rule that found it. */
export interface Match {
  matchedBy: 'thread' | 'sender' | 'domain' | 'mailbox'
  outreachId: string
  contactId: string | null
  applicationId: string | null
}

interface Row extends Record<string, unknown> {
  id: string
  contact_id: string | null
  application_id: string | null
}

const toMatch = (matchedBy: Match['matchedBy'], [row]: Row[]): Match | undefined =>
  row && {
    matchedBy,
    outreachId: row.id,
    contactId: row.contact_id,
    applicationId: row.application_id,
  }

const found = sql`${outreach.id}, ${outreach.contactId}, ${outreach.applicationId}`
const texts = (values: string[]): SQL => sql`${sql.param(values.map((value) => storableText(value)))}::text[]`

/**
 * The latest outreach that went from one of our mailboxes to the person who writes: by `From`, else by the envelope.
 *
 * @param recipients our mailboxes among the mail's recipients, in lower case
 */
export const bySender = async (
  { tx }: Pick<Batch, 'tx'>,
  mail: Mail,
  recipients: string[],
): Promise<Match | undefined> => {
  const senders = [...readAddresses(mail.from ?? ''), ...readAddresses(mail.sender ?? '')]
    .filter(({ address }) => address.includes('@'))
    .flatMap(({ address }) => spellings(address))
  if (senders.length === 0 || recipients.length === 0) return undefined
  const rows = await executePrepared<Row>(
    tx,
    'mail_by_sender',
    sql`
      select ${found}
      from unnest(${texts(senders)}) with ordinality as sender(email, nth)
        join ${contacts} on lower(${contacts.email}) = lower(sender.email)
        join ${outreach} on ${outreach.contactId} = ${contacts.id}
      where lower(${outreach.fromMailbox}) = any(${texts(recipients)}) and ${outreach.sentAt} is not null
      order by sender.nth, ${outreach.sentAt} desc, ${outreach.id} desc
      limit 1`,
  )
  return toMatch('sender', rows)
}

/**
 * Up to so many contacts of a domain their outreach is looked at; of a larger one, the mailbox's latest, up to so many.
 * Anybody can claim an address of a large company: without a limit each such mail would read all that the mailbox has sent.
 */
const FEW_CONTACTS = 200
const LATEST_OUTREACH = 2_000

/**
 * The latest outreach that went from one of our mailboxes to somebody of the sender's domain, a company's. Of a company
 * with hundreds of contacts it must be among the latest that the mailbox sent.
 */
export const byDomain = async (
  { tx }: Pick<Batch, 'tx'>,
  mail: Mail,
  recipients: string[],
): Promise<Match | undefined> => {
  const sender = senderAddress(mail)
  const domains = sender === undefined ? [] : domainsOf(sender)
  if (domains.length === 0 || domains.some(isFreeMail) || recipients.length === 0) return undefined
  const latest = sql`order by ${outreach.sentAt} desc, ${outreach.id} desc limit 1`
  const rows = await executePrepared<Row>(
    tx,
    'mail_by_domain',
    sql`
      with colleagues as materialized (
        select ${contacts.id} from ${contacts} where ${domainKey(contacts.email)} = any(${texts(domains)})
        limit ${sql.raw(String(FEW_CONTACTS + 1))}
      ), few as materialized (
        select count(*) <= ${sql.raw(String(FEW_CONTACTS))} as are_few from colleagues
      )
      select id, contact_id, application_id from (
        (
          select ${found}, ${outreach.sentAt}
          from colleagues join ${outreach} on ${outreach.contactId} = colleagues.id
          where (select are_few from few)
            and lower(${outreach.fromMailbox}) = any(${texts(recipients)}) and ${outreach.sentAt} is not null
          ${latest}
        ) union all (
          select sent.id, sent.contact_id, sent.application_id, sent.sent_at
          from unnest(${texts(recipients)}) as mailbox cross join lateral (
            select ${found}, ${outreach.sentAt}
            from ${outreach}
            where lower(${outreach.fromMailbox}) = mailbox and ${outreach.sentAt} is not null
            order by ${outreach.sentAt} desc, ${outreach.id} desc
            limit ${sql.raw(String(LATEST_OUTREACH))}
          ) sent
          where not (select are_few from few)
            and (select ${domainKey(contacts.email)} from ${contacts} where ${contacts.id} = sent.contact_id)
              = any(${texts(domains)})
          order by sent.sent_at desc, sent.id desc
          limit 1
        )
      ) candidates
      order by sent_at desc, id desc
      limit 1`,
  )
  return toMatch('domain', rows)
}

/** The latest outreach from one of our mailboxes that waits for an answer. A mail marked as spam answers none. */
export const byMailbox = async (
  { tx }: Pick<Batch, 'tx'>,
  mail: Mail,
  recipients: string[],
): Promise<Match | undefined> => {
  if (recipients.length === 0 || isMarkedAsSpam(mail)) return undefined
  const rows = await executePrepared<Row>(
    tx,
    'mail_by_mailbox',
    sql`
      select waiting.id, waiting.contact_id, waiting.application_id
      from unnest(${texts(recipients)}) as mailbox cross join lateral (
        select ${found}, ${outreach.sentAt}
        from ${outreach}
        where lower(${outreach.fromMailbox}) = mailbox and ${outreach.repliedAt} is null
          and ${outreach.status} in ('sent', 'delivered')
        order by ${outreach.sentAt} desc nulls last, ${outreach.id} desc nulls last
        limit 1
      ) waiting
      order by waiting.sent_at desc nulls last, waiting.id desc
      limit 1`,
  )
  return toMatch('mailbox', rows)
}

const isMarkedAsSpam = (mail: Mail): boolean =>
  headerValues(mail, 'x-mailgun-sflag').some((value) => value.trim().toLowerCase() === 'yes')
