import type { Random } from '../harness/random.ts'
import type { FormFields } from '../src/simulators/mailgun/sign.ts'
import type { SignedRequest } from '../src/simulators/signed-request.ts'
import { mutateBytes } from './mutate.ts'
import type { Senders } from './senders.ts'

type Sign = (bytes: Buffer, at?: Date, signers?: Pick<Senders, 'sendgrid' | 'stripe'>) => SignedRequest

const HOUR = 3_600_000
/** Beyond every provider's window, in both directions. */
const STALE = [-60 * 24 * HOUR, -26 * HOUR, HOUR, 10_000 * 24 * HOUR]

const SIGNING = /signature|timestamp/

/** A text that differs however it is compared: as it is, ignoring case and padding, or as base64. */
const otherText = (random: Random, text: string): string => {
  const readings = (one: string) => [
    one.replace(/[^\da-z]/gi, '').toLowerCase(),
    Buffer.from(one, 'base64').toString('hex'),
  ]
  const original = readings(text)
  for (;;) {
    const changed = mutateBytes(random, Buffer.from(text))
      .toString('latin1')
      .replace(/[\r\n\0]/g, '')
    if (readings(changed).every((reading, n) => reading !== original[n])) return changed
  }
}

/** A delivery whose signature in the headers does not hold, and why. */
export const forgeHeaders = (
  random: Random,
  body: Buffer,
  sign: Sign,
  strangers: Pick<Senders, 'sendgrid' | 'stripe'>,
): { how: string; request: SignedRequest } => {
  const request = sign(body)
  const names = Object.keys(request.headers).filter((name) => SIGNING.test(name))
  const name = random.pick(names)
  const value = request.headers[name] ?? ''
  const withHeader = (changed: string) => ({ ...request, headers: { ...request.headers, [name]: changed } })
  return random.pick<() => { how: string; request: SignedRequest }>([
    () => {
      const { [name]: _, ...headers } = request.headers
      return { how: `without ${name}`, request: { headers, body } }
    },
    () => ({ how: `an empty ${name}`, request: withHeader(random.pick(['', ' ', ',', '='])) }),
    () => ({ how: `${name} changed`, request: withHeader(otherText(random, value)) }),
    () => ({ how: `${name} changed`, request: withHeader(otherText(random, value)) }),
    () => ({ how: `${name} is long`, request: withHeader('x'.repeat(3_000) + value) }),
    () => ({ how: 'signed with another key', request: sign(body, new Date(), strangers) }),
    () => ({ how: 'stale', request: sign(body, new Date(Date.now() + random.pick(STALE))) }),
    () => ({ how: 'of another body', request: { ...request, body: otherBytes(random, body) } }),
    () => ({
      how: 'of another body',
      request: { ...request, body: Buffer.concat([body, Buffer.from(' ')]) },
    }),
    () => ({ how: 'of an empty body', request: { ...sign(Buffer.alloc(0)), body } }),
  ])()
}

const otherBytes = (random: Random, bytes: Buffer): Buffer => {
  for (;;) {
    const changed = mutateBytes(random, bytes)
    if (!changed.equals(bytes)) return changed
  }
}

/** A form whose signature does not hold, and why. */
export const forgeForm = (
  random: Random,
  mail: FormFields,
  { mailgun, strangers }: Senders,
): { how: string; fields: FormFields } => {
  const signature = mailgun.sign()
  const earlier = mailgun.sign({ at: new Date(Date.now() - 60_000) })
  const at = random.between(0, 2)
  const [name, value] = signature[at] ?? ['', '']
  const others = signature.filter((_, n) => n !== at)
  const forged = random.pick<() => { how: string; signature: FormFields }>([
    () => ({ how: `without ${name}`, signature: others }),
    () => ({ how: `an empty ${name}`, signature: [...others, [name, '']] }),
    () => ({ how: `${name} changed`, signature: [...others, [name, otherText(random, value)]] }),
    () => ({ how: `${name} changed`, signature: [...others, [name, otherText(random, value)]] }),
    () => ({
      how: `${name} behind four others`,
      signature: [...['a', 'b', 'c', 'd'].map((other): [string, string] => [name, other]), ...signature],
    }),
    () => ({ how: `${name} of another signature`, signature: [...others, earlier[at] ?? ['', '']] }),
    () => ({ how: `${name} in upper case`, signature: [...others, [name.toUpperCase(), value]] }),
    () => ({ how: 'signed with another key', signature: strangers.mailgun.sign() }),
    () => ({ how: 'stale', signature: mailgun.sign({ at: new Date(Date.now() + random.pick(STALE)) }) }),
    () => ({
      how: 'a digit moved',
      signature: signature.map(([field, text]): [string, string] => {
        if (field === 'timestamp') return [field, text.slice(0, -1)]
        return [field, field === 'token' ? `${signature[0]?.[1].slice(-1)}${text}` : text]
      }),
    }),
  ])()
  return {
    how: forged.how,
    fields: random.percent(50) ? [...mail, ...forged.signature] : [...forged.signature, ...mail],
  }
}
