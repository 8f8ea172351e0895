import type { Random } from '../harness/random.ts'
import type { Json } from '../src/db/storable.ts'
import type { FormFields } from '../src/simulators/mailgun/sign.ts'
import { hostileJson, hostileText } from './hostile.ts'

type Holder = Json[] | { [key: string]: Json }

/** Every place of a value in a document, the whole of it included. */
const slotsOf = (holder: Holder): { holder: Holder; key: string }[] =>
  Object.entries(holder).flatMap(([key, value]) => [
    { holder, key },
    ...(typeof value === 'object' && value !== null ? slotsOf(value) : []),
  ])

/** What no JavaScript value can hold (`1e400`, the same name twice) is a mark in the document, replaced in its text. */
const MARK = /"(@@\d+@@)"/g

/** Changes the structure of a JSON text in one to four places. */
export const mutateJson = (random: Random, text: string): string => {
  const raws: string[] = []
  const mark = (raw: string) => `@@${raws.push(raw) - 1}@@`
  const document: { [key: string]: Json } = { root: JSON.parse(text) }
  const times = random.between(1, 4)
  for (let n = 0; n < times; n++) {
    const slots = slotsOf(document)
    const { holder, key } = random.pick(slots)
    const at = holder as { [key: string]: Json }
    const value = at[key] as Json
    const copy = () => structuredClone(value)
    random.pick([
      () => {
        at[key] = mark(hostileJson(random))
      },
      () => {
        at[key] = mark(hostileJson(random))
      },
      () => {
        if (Array.isArray(holder)) holder.splice(Number(key), 1)
        else if (holder !== document) delete holder[key]
      },
      () => {
        if (Array.isArray(holder) || holder === document) return
        delete holder[key]
        holder[mark(JSON.stringify(hostileText(random)))] = value
      },
      () => {
        if (Array.isArray(holder)) holder.push(...Array.from({ length: random.between(1, 40) }, copy))
        else holder[mark(JSON.stringify(key))] = mark(hostileJson(random))
      },
      () => {
        at[key] = random.percent(50) ? [value] : { [key]: value }
      },
      () => {
        const other = random.pick(slots)
        at[key] = structuredClone((other.holder as { [key: string]: Json })[other.key] as Json)
      },
      () => {
        at[key] = typeof value === 'number' ? String(value) : [value, String(value), copy()]
      },
    ])()
  }
  const expand = (marked: string): string =>
    marked.replace(MARK, (_, name: string) => expand(raws[Number(name.slice(2, -2))] ?? ''))
  return expand(JSON.stringify(document.root) ?? '')
}

const BYTES = [0x00, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x25, 0x26, 0x2b, 0x2c, 0x2d, 0x3d, 0x5b, 0x5c, 0x5d, 0x7b]
const ODD_BYTES = [0x7d, 0x7f, 0x80, 0xbf, 0xc0, 0xc3, 0xe0, 0xed, 0xf0, 0xf4, 0xfe, 0xff]

/** Changes bytes in one to eight places, whatever they mean. */
export const mutateBytes = (random: Random, bytes: Buffer): Buffer => {
  let changed = Buffer.from(bytes)
  const times = random.between(1, 8)
  for (let n = 0; n < times && changed.length > 0; n++) {
    const at = random.between(0, changed.length - 1)
    const to = Math.min(changed.length, at + random.pick([1, 1, 2, 8, 64, 1_000]))
    const before = changed.subarray(0, at)
    const slice = changed.subarray(at, to)
    const after = changed.subarray(to)
    const odd = random.pick([...BYTES, ...ODD_BYTES])
    changed = random.pick([
      () =>
        Buffer.concat([
          before,
          Buffer.from([(slice[0] ?? 0) ^ (1 << random.between(0, 7))]),
          changed.subarray(at + 1),
        ]),
      () => Buffer.concat([before, Buffer.from([odd]), changed.subarray(at + 1)]),
      () => Buffer.concat([before, Buffer.alloc(random.pick([1, 2, 300]), odd), changed.subarray(at)]),
      () => Buffer.concat([before, random.bytes(random.between(1, 16)), changed.subarray(at)]),
      () => Buffer.concat([before, after]),
      () => Buffer.concat([before, slice, slice, slice, after]),
      () => Buffer.concat([after, slice, before]),
      () => (random.percent(30) ? before : changed),
    ])()
  }
  return changed
}

/** Names that mean something to Mailgun's form. */
const NAMES = [
  'recipient',
  'sender',
  'from',
  'subject',
  'body-plain',
  'stripped-text',
  'stripped-signature',
  'message-headers',
  'attachments',
  'attachment-count',
  'content-id-map',
  'From',
  'Subject',
  'In-Reply-To',
  'References',
  'Message-Id',
  'Content-Type',
  'Return-Path',
  'Precedence',
  'Auto-Submitted',
  'List-Id',
]
const REASONABLE = 30_000

/** Changes a form in one to five places: names, values, how often, and the JSON inside. */
export const mutateForm = (random: Random, fields: FormFields): FormFields => {
  const changed = fields.map(([name, value]): [string, string] => [name, value])
  const times = random.between(1, 5)
  for (let n = 0; n < times; n++) {
    const at = random.between(0, changed.length - 1)
    const [name, value] = changed[at] ?? ['x', '']
    const text = () => hostileText(random, random.percent(10) ? 300_000 : REASONABLE)
    random.pick([
      () => changed.splice(at, 1),
      () => changed.push([name, value]),
      () => changed.push([random.pick(NAMES), text()]),
      () => changed.push([hostileText(random, 500), text()]),
      () => changed.splice(at, 1, [name, text()]),
      () => changed.splice(at, 1, [random.pick(NAMES), value]),
      () => {
        const many = random.pick([10, 300, 3_000])
        for (let n = 0; n < many; n++)
          changed.push([`X-${n % 50}`, random.pick(['', 'x', value.slice(0, 100)])])
      },
      () => changeHeaders(random, changed),
      () => changeHeaders(random, changed),
      () => changed.push(['attachments', mutateJson(random, '[{"name":"a","size":1,"content-type":"b"}]')]),
    ])()
  }
  return changed
}

/** The mail's headers come again as JSON, in which an outside sender decides names, values and number. */
const changeHeaders = (random: Random, fields: FormFields): void => {
  const field = fields.find(([name]) => name === 'message-headers')
  if (field === undefined) return
  if (random.percent(30)) {
    try {
      field[1] = mutateJson(random, field[1])
    } catch {
      // An earlier change made it invalid JSON.
    }
    return
  }
  const names = Array.from({ length: random.pick([1, 5, 500]) }, () => random.pick(NAMES.slice(-10)))
  field[1] = JSON.stringify(names.map((name) => [name, hostileText(random, 10_000)]))
}
