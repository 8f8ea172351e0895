import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

// Stripe's API as far as the reconciliation asks it: lists with their filters and pages, the key, the errors.

type Stored = Record<string, unknown> & { id: string }

export interface StripeApi {
  url: string
  key: string
  /** What a command is started with to ask this server. */
  env: { STRIPE_API_KEY: string; STRIPE_API_URL: string }
  /** Newest first is made of `created`; of one second the later one here is the newer. */
  events: Stored[]
  subscriptions: Stored[]
  /** With all their lines: a list of invoices shows ten of each. */
  invoices: Stored[]
  /** Customers without a subscription or an invoice; the others are known by these. */
  customers: Set<string>
  /** Paths and queries that were asked, refused ones included. */
  requests: string[]
  /** Asked before every answer: what it returns is answered instead. */
  fault: (request: { path: string; query: URLSearchParams; number: number }) => Fault | undefined
  /** The header `Date` of the answers, if not the time of the machine. */
  date: Date | undefined
  stop: () => Promise<void>
}

interface Fault {
  status: number
  headers?: Record<string, string>
}

/** Inline in an invoice. */
const LINES_SHOWN = 10

export const startStripeApi = async (): Promise<StripeApi> => {
  const key = `rk_test_${crypto.randomUUID().replaceAll('-', '')}`
  const server = createServer((request, response) => answer(api, request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const api: StripeApi = {
    url,
    key,
    env: { STRIPE_API_KEY: key, STRIPE_API_URL: url },
    events: [],
    subscriptions: [],
    invoices: [],
    customers: new Set(),
    requests: [],
    fault: () => undefined,
    date: undefined,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return api
}

interface Answer {
  status: number
  body: object
  headers?: Record<string, string> | undefined
}

const answer = (api: StripeApi, request: IncomingMessage, response: ServerResponse): void => {
  const url = new URL(request.url ?? '', api.url)
  api.requests.push(url.pathname + url.search)
  const { status, body, headers } =
    request.headers.authorization === `Bearer ${api.key}` && request.method === 'GET'
      ? read(api, url)
      : refusal(401, { message: 'Invalid API Key provided: rk_test_****' })
  if (api.date !== undefined) response.setHeader('date', api.date.toUTCString())
  response.writeHead(status, {
    'content-type': 'application/json',
    'request-id': `req_${api.requests.length}`,
    ...headers,
  })
  response.end(JSON.stringify(body))
}

const refusal = (
  status: number,
  error: Record<string, string>,
  headers?: Record<string, string>,
): Answer => ({
  status,
  body: { error: { type: status < 500 ? 'invalid_request_error' : 'api_error', ...error } },
  headers,
})

const read = (api: StripeApi, { pathname, searchParams }: URL): Answer => {
  const fault = api.fault({ path: pathname, query: searchParams, number: api.requests.length })
  if (fault !== undefined) {
    return refusal(fault.status, { message: `Answered ${fault.status} on purpose` }, fault.headers)
  }
  const customer = searchParams.get('customer')
  if (customer !== null && !isKnown(api, customer)) {
    const message = `No such customer: '${customer}'`
    return refusal(400, { code: 'resource_missing', param: 'customer', message })
  }
  const list = listOf(api, pathname, searchParams)
  if (list === undefined) return refusal(404, { message: `Unrecognized request URL (${pathname})` })
  const page = pageOf(list, searchParams)
  if (page === undefined) return refusal(400, { code: 'resource_missing', message: 'No such object' })
  return { status: 200, body: { object: 'list', url: pathname, ...page } }
}

const isKnown = (api: StripeApi, customer: string): boolean =>
  api.customers.has(customer) ||
  [...api.subscriptions, ...api.invoices].some((stored) => stored.customer === customer)

/** All that the filters let through, newest first. */
const listOf = (api: StripeApi, path: string, query: URLSearchParams): Stored[] | undefined => {
  const [, ofInvoice] = /^\/v1\/invoices\/([^/]+)\/lines$/.exec(path) ?? []
  if (ofInvoice !== undefined) return linesOf(api.invoices.find(({ id }) => id === ofInvoice))
  const customer = query.get('customer')
  const ofCustomer = (stored: Stored) => customer === null || stored.customer === customer
  const status = query.get('status')
  switch (path) {
    case '/v1/events':
      return byAge(api.events).filter((event) => isInTime(event, query) && isOfTypes(event, query))
    case '/v1/subscriptions':
      return byAge(api.subscriptions).filter(
        (one) =>
          ofCustomer(one) &&
          (status === 'all' || (status ?? one.status) === one.status) &&
          (status !== null || one.status !== 'canceled'),
      )
    case '/v1/invoices':
      return byAge(api.invoices)
        .filter((one) => ofCustomer(one) && (status === null || one.status === status))
        .map(cut)
    default:
      return undefined
  }
}

const byAge = (list: Stored[]): Stored[] =>
  list.toReversed().toSorted((a, b) => Number(b.created ?? 0) - Number(a.created ?? 0))

const isInTime = ({ created }: Stored, query: URLSearchParams): boolean =>
  Number(created) >= Number(query.get('created[gte]') ?? 0) &&
  Number(created) <= Number(query.get('created[lte]') ?? Number.MAX_SAFE_INTEGER)

const isOfTypes = ({ type }: Stored, query: URLSearchParams): boolean => {
  const types = [...query].flatMap(([name, value]) => (/^types\[\d*\]$/.test(name) ? [value] : []))
  return types.length === 0 || types.includes(String(type))
}

const linesOf = (invoice: Stored | undefined): Stored[] | undefined =>
  (invoice?.lines as { data: Stored[] } | undefined)?.data

/** An invoice as lists and events show it. */
const cut = (invoice: Stored): Stored => {
  const lines = linesOf(invoice) ?? []
  return {
    ...invoice,
    lines: { object: 'list', data: lines.slice(0, LINES_SHOWN), has_more: lines.length > LINES_SHOWN },
  }
}

const pageOf = (list: Stored[], query: URLSearchParams): object | undefined => {
  const limit = Math.min(100, Number(query.get('limit') ?? 10))
  const placeOf = (name: string) => {
    const id = query.get(name)
    return id === null ? undefined : list.findIndex((stored) => stored.id === id)
  }
  const [after, before] = [placeOf('starting_after'), placeOf('ending_before')]
  if (after === -1 || before === -1) return undefined
  if (before !== undefined) {
    const first = Math.max(0, before - limit)
    return { data: list.slice(first, before), has_more: first > 0 }
  }
  const first = after === undefined ? 0 : after + 1
  return { data: list.slice(first, first + limit), has_more: first + limit < list.length }
}
