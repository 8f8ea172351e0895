import { type SQL, sql } from 'drizzle-orm'
import { domainKey } from '../../db/index-keys.ts'
import { executePrepared } from '../../db/prepared.ts'
import { contacts, outreach } from '../../db/schema.ts'
import { storableText } from '../../db/storable.ts'
import type { Batch } from '../../inbox/provider.ts'
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
  rule: 'sender' | 'domain' | 'mailbox'
  id: string
  contact_id: string | null
  application_id: string | null
}

const found = sql`${outreach.id}, ${outreach.contactId}, ${outreach.applicationId}`
const texts = (values: string[]): SQL => sql`${sql.param(values.map((value) => storableText(value)))}::text[]`
const number = (value: number): SQL => sql.raw(String(value))

/**
 * Limits for rule `domain`. With at most this many contacts in a domain, all their outreach is searched; with more,
 * only this many of the mailbox's latest. Anybody can claim an address of a large company, and without a limit each
 * such mail would read all that the mailbox ever sent.
 */
const FEW_CONTACTS = 200
const LATEST_OUTREACH = 2_000

/** Which rules may find an outreach, beside the sender's own address. */
export interface Rules {
  domain: boolean
  mailbox: boolean
}

/**
 * The outreach that a mail answers by its addresses, in one statement: the first of these rules that finds one, each
 * looking only at outreach from our mailboxes that received the mail. A rule is run only when those before it have
 * found nothing.
 *
 * - `sender`: the latest that went to the person who writes, by `From`, else by the envelope;
 * - `domain`: the latest that went to a contact with the sender's domain, if that is a company's. For a company with
 *   hundreds of contacts it must be among the latest that the mailbox sent;
 * - `mailbox`: the latest that waits for an answer. Not used for a mail marked as spam.
 *
 * @param recipients our mailboxes among the mail's recipients, in lower case
 */
export const byAddress = async (
  { tx }: Pick<Batch, 'tx'>,
  mail: Mail,
  recipients: string[],
  rules: Rules,
): Promise<Match | undefined> => {
  if (recipients.length === 0) return undefined
  const domains = rules.domain ? companyDomains(mail) : []
  const sentFrom = sql`lower(${outreach.fromMailbox})`
  const [row] = await executePrepared<Row>(
    tx,
    'mail_by_address',
    sql`
      with by_sender as materialized (
        select ${found}
        from unnest(${texts(sendersOf(mail))}) with ordinality as sender(email, nth)
          join ${contacts} on lower(${contacts.email}) = lower(sender.email)
          join ${outreach} on ${outreach.contactId} = ${contacts.id}
        where ${sentFrom} = any(${texts(recipients)}) and ${outreach.sentAt} is not null
        order by sender.nth, ${outreach.sentAt} desc, ${outreach.id} desc
        limit 1
      ), colleagues as materialized (
        select ${contacts.id} from ${contacts} where ${domainKey(contacts.email)} = any(${texts(domains)})
        limit ${number(FEW_CONTACTS + 1)}
      ), few as materialized (
        select count(*) <= ${number(FEW_CONTACTS)} as are_few from colleagues
      ), by_domain as materialized (
        (
          select ${found}
          from colleagues join ${outreach} on ${outreach.contactId} = colleagues.id
          where not exists (select from by_sender) and (select are_few from few)
            and ${sentFrom} = any(${texts(recipients)}) and ${outreach.sentAt} is not null
          order by ${outreach.sentAt} desc, ${outreach.id} desc
          limit 1
        ) union all (
          select latest.id, latest.contact_id, latest.application_id
          from unnest(${texts(recipients)}) as mailbox cross join lateral (
            select sent.*
            from (
              select ${found}, ${outreach.sentAt}
              from ${outreach}
              where ${sentFrom} = mailbox and ${outreach.sentAt} is not null
              order by ${outreach.sentAt} desc
              limit ${number(LATEST_OUTREACH)}
            ) sent
            where (select ${domainKey(contacts.email)} from ${contacts} where ${contacts.id} = sent.contact_id)
              = any(${texts(domains)})
            order by sent.sent_at desc, sent.id desc
            limit 1
          ) latest
          where not exists (select from by_sender) and not (select are_few from few)
          order by latest.sent_at desc, latest.id desc
          limit 1
        )
      ), by_mailbox as materialized (
        select waiting.id, waiting.contact_id, waiting.application_id
        from unnest(${texts(rules.mailbox && !isMarkedAsSpam(mail) ? recipients : [])}) as mailbox
          cross join lateral (
            select ${found}, ${outreach.sentAt}
            from ${outreach}
            where ${sentFrom} = mailbox and ${outreach.repliedAt} is null
              and ${outreach.status} in ('sent', 'delivered')
            order by ${outreach.sentAt} desc nulls last, ${outreach.id} desc nulls last
            limit 1
          ) waiting
        where not exists (select from by_sender) and not exists (select from by_domain)
        order by waiting.sent_at desc nulls last, waiting.id desc
        limit 1
      )
      select 'sender' as rule, * from by_sender
      union all select 'domain', * from by_domain
      union all select 'mailbox', * from by_mailbox`,
  )
  return (
    row && {
      matchedBy: row.rule,
      outreachId: row.id,
      contactId: row.contact_id,
      applicationId: row.application_id,
    }
  )
}

/** In `From`, else in the envelope. */
const sendersOf = (mail: Mail): string[] =>
  [...readAddresses(mail.from ?? ''), ...readAddresses(mail.sender ?? '')]
    .filter(({ address }) => address.includes('@'))
    .flatMap(({ address }) => spellings(address))

/** Empty for free-mail domains, where anybody can get an address. */
const companyDomains = (mail: Mail): string[] => {
  const sender = senderAddress(mail)
  const domains = sender === undefined ? [] : domainsOf(sender)
  return domains.some(isFreeMail) ? [] : domains
}

const isMarkedAsSpam = (mail: Mail): boolean =>
  headerValues(mail, 'x-mailgun-sflag').some((value) => value.trim().toLowerCase() === 'yes')
