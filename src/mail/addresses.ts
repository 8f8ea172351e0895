import { domainToASCII, domainToUnicode } from 'node:url'
import { addressParser } from 'postal-mime'
import type { Mail } from './mail.ts'

/**
 * The most characters that are read of a header of addresses. The parser reads the content of a group again, and that of
 * a group in a group, up to fifty times.
 */
const MAX_HEADER = 2_000
const MAX_ADDRESSES = 20

export interface Address {
  /** Lower case; empty when there is only a name. */
  address: string
  /** Decoded. */
  name: string
}

/** The addresses of a `From` or of an envelope, those of groups included. Never throws. */
export const readAddresses = (header: string): Address[] =>
  addressParser(header.slice(0, MAX_HEADER), { flatten: true })
    .slice(0, MAX_ADDRESSES)
    .map(({ address = '', name }) => ({ address: address.trim().toLowerCase(), name: name.trim() }))

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
