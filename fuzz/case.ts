import { createRandom, type Random } from '../harness/random.ts'
import { type ProviderName, providers } from '../src/providers/index.ts'
import { BODY_LIMIT as SENDGRID_LIMIT } from '../src/providers/sendgrid/index.ts'
import { BODY_LIMIT as STRIPE_LIMIT } from '../src/providers/stripe/index.ts'
import { type FormFields, multipart, urlencoded } from '../src/simulators/mailgun/sign.ts'
import type { SignedRequest } from '../src/simulators/signed-request.ts'
import { extremeFields, extremeJson } from './extremes.ts'
import { forgeForm, forgeHeaders } from './forge.ts'
import { mutateBytes, mutateForm, mutateJson } from './mutate.ts'
import { changeRequest } from './request.ts'
import { FUZZED, type Senders } from './senders.ts'
import { toWire } from './wire.ts'

/** One request, made of the seed and its number alone; ids, times and signatures are new each time. */
export interface FuzzCase {
  number: number
  provider: ProviderName
  /** What was done to a valid delivery. */
  what: string
  /**
   * `forged` must not be accepted. `signed` is a signed body with any content, in an ordinary request. With `odd` ones
   * both may happen.
   */
  kind: 'signed' | 'forged' | 'odd'
  /** Whether the request is complete, so that the service must answer. */
  owed: boolean
  bytes: Buffer
}

interface Made {
  kind: FuzzCase['kind']
  what: string
  request: SignedRequest
}

export const makeCase = (senders: Senders, seed: number, number: number): FuzzCase => {
  const random = createRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b))
  const provider = random.pick(FUZZED)
  const { kind, what, request } =
    provider === 'mailgun' ? makeMail(senders, random) : makeJson(senders, provider, random)
  const ordinary = {
    method: 'POST',
    target: providers[provider].path,
    version: 'HTTP/1.1',
    headers: [
      ['host', 'webhooks.example'],
      ['connection', 'close'],
      ...Object.entries(request.headers),
      ['content-length', String(request.body.length)],
    ] as [string, string][],
    body: request.body,
  }
  if (!random.percent(15)) return { number, provider, kind, what, owed: true, bytes: toWire(ordinary) }
  const changed = changeRequest(random, ordinary)
  return {
    number,
    provider,
    kind: kind === 'signed' ? 'odd' : kind,
    what: `${what}; ${changed.what}`,
    owed: changed.owed,
    bytes: changed.bytes,
  }
}

const BODY_LIMITS = { sendgrid: SENDGRID_LIMIT, stripe: STRIPE_LIMIT }

const makeJson = (senders: Senders, provider: 'sendgrid' | 'stripe', random: Random): Made => {
  const sender = random.pick(senders.kinds(provider))
  const body = senders.valid(provider, sender)
  const sign = (
    bytes: Buffer | string,
    at?: Date,
    signers: Pick<Senders, 'sendgrid' | 'stripe'> = senders,
  ) =>
    provider === 'sendgrid'
      ? signers.sendgrid.sign(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, at)
      : signers.stripe.sign(bytes.toString(), at)
  const chance = random.between(0, 199)
  if (chance < 10) return { kind: 'signed', what: `valid ${sender}`, request: sign(body) }
  if (chance < 14) {
    const name = random.pick(Object.keys(extremeJson))
    const text = extremeJson[name]?.(BODY_LIMITS[provider]) ?? ''
    return { kind: 'signed', what: name, request: sign(text.replace('EXTREME', crypto.randomUUID())) }
  }
  if (chance < 60) {
    const { how, request } = forgeHeaders(random, body, sign, senders.strangers)
    return { kind: 'forged', what: `${sender}, ${how}`, request }
  }
  if (chance < 90)
    return { kind: 'signed', what: `${sender}, bytes changed`, request: sign(mutateBytes(random, body)) }
  return {
    kind: 'signed',
    what: `${sender}, JSON changed`,
    request: sign(mutateJson(random, body.toString())),
  }
}

const makeMail = (senders: Senders, random: Random): Made => {
  const sender = random.pick(senders.kinds('mailgun'))
  const SIGNATURE = ['timestamp', 'token', 'signature']
  const mail: FormFields = [...new URLSearchParams(senders.valid('mailgun', sender).toString())].filter(
    ([name]) => !SIGNATURE.includes(name),
  )
  const form = random.percent(50) ? 'urlencoded' : 'multipart'
  const encode = (fields: FormFields): SignedRequest => {
    if (form === 'urlencoded') return urlencoded(fields)
    const file = () => ({
      field: `attachment-${random.between(1, 9)}`,
      name: random.pick(['a.pdf', '../../x', '', '"; filename="b', 'ü.pdf', '\0']),
      type: random.pick(['application/pdf', 'application/json', 'text/plain; charset=x', 'message/rfc822']),
      content: random.bytes(random.pick([0, 1, 1_000, 100_000])),
    })
    return multipart(fields, Array.from({ length: random.between(0, 3) }, file))
  }
  const chance = random.between(0, 199)
  const signature = senders.mailgun.sign()
  const signed = (fields: FormFields): FormFields =>
    random.percent(50) ? [...fields, ...signature] : [...signature, ...fields]
  if (chance < 10) return { kind: 'signed', what: `valid ${sender}, ${form}`, request: encode(signed(mail)) }
  if (chance < 14) {
    const name = random.pick(Object.keys(extremeFields))
    const extreme = extremeFields[name]?.(random) ?? []
    const others = mail.filter(([other]) => !extreme.some(([field]) => field === other))
    return { kind: 'signed', what: `${name}, ${form}`, request: encode(signed([...extreme, ...others])) }
  }
  if (chance < 50) {
    const { how, fields } = forgeForm(random, mail, senders)
    return { kind: 'forged', what: `${sender}, ${how}, ${form}`, request: encode(fields) }
  }
  if (chance < 100) {
    const { headers, body } = encode(signed(mail))
    const request = { headers, body: mutateBytes(random, body) }
    return { kind: 'odd', what: `${sender}, ${form}, bytes changed`, request }
  }
  return {
    kind: 'signed',
    what: `${sender}, ${form}, fields changed`,
    request: encode(signed(mutateForm(random, mail))),
  }
}
