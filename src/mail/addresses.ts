import { domainToASCII, domainToUnicode } from 'node:url'
import { addressParser } from 'postal-mime'

/** A header of addresses is not read further than this, in characters. */
const MAX_HEADER = 10_000
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

/** The first address of a header, undefined when there is none. */
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
