import freeEmailDomains from 'free-email-domains'

/** Providers of private addresses that the list does not have. */
const ALSO = [
  'hey.com',
  'internet.ru',
  'mailbox.org',
  'mozmail.com',
  'privaterelay.appleid.com',
  'simplelogin.com',
  'tin.it',
  'tutanota.com',
  'vodafone.de',
]

const FREE_MAIL = new Set([...freeEmailDomains, ...ALSO])

/** Whether anybody gets an address there, so that two people of one domain have nothing to do with each other. */
export const isFreeMail = (domain: string): boolean => FREE_MAIL.has(domain.toLowerCase())
