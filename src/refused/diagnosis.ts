import type { Capture, ReadSignature, Unreadable } from '../inbox/provider.ts'

/**
 * The largest body, in bytes, in which changes are looked for: trying to undo them all takes tens of milliseconds per
 * MiB.
 */
const MAX_CHANGED_BODY = 256 * 1024

/** Whether a captured delivery verifies, and if not, why. */
export interface Diagnosis {
  verdict: 'verified' | 'stale' | 'changed_body' | 'wrong_key' | 'malformed'
  /** In words. */
  because: string
}

/**
 * Finds out why a delivery does not verify, as far as possible: a changed body and a wrong key look alike, unless
 * undoing one of the usual changes makes the signature right, or the body is not as long as it was.
 *
 * @param at when it arrived; its age is judged by that.
 */
export const diagnose = (
  { headers, body }: Capture,
  signature: ReadSignature | Unreadable,
  at: Date,
  maxFuture: number,
): Diagnosis => {
  if ('malformed' in signature) return { verdict: 'malformed', because: signature.malformed }
  const keyOf = (bytes: Buffer): number | undefined => {
    const key = Array.from({ length: signature.keys }, (_, n) => n).find((n) => signature.madeBy(n, bytes))
    return key === undefined ? undefined : key + 1
  }
  const key = keyOf(body)
  if (key !== undefined) return judgeAge(signature, at, maxFuture, `key ${key} of ${signature.keys} made it`)
  if (!signature.coversBody) {
    return { verdict: 'wrong_key', because: `none of ${signature.keys} keys made it; the body is not signed` }
  }
  const tooLarge = body.length > MAX_CHANGED_BODY
  for (const { was, undo } of tooLarge ? [] : changesOf(signature)) {
    const before = undo(body)
    const madeBy = before === undefined || before.equals(body) ? undefined : keyOf(before)
    if (madeBy !== undefined) {
      return {
        verdict: 'changed_body',
        because: `${was}: with that undone it verifies by key ${madeBy} of ${signature.keys}`,
      }
    }
  }
  const announced = headers['content-length']
  if (announced !== undefined && Number(announced) !== body.length) {
    return {
      verdict: 'changed_body',
      because: `it is ${body.length} bytes long, its Content-Length says ${announced}`,
    }
  }
  const length = announced === undefined ? 'no Content-Length was captured' : 'its length is right'
  return {
    verdict: 'wrong_key',
    because: tooLarge
      ? `none of ${signature.keys} keys made it; the body is too large to look for changes (${length})`
      : `none of ${signature.keys} keys made it, and none of the usual changes of a body explains it (${length})`,
  }
}

const judgeAge = (
  { signedAt, maxAge }: ReadSignature,
  at: Date,
  maxFuture: number,
  because: string,
): Diagnosis => {
  const age = Math.round(at.getTime() / 1_000 - signedAt)
  const when = `signed ${new Date(signedAt * 1_000).toISOString()}, ${Math.abs(age)} s ${age < 0 ? 'after' : 'before'} it arrived`
  if (age > maxAge) return { verdict: 'stale', because: `${because}, but ${when}; at most ${maxAge} s pass` }
  if (age < -maxFuture) return { verdict: 'stale', because: `${because}, but ${when}: a clock is wrong` }
  return { verdict: 'verified', because: `${because}, ${when}` }
}

const text = (change: (body: string) => string | undefined) => (body: Buffer) => {
  const before = change(body.toString('latin1'))
  return before === undefined ? undefined : Buffer.from(before, 'latin1')
}
const json = (write: (value: unknown) => string | undefined) => (body: Buffer) => {
  try {
    const written = write(JSON.parse(body.toString('utf8')))
    return written === undefined ? undefined : Buffer.from(written)
  } catch {
    return undefined
  }
}
const withoutEnd = (body: string) => body.trimEnd()
const crlf = (body: string) => body.replaceAll(/\r?\n/g, '\r\n')

interface Change {
  was: string
  undo: (body: Buffer) => Buffer | undefined
}

/** What programs between the provider and us do to a body, and how to undo it. */
const changesOf = ({ write = JSON.stringify }: ReadSignature): Change[] => [
  ...CHANGES,
  { was: 'it was parsed and written again', undo: json(write) },
]

const CHANGES: Change[] = [
  { was: 'its end was trimmed (the final CRLF)', undo: text((body) => `${withoutEnd(body)}\r\n`) },
  { was: 'its end was changed', undo: text(withoutEnd) },
  { was: 'its end was changed', undo: text((body) => `${withoutEnd(body)}\n`) },
  { was: 'CRLF became LF', undo: text(crlf) },
  { was: 'CRLF became LF and its end was trimmed', undo: text((body) => `${crlf(withoutEnd(body))}\r\n`) },
  { was: 'LF became CRLF', undo: text((body) => body.replaceAll('\r\n', '\n')) },
  { was: 'it was parsed and written again', undo: json((value) => JSON.stringify(value, null, 2)) },
  { was: 'it was parsed and written again', undo: json((value) => JSON.stringify(value)) },
  {
    was: 'a byte order mark was put before it',
    undo: (body) => (body[0] === 0xef ? body.subarray(3) : undefined),
  },
  {
    was: 'it was read as Latin-1 and written as UTF-8',
    undo: (body) => Buffer.from(body.toString('utf8'), 'latin1'),
  },
]
