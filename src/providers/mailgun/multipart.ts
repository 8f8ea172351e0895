import type { IncomingMessage } from 'node:http'
import { Busboy } from '@fastify/busboy'
import type { FastifyRequest } from 'fastify'
import { Refusal } from '../../inbox/admission/refusal.ts'
import {
  BLANK_LINE,
  createCollector,
  emptyForm,
  type Form,
  MAX_ATTACHMENTS,
  MAX_CALENDAR,
  MAX_FIELDS,
  tooManyFields,
} from './form.ts'

const LIMIT = 40 * 1024 * 1024
const MAX_FIELD = 1024 * 1024
/** Of a part: its name, and a file's name and type. */
const MAX_PART_HEADER = 16 * 1024

const tooLarge = () => new Refusal('too_large', `Body too large, at most ${LIMIT / 1024 / 1024} MiB`)
const malformed = () => new Refusal('malformed', 'Expected a complete multipart form')

/**
 * Reads a multipart body as it arrives. Attachments are counted and described; their bytes are dropped.
 *
 * Busboy itself, not `@fastify/multipart`: that one answers a broken body with 500, a bad JSON part with 406 (which
 * makes Mailgun drop the mail for good), and refuses a mail for a header named `constructor`.
 *
 * @throws {Refusal} `malformed` or `too_large`
 */
export const readMultipart = (request: FastifyRequest, payload: IncomingMessage): Promise<Form> =>
  new Promise((resolve, reject) => {
    if (Number(request.headers['content-length']) > LIMIT) return reject(tooLarge())
    const form = emptyForm()
    const collect = createCollector(form)
    const busboy = createBusboy(request)
    if (busboy === undefined) return reject(malformed())

    let read = 0
    const count = (chunk: Buffer) => {
      read += chunk.length
      if (read > LIMIT) stop(tooLarge())
    }
    const stop = (error: Error) => {
      payload.unpipe(busboy)
      payload.off('data', count)
      payload.resume()
      reject(error)
    }
    busboy.on('field', (name: string | null, value) => collect(name ?? '', value))
    busboy.on('file', (field: string | null, file, name: string | undefined, _encoding, type) => {
      const attachment = { name: name ?? null, type, size: 0 }
      // Raw MIME may come as a file, which a header of a mail never does.
      if (field === 'body-mime') collect(field, BLANK_LINE)
      else if (form.attachments.length < MAX_ATTACHMENTS) form.attachments.push(attachment)
      const isCalendar = type === 'text/calendar' || /\.ics$/i.test(name ?? '')
      let calendar = ''
      file.on('data', (chunk: Buffer) => {
        attachment.size += chunk.length
        if (isCalendar && calendar.length < MAX_CALENDAR) calendar += chunk.toString('latin1')
      })
      file.on('end', () => {
        if (calendar !== '') collect('body-calendar', calendar)
      })
      file.on('error', () => stop(malformed()))
    })
    busboy.on('partsLimit', () => stop(tooManyFields()))
    busboy.on('error', () => stop(malformed()))
    busboy.on('finish', () => resolve(form))
    payload.on('data', count)
    payload.on('error', (error) => stop(error instanceof Refusal ? error : malformed()))
    payload.on('close', () => {
      if (!payload.readableEnded) stop(malformed())
    })
    payload.pipe(busboy)
  })

/** Undefined when the media type names no boundary. */
const createBusboy = ({ headers }: FastifyRequest) => {
  try {
    return new Busboy({
      headers: { ...headers, 'content-type': headers['content-type'] ?? '' },
      limits: { parts: MAX_FIELDS, fieldSize: MAX_FIELD, headerSize: MAX_PART_HEADER },
    })
  } catch {
    return undefined
  }
}
