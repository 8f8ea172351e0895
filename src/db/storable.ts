import { hash } from 'node:crypto'
import { causeOf } from './transaction.ts'

/** A JSON value as `JSON.parse` gives it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Deeper than this nothing is kept: `JSON.stringify` and Postgres both give up at some thousand levels. */
const MAX_DEPTH = 200
const CUT = '[cut: nested too deeply]'

/**
 * U+0000 and lone surrogates: Postgres takes neither in jsonb. Both appear in `JSON.stringify`'s output only escaped.
 */
const UNSTORABLE = /\\\\|\\u0000|\\ud[89a-f][0-9a-f]{2}/g

/**
 * The value as JSON text that Postgres stores whatever it holds: NUL characters and lone surrogates become
 * U+FFFD, what is nested too deeply is cut with a note.
 *
 * `JSON.stringify` leaves surrogate pairs as they are and escapes lone ones (in lower case), so the pattern is
 * exact; matching `\\` first keeps a literal backslash before `u0000` out of it.
 */
export const storableJson = (value: Json): string => {
  const text = stringify(value)
  if (!text.includes('\\u')) return text
  return text.replace(UNSTORABLE, (match) => (match === '\\\\' ? match : '\ufffd'))
}

/** Whether JSON may hold what Postgres does not take: only an escape gets such a character past a parser of UTF-8. */
export const isSuspect = (text: string): boolean => text.includes('\\u')

/** The same value with strings that Postgres takes. Needed only of what {@link isSuspect}. */
export const storable = (value: Json): Json => JSON.parse(storableJson(value))

const stringify = (value: Json): string => {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return JSON.stringify(cutDeep(value, MAX_DEPTH))
  }
}

const cutDeep = (value: Json, levels: number): Json => {
  if (typeof value !== 'object' || value === null) return value
  if (levels === 0) return CUT
  if (Array.isArray(value)) return value.map((item) => cutDeep(item, levels - 1))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cutDeep(item, levels - 1)]))
}

/** Text that Postgres takes, cut to `most` characters. */
export const storableText = (text: string, most = Number.POSITIVE_INFINITY): string => {
  const cut = text.length > most ? text.slice(0, most) : text
  return (cut.includes('\0') ? cut.replaceAll('\0', '\ufffd') : cut).toWellFormed()
}

/** JSON with sorted keys, so that equal values give equal text. As in JSON, undefined members are left out. */
export const canonicalJson = (value: Json, levels = MAX_DEPTH): string => {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (levels === 0) return JSON.stringify(CUT)
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, levels - 1)).join()}]`
  let members = ''
  for (const key of Object.keys(value).sort()) {
    const member = value[key]
    if (member === undefined) continue
    members += `${members === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member, levels - 1)}`
  }
  return `{${members}}`
}

/** SHA-256 in hex. */
export const sha256 = (text: string): string => hash('sha256', text)

/** A provider's id as it is, or its hash when it is too long to be indexed: the sender decides its length. */
export const limitId = (id: string): string => (id.length > 200 ? sha256(id) : storableText(id))

/** What is kept of an error. */
export const errorText = (error: unknown): string => storableText(causeOf(error).message, 1_000)
