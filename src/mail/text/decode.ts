import { decodeWords } from 'postal-mime'

/** The most characters that are decoded of a header. */
const MAX_HEADER = 10_000

/**
 * A header with its encoded words decoded (RFC 2047), also those that a character is split across. An unknown charset
 * is read as windows-1252. Never throws.
 *
 * Not for a header of addresses: an encoded name may hold a comma or an address. `readAddresses` parses first.
 */
export const decodeHeader = (value: string): string =>
  value.includes('=?') ? decodeWords(value.slice(0, MAX_HEADER)) : value
