import { domainToASCII, domainToUnicode } from 'node:url'
import { addressParser } from 'postal-mime'
import type { Mail } from './mail.ts'

/**
 * The most characters read of an address header. The parser reads the content of nested groups again for each level, up
 * to fifty times.
 */
const MAX_HEADER = 2_000
const MAX_ADDRESSES = 20
/** The envelope's recipients: addresses alone, as Mailgun lists them. */
const MAX_RECIPIENTS = { characters: 16_000, addresses: 200 }

export interface Address {
  /** Lower case; empty when there is only a name. */
  address: string
  /** Decoded. */
  name: string
}

/** The addresses of a `From` or of an envelope, those of groups included. Never throws. */
export const readAddresses = (header: string): Address[] => read(header, MAX_HEADER, MAX_ADDRESSES)

const read = (header: string, characters: number, addresses: number): Address[] =>
  addressParser(header.slice(0, characters), { flatten: true })
    .slice(0, addresses)
    .map(({ address = '', name }) => ({
      address: withoutRoot(address.trim().toLowerCase()),
      name: name.trim(),
    }))

/** `ana@acme.example.` is `ana@acme.example`: the dot stands for the root of all domains. */
const withoutRoot = (address: string): string => (address.endsWith('.') ? address.slice(0, -1) : address)

/** The addresses that a mail came to, in lower case. */
export const recipientsOf = ({ recipient }: Pick<Mail, 'recipient'>): string[] =>
  read(recipient ?? '', MAX_RECIPIENTS.characters, MAX_RECIPIENTS.addresses).map(({ address }) => address)

/** The first address of a header, undefined when it has none. */
export const firstAddress = (header: string | null): string | undefined =>
  readAddresses(header ?? '').find(({ address }) => address.includes('@'))?.address

/** An address with its domain as it is, in ASCII (`xn--…`) and in Unicode: a contact may be stored with either. */
export const spellings = (address: string): string[] => {
  const at = address.lastIndexOf('@') + 1
  const local = address.slice(0, at)
  const domain = address.slice(at)
  const forms = [domain, domainToASCII(domain), domainToUnicode(domain)].filter((form) => form !== '')
  return [...new Set(forms.map((form) => local + form))]
}

/** An address without its plus-tag: mail to `box+jobs@…` comes to `box@…`. */
export const withoutTag = (address: string): string => address.replace(/^([^+@]+)\+[^@]*@/, '$1@')

/** The domain of an address, in every spelling. */
export const domainsOf = (address: string): string[] =>
  spellings(address).map((one) => one.slice(one.lastIndexOf('@') + 1))

/** Who a mail says it is from: the first address of `From`, else the envelope's. */
export const senderAddress = ({ from, sender }: Pick<Mail, 'from' | 'sender'>): string | undefined =>
  firstAddress(from) ?? firstAddress(sender)
