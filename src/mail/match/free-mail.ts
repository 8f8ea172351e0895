import freeEmailDomains from 'free-email-domains'

/** Providers of private addresses that the package lacks. */
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

/** Whether anybody can get an address there, so that two people with the same domain need not be colleagues. */
export const isFreeMail = (domain: string): boolean => FREE_MAIL.has(domain.toLowerCase())
