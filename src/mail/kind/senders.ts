import type { Address } from '../addresses.ts'

// Signs in the addresses of `From`.

const localPart = ({ address, name }: Address): string =>
  (address.includes('@') ? address.slice(0, address.lastIndexOf('@')) : address || name).toLowerCase()
const domain = ({ address }: Address): string => address.slice(address.lastIndexOf('@') + 1)

/**
 * The senders of delivery failures: `MAILER-DAEMON`, also without a host, and `postmaster`, however they are written.
 */
export const isFromMailSystem = (senders: Address[]): boolean =>
  senders.some((address) =>
    /^(mailer ?daemon|postmaster)$/.test(localPart(address).replace(/[._-]/g, '').trim()),
  )

/** The name that mail servers give themselves in a bounce from another address. No person has it. */
export const isNamedAsMailSystem = (senders: Address[]): boolean =>
  senders.some(({ name }) => /^(internet )?mail delivery (sub)?(system|service)\b/i.test(name))

/** Words in a local part that say that replies are not read, in several languages. */
const NO_REPLY =
  /(^|[._+-])(no[._-]?reply|(do[._-]?not|dont)[._-]?(reply|respond)|no[._-]?respond(er|a)|nao[._-]?respond(a|er)|ne[._-]?pas[._-]?repondre|nicht[._-]?antworten|keine[._-]?antwort|non[._-]?rispondere|niet[._-]?(antwoorden|beantwoorden)|notifications?)([._+-]|\d*$)/
/** Only alone: Mailer is a surname, too. */
const MAILER = /^(mailer|bounces?|alerts?|auto[._-]?(reply|response|responder|mailer))([+=].*)?$/

/** Domains from which only applicant systems send: people at their customers and at their makers use other domains. */
const APPLICANT_SYSTEMS = [
  'greenhouse-mail.io',
  'hire.lever.co',
  'myworkday.com',
  'otp.workday.com',
  'talent.icims.com',
  'applytojob.com',
  'workablemail.com',
  'teamtailor-mail.com',
  'app.bamboohr.com',
  'taleo.net',
  'avature.net',
  'brassring.com',
  'candidates.workablemail.com',
  'notifications.smartrecruiters.com',
  'mail.recruitee.com',
]

/** A no-reply or notification sender, or an applicant system. People's mail may come through them, too. */
export const isFromSystem = (senders: Address[]): boolean =>
  senders.some((address) => {
    const local = localPart(address)
    return NO_REPLY.test(local) || MAILER.test(local) || isWithin(domain(address), APPLICANT_SYSTEMS)
  })

/** Services that ask the sender of a mail to prove to be a person. */
const CHALLENGERS = ['boxbe.com']
export const isFromChallenger = (senders: Address[]): boolean =>
  senders.some((address) => isWithin(domain(address), CHALLENGERS))

/** Where providers send complaints from, in other forms than a feedback report. */
const COMPLAINT_SENDERS = new Set([
  'staff@hotmail.com',
  'scomp@aol.net',
  'complaints@email-abuse.amazonses.com',
  'feedback@arf.mail.yahoo.com',
])
export const isFromComplaintDesk = (senders: Address[]): boolean =>
  senders.some(({ address }) => COMPLAINT_SENDERS.has(address))

const isWithin = (host: string, domains: string[]): boolean =>
  domains.some((one) => host === one || host.endsWith(`.${one}`))
