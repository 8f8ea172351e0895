import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ProviderName } from '../src/providers/index.ts'
import type { SignedRequest } from '../src/simulators/signed-request.ts'
import { type Service, startService } from './service.ts'

export interface SignOptions {
  /** Two keys are configured, `first` and `second`; `wrong` is neither. */
  key?: 'first' | 'second' | 'wrong'
  /** Seconds by which the time of signing lies before (or, negative, after) now. */
  age?: number
}

/** What the suite needs to know of a provider. */
export interface ContractSubject {
  /** Of several subjects of one provider. */
  name?: string
  provider: ProviderName
  path: string
  /** The environment with both keys. */
  env: Record<string, string>
  /** The variable that holds the keys. */
  keyVariable: string
  maxAge: number
  /** 401, or Stripe's 400. */
  refusedStatus: number
  /** Whether the signature covers the body, so that a changed byte shows. */
  signsBody: boolean
  /** A signed delivery of one new event of a handled type; the same `number` gives the same event. */
  delivery: (number: number, options?: SignOptions) => SignedRequest
  /** A signed delivery of an event type nobody handles; undefined when there is only one type. */
  unknownType?: (number: number) => SignedRequest
  /** Signed deliveries whose bodies are no deliveries. */
  malformed: () => { name: string; request: SignedRequest }[]
  withoutSignature: (request: SignedRequest) => SignedRequest
  /** Puts what the delivery refers to into the database. */
  prepare?: (service: Service) => Promise<void>
  /** What the handled events changed, so that a second application would show. */
  effects: (service: Service) => Promise<unknown>
}

export const post = async (service: Service, path: string, request: SignedRequest) => {
  const response = await fetch(service.url + path, {
    method: 'POST',
    headers: request.headers,
    body: new Uint8Array(request.body),
  })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  }
}

/** What every provider must do alike. A provider is done when this passes. */
export const describeProviderContract = (subject: ContractSubject): void => {
  const { provider, name = 'the provider' } = subject
  describe(`${provider}: ${name} contract`, () => {
    let service: Service
    let next = 1_000
    const send = (request: SignedRequest) => post(service, subject.path, request)
    const stored = () =>
      service.rows('select * from webhook_events where provider = $1 order by id', subject.provider)

    beforeAll(async () => {
      service = await startService({ env: subject.env })
      await subject.prepare?.(service)
    })
    afterAll(() => service.stop())

    test('accepts a signed delivery and applies it', async () => {
      const before = await subject.effects(service)
      const answer = await send(subject.delivery(next++))
      expect(answer).toMatchObject({ status: 200, body: { status: 'ok', accepted: 1, duplicates: 0 } })
      await service.settled()
      expect((await stored()).at(-1)).toMatchObject({ status: 'processed', attempts: 1 })
      expect(await subject.effects(service)).not.toEqual(before)
    })

    test('accepts a delivery signed with the second key', async () => {
      expect(await send(subject.delivery(next++, { key: 'second' }))).toMatchObject({ status: 200 })
      await service.settled()
    })

    test('accepts what was signed just within the window', async () => {
      expect(await send(subject.delivery(next++, { age: subject.maxAge - 60 }))).toMatchObject({
        status: 200,
      })
      expect(await send(subject.delivery(next++, { age: -240 }))).toMatchObject({ status: 200 })
      await service.settled()
    })

    test('answers a redelivery as a duplicate and applies it once', async () => {
      const request = subject.delivery(next++)
      expect(await send(request)).toMatchObject({ status: 200, body: { status: 'ok' } })
      await service.settled()
      const effects = await subject.effects(service)
      const answer = await send(request)
      expect(answer).toMatchObject({ status: 200, body: { status: 'duplicate' } })
      expect(Date.parse(String(answer.body.processed_at))).not.toBeNaN()
      await service.settled()
      expect(await subject.effects(service)).toEqual(effects)
    })

    test('stores an event once when its deliveries arrive at the same moment', async () => {
      const request = subject.delivery(next++)
      const count = (await stored()).length
      const answers = await Promise.all(Array.from({ length: 8 }, () => send(request)))
      expect(answers.map((answer) => answer.status)).toEqual(Array(8).fill(200))
      expect(answers.filter((answer) => answer.body.status === 'ok')).toHaveLength(1)
      await service.settled()
      expect(await stored()).toHaveLength(count + 1)
    })

    if (subject.unknownType !== undefined) {
      test('keeps an event of an unknown type and ignores it', async () => {
        const before = await subject.effects(service)
        expect(await send(subject.unknownType?.(next++) as SignedRequest)).toMatchObject({ status: 200 })
        await service.settled()
        expect((await stored()).at(-1)).toMatchObject({ status: 'ignored' })
        expect(await subject.effects(service)).toEqual(before)
      })
    }

    describe('stores nothing of', () => {
      const refused = (name: string, make: () => SignedRequest, expected: { status: number; code: string }) =>
        test(name, async () => {
          const count = (await stored()).length
          const answer = await send(make())
          expect(answer.status).toBe(expected.status)
          expect(answer.body).toMatchObject({ statusCode: expected.status, code: expected.code })
          expect(Object.keys(answer.body).sort()).toEqual(['code', 'error', 'message', 'statusCode'])
          expect(await stored()).toHaveLength(count)
        })
      const invalid = { status: subject.refusedStatus, code: 'WEBHOOK_SIGNATURE_INVALID' }
      const stale = { status: subject.refusedStatus, code: 'WEBHOOK_STALE' }

      refused('a delivery without a signature', () => subject.withoutSignature(subject.delivery(next++)), {
        status: subject.refusedStatus,
        code: 'WEBHOOK_SIGNATURE_MISSING',
      })
      refused('a delivery signed with another key', () => subject.delivery(next++, { key: 'wrong' }), invalid)
      refused('a stale delivery', () => subject.delivery(next++, { age: subject.maxAge + 60 }), stale)
      refused('a delivery from the future', () => subject.delivery(next++, { age: -400 }), stale)
      if (subject.signsBody) {
        refused(
          'a delivery with a changed byte',
          () => {
            const { headers, body } = subject.delivery(next++)
            const changed = Buffer.from(body)
            const at = changed.length >> 1
            changed[at] = (changed[at] ?? 0) ^ 1
            return { headers, body: changed }
          },
          invalid,
        )
      }
      test('a delivery without a body', async () => {
        const count = (await stored()).length
        const { headers } = subject.delivery(next++)
        const answer = await send({ headers, body: Buffer.alloc(0) })
        expect([400, 401]).toContain(answer.status)
        expect(answer.body.code).toMatch(/^WEBHOOK_/)
        expect(await stored()).toHaveLength(count)
      })
      refused(
        'another media type',
        () => {
          const request = subject.delivery(next++)
          return { ...request, headers: { ...request.headers, 'content-type': 'text/plain' } }
        },
        { status: 415, code: 'WEBHOOK_MEDIA_TYPE' },
      )
      for (const { name } of subject.malformed()) {
        refused(
          `a malformed body: ${name}`,
          () => subject.malformed().find((other) => other.name === name)?.request as SignedRequest,
          { status: 400, code: 'WEBHOOK_MALFORMED' },
        )
      }
    })

    test('answers 503 with Retry-After while its key is not configured', async () => {
      const env = { ...subject.env }
      delete env[subject.keyVariable]
      const other = await startService({
        env: { ...env, DATABASE_URL: service.databaseUrl, REDIS_URL: service.redisUrl },
      })
      try {
        const answer = await post(other, subject.path, subject.delivery(next++))
        expect(answer).toMatchObject({ status: 503, body: { code: 'WEBHOOK_NOT_CONFIGURED' } })
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
        expect(other.logs.some((line) => String(line.providers).includes(subject.provider))).toBe(true)
      } finally {
        await other.stop()
      }
    })
  })
}
