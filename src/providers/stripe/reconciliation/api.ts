import { setTimeout as sleep } from 'node:timers/promises'
import Stripe from 'stripe'
import type { StripeApiConfig } from '../../../config.ts'

/** Milliseconds for one request. */
const TIMEOUT = 30_000
/** Of a request that failed or got a 5xx, by the package, with growing pauses. */
const RETRIES = 3
/** Of a request that Stripe refused because there were too many. */
const MAX_WAITS = 8
/** Milliseconds: the first pause after a refusal that does not say how long, and the longest one. */
const PAUSE = { first: 1_000, longest: 60_000 }

/** Stripe's API, through its package: pagination, retries and time-outs are the package's. It only reads. */
export const createStripeApi = ({ STRIPE_API_KEY, STRIPE_API_URL }: StripeApiConfig): Stripe =>
  new Stripe(STRIPE_API_KEY, {
    ...(STRIPE_API_URL === undefined ? {} : placeOf(new URL(STRIPE_API_URL))),
    timeout: TIMEOUT,
    maxNetworkRetries: RETRIES,
    telemetry: false,
    httpClient: withinRateLimit(Stripe.createNodeHttpClient()),
  })

const placeOf = ({ protocol, hostname, port }: URL) => {
  const isPlain = protocol === 'http:'
  return {
    protocol: isPlain ? ('http' as const) : ('https' as const),
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (isPlain ? 80 : 443) : Number(port),
  }
}

type HttpClient = ReturnType<typeof Stripe.createNodeHttpClient>

/** The package gives up at the first 429 that does not ask for a retry. Here it waits for as long as Stripe says. */
const withinRateLimit = (client: HttpClient): HttpClient => ({
  getClientName: () => client.getClientName(),
  makeRequest: async (...request) => {
    for (let waits = 0; ; waits++) {
      const response = await client.makeRequest(...request)
      if (response.getStatusCode() !== 429 || waits === MAX_WAITS) return response
      await response.toJSON().catch(() => {}) // read, so that the connection can be used again
      await sleep(pauseOf(response.getHeaders()['retry-after'], waits))
    }
  },
})

/** @returns milliseconds. */
const pauseOf = (retryAfter: unknown, waits: number): number => {
  const seconds = Number(retryAfter)
  const said = retryAfter !== undefined && seconds >= 0 ? seconds * 1_000 : PAUSE.first * 2 ** waits
  return Math.min(said, PAUSE.longest)
}

/** An error of the API in words for people, without the key. */
export const describeApiError = (error: unknown, { STRIPE_API_KEY }: StripeApiConfig): string => {
  const text =
    error instanceof Stripe.errors.StripeError
      ? [`${error.type}: ${error.message}`, error.code && `code ${error.code}`, error.requestId]
          .filter(Boolean)
          .join(', ')
      : String(error)
  return text.replaceAll(STRIPE_API_KEY, 'STRIPE_API_KEY')
}

/** Whether Stripe refused, failed or did not answer; any other error is a fault of this service. */
export const isApiError = (error: unknown): error is Stripe.errors.StripeError =>
  error instanceof Stripe.errors.StripeError
