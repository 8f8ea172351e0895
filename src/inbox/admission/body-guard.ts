import type { Readable } from 'node:stream'
import type { Hold } from './held-bodies.ts'
import type { Lateness } from './lateness.ts'
import type { Refusal } from './refusal.ts'

/** A body must arrive within 10 s and 2 s for every MiB of it: a provider's data centre needs a fraction of that. */
export const arrivalTime = (bytes: number): number =>
  Math.min(10_000 + (2_000 * bytes) / (1024 * 1024), 100_000)

/** Bytes of a body that are read and dropped. */
const MAX_DROPPED = 1024 * 1024

/**
 * Whether a connection is kept after an answer that was given before the body was read: the sender of a 503 is to come
 * back, and must not lose the answer to a reset; a short body is read and dropped for that.
 *
 * @param left bytes that may still come.
 */
export const isKeptAfter = (statusCode: number, left: number): boolean =>
  statusCode === 503 && left <= MAX_DROPPED

/**
 * Watches a body on its way to whatever parser reads it: its bytes are counted as they arrive, and one that does
 * not arrive in time or does not fit any more ends with an error on the stream, which the parser passes on.
 *
 * Must be called in the turn of the event loop in which the parser starts to read.
 *
 * @param size.kept what of the body is kept at most, in bytes: a streaming parser drops the rest.
 * @param size.announced how long it is, or may be.
 */
export const guardBody = (
  payload: Readable,
  hold: Hold,
  { kept, announced }: { kept: number; announced: number },
  lateness: Lateness,
): void => {
  let counted = 0
  const stop = (refusal: Refusal) => {
    clean()
    payload.on('error', () => {}) // the parser stops listening with the first
    payload.emit('error', refusal)
  }
  const count = (chunk: Buffer) => {
    const bytes = Math.min(chunk.length, kept - counted)
    counted += bytes
    try {
      hold.add(bytes)
    } catch (error) {
      stop(error as Refusal)
    }
  }
  const within = arrivalTime(announced)
  const timer = setTimeout(() => stop(lateness.refusal('body', within)), within)
  const clean = () => {
    clearTimeout(timer)
    payload.off('data', count)
  }
  payload.on('data', count)
  payload.once('end', clean).once('close', clean)
}
