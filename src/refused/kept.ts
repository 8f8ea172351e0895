import type { FastifyRequest } from 'fastify'
import { MAX_START } from '../inbox/admission/body-start.ts'
import type { RefusalReason } from '../inbox/admission/refusal.ts'
import type { Provider } from '../inbox/provider.ts'
import { senderAddress } from '../sender-network.ts'
import type { Diagnosed } from './judge.ts'

/** A refused delivery, as it is kept for an investigation. */
export interface RefusedDelivery {
  provider: string
  reason: RefusalReason
  refusedAt: Date
  /** Its IP address. */
  source: string
  headers: Record<string, string>
  /** The first {@link MAX_START} bytes at most; null when none had arrived. */
  body: Buffer | null
  diagnosis: Diagnosed['diagnosis']
  because: string | null
}

const MAX_HEADERS = 64
const MAX_VALUE = 1_000

/** Left out: logins, and headers that proxies add, which describe our network, not the sender. */
const NOT_KEPT =
  /^(?:.*authorization|cookie2?|set-cookie|proxy-.*|forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|x-original-.*|true-client-ip|cf-.*|x-envoy-.*|.*api-?key|.*password|.*secret)$/

/** The headers of a request by name, several of one name joined. */
export const plainHeaders = ({ headers }: Pick<FastifyRequest, 'headers'>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  )

/**
 * The start of a request's body: what has arrived so far if no parser has read it, else what its parser was given.
 *
 * @returns a function to be called after the answer: a body that was refused on its way to a parser is complete only
 * then.
 */
export const startOf = ({ raw, bodyStart }: FastifyRequest): (() => Buffer | null) => {
  if (bodyStart !== null) return bodyStart
  const start = raw.readableLength === 0 ? null : (raw.read() as Buffer | null)
  return () => start
}

/** What is kept of a refused request besides the diagnosis. */
export const keptParts = (
  request: FastifyRequest,
  start: Buffer | null,
  provider: Pick<Provider, 'withoutSecrets'>,
): Pick<RefusedDelivery, 'source' | 'headers' | 'body'> => {
  const all = plainHeaders(request)
  const first = start?.subarray(0, MAX_START)
  const kept = Object.entries(all).filter(([name]) => !NOT_KEPT.test(name))
  return {
    source: senderAddress(request.ip, request.socket.remoteAddress),
    headers: Object.fromEntries(
      kept.slice(0, MAX_HEADERS).map(([name, value]) => [name, value.slice(0, MAX_VALUE)]),
    ),
    // A copy: the start must not keep the whole body in memory.
    body: first?.length ? Buffer.from(provider.withoutSecrets?.(first, all) ?? first) : null,
  }
}
