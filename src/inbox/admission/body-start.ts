import type { Readable } from 'node:stream'

/** Bytes at the start of a body that are kept, in case it is refused. */
export const MAX_START = 4_096

/** Watches the start of a body on its way to its parser. @returns what has arrived of it so far. */
export const watchStart = (payload: Readable): (() => Buffer) => {
  const chunks: Buffer[] = []
  let length = 0
  const keep = (chunk: Buffer) => {
    chunks.push(chunk.subarray(0, MAX_START - length))
    length += chunk.length
    if (length >= MAX_START) payload.off('data', keep)
  }
  payload.on('data', keep)
  return () => Buffer.concat(chunks)
}
