import { createHmac } from 'node:crypto'
import { request } from 'node:http'
import fc from 'fast-check'
import Stripe from 'stripe'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/inbox/admission/refusal.ts'
import { verifiedJson } from '../../../src/providers/stripe/verify.ts'
import { propertyRuns } from '../../property-runs.ts'
import { post } from '../../provider-contract.ts'
import type { Service } from '../../service.ts'
import { seedUser, signed, startStripe } from './deliveries.ts'
import { eventsOf } from './events.ts'

const [OLD, NEW, OTHER] = ['whsec_old', 'whsec_new', 'whsec_other']
const NOW = 1_800_000_000
const body = Buffer.from('{"id":"evt_1","object":"event","type":"invoice.paid"}')
const v1 = (secret: string, bytes: Buffer = body, time: number | string = NOW) =>
  createHmac('sha256', secret).update(`${time}.`).update(bytes).digest('hex')
const good = v1(OLD)

/** `ok`, or why the delivery is refused. */
const outcome = (
  header: string | undefined,
  { secrets = [OLD], bytes = body }: { secrets?: string[]; bytes?: Buffer } = {},
): string => {
  try {
    const delivery = {
      body: bytes,
      headers: header === undefined ? {} : { 'stripe-signature': header },
      receivedAt: new Date(NOW * 1_000 + 999),
    }
    verifiedJson(delivery, { secrets, maxAge: 300, maxFuture: 300 })
    return 'ok'
  } catch (error) {
    if (error instanceof Refusal && error.statusCode === 400) return error.reason
    throw error
  }
}

test('a delivery signed as the package signs is accepted', () => {
  const header = Stripe.webhooks.generateTestHeaderString({
    payload: body.toString(),
    secret: OLD,
    timestamp: NOW,
  })
  expect(header).toBe(`t=${NOW},v1=${good}`)
  expect(outcome(header)).toBe('ok')
})

describe('keys', () => {
  test('any one may match, wherever it stands, and any of several signatures', () => {
    // While a secret is rolled Stripe signs with both.
    const both = [`t=${NOW},v1=${v1(OLD)},v1=${v1(NEW)}`, `t=${NOW},v1=${v1(NEW)},v1=${v1(OLD)}`]
    for (const header of [...both, `t=${NOW},v1=${v1(OLD)}`, `t=${NOW},v1=${v1(NEW)}`]) {
      expect(outcome(header, { secrets: [OLD, NEW] })).toBe('ok')
      expect(outcome(header, { secrets: [NEW, OLD] })).toBe('ok')
      expect(outcome(header, { secrets: [OTHER] })).toBe('signature_invalid')
    }
    for (const header of both) {
      expect(outcome(header, { secrets: [OLD] })).toBe('ok')
      expect(outcome(header, { secrets: [NEW] })).toBe('ok')
    }
  })

  test('a signature of another scheme counts for nothing, beside one that counts', () => {
    expect(outcome(`t=${NOW},v0=${good}`)).toBe('signature_invalid')
    expect(outcome(`t=${NOW},v2=${good}`)).toBe('signature_invalid')
    expect(outcome(`t=${NOW},v0=${v1(OTHER)},v1=${good}`)).toBe('ok')
  })
})

describe('the time', () => {
  const at = (time: number | string) => outcome(`t=${time},v1=${v1(OLD, body, time)}`)

  test('may lie 300 seconds before or after now, and no second more', () => {
    expect([at(NOW - 300), at(NOW), at(NOW + 300)]).toEqual(['ok', 'ok', 'ok'])
    expect([at(NOW - 301), at(NOW + 301)]).toEqual(['stale', 'stale'])
    expect([at(0), at(NOW + 10 ** 9)]).toEqual(['stale', 'stale'])
  })

  test('is checked only after the signature is found right', () => {
    expect(outcome(`t=${NOW - 301},v1=${good}`)).toBe('signature_invalid')
  })

  test('is there once: a second one cannot lend a stale delivery its age', () => {
    const stale = NOW - 10_000
    const signature = v1(OLD, body, stale)
    for (const header of [`t=${NOW},t=${stale},v1=${signature}`, `t=${stale},t=${NOW},v1=${signature}`]) {
      expect(outcome(header)).toBe('signature_invalid')
    }
    // As Node joins two headers of that name.
    expect(outcome(`t=${stale},v1=${signature}, t=${NOW},v1=${good}`)).toBe('stale')
  })

  test('is a whole number of seconds', () => {
    for (const time of ['', '-1', '1.5e9', `${NOW}.5`, ` ${NOW}`, '0x6b49d200', '1'.repeat(13), 'now']) {
      expect(at(time)).toBe('signature_invalid')
    }
  })
})

describe('a header that is no signature', () => {
  test('is refused as a wrong one, whatever it holds', () => {
    const headers = [
      'garbage',
      `t=${NOW}`,
      `v1=${good}`,
      `t=${NOW},v1`,
      `t=${NOW},v1=`,
      `t=${NOW},v1==${good}`,
    ]
    const odd = [good.toUpperCase(), good.slice(1), `${good}0`, 'é'.repeat(64), `${good} `]
    for (const header of [...headers, ...odd.map((signature) => `t=${NOW},v1=${signature}`)]) {
      expect(outcome(header)).toBe('signature_invalid')
    }
    expect(outcome(undefined)).toBe('signature_missing')
    expect(outcome('')).toBe('signature_missing')
  })

  test('does not spoil a good one beside it', () => {
    expect(outcome(`t=${NOW},v1,v1=,v1=${'é'.repeat(64)},v1=${good}`)).toBe('ok')
  })

  test('never passes and never throws anything else', () => {
    const part = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.constantFrom('t', 'v1', 'v0', ' v1', '__proto__'), fc.string())
        .map((pair) => pair.join('=')),
      fc.stringMatching(/^v1=[0-9a-f]{64}$/),
      fc.constant(`t=${NOW}`),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        expect(outcome(parts.join())).toMatch(/^signature_(invalid|missing)$/)
      }),
      { numRuns: propertyRuns(2_000) },
    )
  })
})

describe('a body', () => {
  const signedAs = (bytes: Buffer) => outcome(`t=${NOW},v1=${v1(OLD, bytes)}`, { bytes })

  test('with other bytes than were signed is refused, and so is an empty one', () => {
    const header = `t=${NOW},v1=${good}`
    for (const bytes of [
      Buffer.concat([body, Buffer.from('\n')]),
      body.subarray(1),
      Buffer.from(JSON.stringify(JSON.parse(body.toString()), null, 2)),
      Buffer.alloc(0),
    ]) {
      expect(outcome(header, { bytes })).toBe('signature_invalid')
    }
  })

  test('that is no UTF-8 is refused, signed or not: Stripe writes none', () => {
    const latin = Buffer.concat([
      Buffer.from('{"id":"evt_1","name":"'),
      Buffer.from([0xe9]),
      Buffer.from('"}'),
    ])
    expect(signedAs(latin)).toBe('signature_invalid')
    expect(signedAs(Buffer.from([0xff, 0xfe, 0x7b, 0x00]))).toBe('signature_invalid')
    expect(signedAs(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]))).toBe('signature_invalid')
    expect(signedAs(Buffer.from('{"id":"evt_é_😀"}'))).toBe('ok')
  })

  test('that is signed and no JSON, or a thin event, is malformed', () => {
    for (const text of [
      '',
      '{',
      'null,',
      '[1',
      '{"object":"v2.core.event","id":"evt_1","type":"v1.invoice.paid"}',
    ]) {
      expect(signedAs(Buffer.from(text))).toBe('malformed')
    }
  })
})

describe('over HTTP', () => {
  let service: Service
  beforeAll(async () => {
    service = await startStripe()
    await seedUser(service, 1)
  })
  afterAll(() => service.stop())
  const event = () => JSON.stringify(eventsOf(1).subscription('created'))
  const send = (headers: Record<string, string | string[]>, content: Buffer) =>
    new Promise<{ status: number | undefined; code: unknown }>((resolve, reject) => {
      const outgoing = request(
        `${service.url}/webhooks/stripe`,
        { method: 'POST', headers, agent: false },
        (answer) => {
          const chunks: Buffer[] = []
          answer.on('data', (chunk: Buffer) => chunks.push(chunk))
          answer.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            resolve({ status: answer.statusCode, code: text === '' ? undefined : JSON.parse(text).code })
          })
        },
      )
      outgoing.on('error', reject)
      outgoing.end(content)
    })

  test('a thin event gets an answer that says what is wrong', async () => {
    const thin = { id: 'evt_1', object: 'v2.core.event', type: 'v1.invoice.paid' }
    expect(await post(service, '/webhooks/stripe', signed(JSON.stringify(thin)))).toMatchObject({
      status: 400,
      body: { code: 'WEBHOOK_MALFORMED', message: expect.stringContaining('thin event') },
    })
  })

  test('the header may come twice, and is one', async () => {
    const { headers, body: content } = signed(event())
    const garbage = 't,v1=0'
    const twice = { ...headers, 'stripe-signature': [headers['stripe-signature'] ?? '', garbage] }
    expect(await send(twice, content)).toEqual({ status: 200, code: undefined })
  })

  test('one of many signatures is found, and a header larger than Node takes does no harm', async () => {
    const { headers, body: content } = signed(event())
    const [time, signature] = (headers['stripe-signature'] ?? '').split(',')
    const padded = (count: number) => ({
      ...headers,
      'stripe-signature': [time, ...Array(count).fill(`v1=${'0'.repeat(64)}`), signature].join(),
    })
    expect(await send(padded(200), content)).toMatchObject({ status: 200 })
    const answered = await send(padded(2_000), content).catch(() => ({ status: 'cut off' }))
    expect([431, 'cut off']).toContain(answered.status)
    expect(await send({ ...headers }, content)).toMatchObject({ status: 200 })
  })
})
