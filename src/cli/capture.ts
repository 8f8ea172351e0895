import { readFileSync } from 'node:fs'
import type { Capture } from '../inbox/provider.ts'
import { CommandError } from './outcome.ts'

const read = (file: string): Buffer => {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new CommandError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, 'usage')
  }
}

/** A whole HTTP request: a request line perhaps, headers, an empty line, and the body byte for byte. */
export const readRawCapture = (file: string): Capture => {
  const bytes = read(file)
  const text = bytes.toString('latin1')
  const gap = /\r?\n\r?\n/.exec(text)
  if (gap === null)
    throw new CommandError(`${file}: there is no empty line between headers and body`, 'usage')
  return capture(file, text.slice(0, gap.index), bytes.subarray(gap.index + gap[0].length))
}

/** Headers, a line each, and the body in two files. */
export const readCapture = (headersFile: string, bodyFile: string): Capture =>
  capture(headersFile, read(headersFile).toString('latin1'), read(bodyFile))

/** Values may be quoted, as `curl -v` and loggers write them. */
const HEADER = /^[<>*\s]*([\w-]+):(.*)$/

const capture = (file: string, head: string, body: Buffer): Capture => {
  const lines = head.split(/\r?\n/).map((line) => HEADER.exec(line))
  const headers = Object.fromEntries(
    lines.flatMap((match) =>
      match?.[1] === undefined ? [] : [[match[1].toLowerCase(), match[2]?.trim() ?? '']],
    ),
  )
  if (Object.keys(headers).length === 0) throw new CommandError(`${file}: there are no headers`, 'usage')
  if (
    /chunked/i.test(headers['transfer-encoding'] ?? '') &&
    /^[\da-f]+\r\n/i.test(body.toString('latin1', 0, 12))
  ) {
    throw new CommandError(`${file}: the body is chunked as on the wire; capture it decoded`, 'usage')
  }
  return { headers, body }
}
