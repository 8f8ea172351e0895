import { setTimeout as sleep } from 'node:timers/promises'
import basicAuth from '@fastify/basic-auth'
import formbody from '@fastify/formbody'
import helmet from '@fastify/helmet'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { isTransient } from '../db/transaction.ts'
import type { Provider } from '../inbox/provider.ts'
import { listPauses } from '../operations/pauses.ts'
import { openPool } from '../plugins/database.ts'
import { senderNetwork } from '../sender-network.ts'
import { createAccess } from './access.ts'
import { serveAssets } from './assets.ts'
import { type ConsoleContext, mayChange, NotFound, userOf } from './context.ts'
import { html, render } from './html.ts'
import { createLayout } from './layout.ts'
import { auditPage } from './pages/audit.ts'
import { deliveriesPage } from './pages/deliveries.ts'
import { deliveryPage } from './pages/delivery.ts'
import { errorsPage } from './pages/errors.ts'
import { eventPage } from './pages/event.ts'
import { eventsPage } from './pages/events.ts'
import { mailboxPage } from './pages/mailbox.ts'
import { mailboxesPage } from './pages/mailboxes.ts'
import { outagePage } from './pages/outage.ts'
import { overviewPage } from './pages/overview.ts'
import { pausesPage } from './pages/pauses.ts'
import { recordPages } from './pages/records.ts'
import { refusedPages } from './pages/refused.ts'
import { replayPage } from './pages/replay.ts'
import { isSameOrigin } from './same-origin.ts'

/**
 * A few connections of its own, with a short statement time-out: the console never keeps deliveries or batches waiting.
 */
const CONNECTIONS = 2
const TIMEOUTS = { connectionTimeoutMillis: 3_000, query_timeout: 9_000, statement_timeout: 8_000 }
/** Milliseconds that a page waits for what is paused. */
const PAUSES_WITHIN = 1_000
/** Bytes of a form. */
const BODY_LIMIT = 16 * 1024

/** Nothing from elsewhere, nothing inline. */
const POLICY = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'"],
  'connect-src': ["'self'"],
  'form-action': ["'self'"],
  'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"],
}

interface ConsoleOptions {
  config: Config
  providers: Pick<Provider, 'name' | 'eventTypes'>[]
  clock: () => Date
}

/**
 * The operators' console at `/console`. Mounted only when a password is set: without one the route does not exist.
 */
export const consoleRoutes = async (app: FastifyInstance, options: ConsoleOptions): Promise<void> => {
  const { config } = options
  if (config.CONSOLE_PASSWORD === undefined && config.CONSOLE_READ_PASSWORD === undefined) return
  await app.register(async (scope) => mount(scope, options), { prefix: '/console' })
}

const mount = async (scope: FastifyInstance, { config, providers, clock }: ConsoleOptions): Promise<void> => {
  const access = createAccess(
    { operator: config.CONSOLE_PASSWORD, reader: config.CONSOLE_READ_PASSWORD },
    clock,
  )
  const pool = openPool(scope, config, { name: 'console', max: CONNECTIONS, timeouts: TIMEOUTS })
  scope.addHook('onClose', async () => pool.end())
  scope.decorateRequest('consoleRole', null)
  scope.decorateRequest('consoleUser', '')
  scope.decorateRequest('pauses', null)

  /** Of the person who is logged in at the proxy; undefined when the request does not come from a trusted one. */
  const nameGivenTo = ({ headers, socket }: FastifyRequest): string | undefined => {
    const { CONSOLE_USER_HEADER: header, TRUST_PROXY: trusts } = config
    const named = header === undefined ? undefined : headers[header]
    const trusted = typeof trusts === 'function' ? trusts(socket.remoteAddress ?? '', 0) : trusts
    return trusted && typeof named === 'string' ? named : undefined
  }

  await scope.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: POLICY },
    // `no-referrer` would make browsers post `Origin: null`.
    referrerPolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
    // Whether the whole host is HTTPS only is for its proxy to say.
    strictTransportSecurity: false,
  })
  await scope.register(basicAuth, {
    authenticate: { realm: 'RoleFerry webhooks' },
    validate: async (_user, given, request) => {
      const role = access.roleOf(given, senderOf(request))
      if (role === undefined) throw new Error('wrong password')
      request.consoleRole = role
      request.consoleUser = userOf(request, nameGivenTo(request))
    },
  })
  scope.removeAllContentTypeParsers()
  await scope.register(formbody, { bodyLimit: BODY_LIMIT })

  scope.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    // A browser asks without a password first. That does not count as a wrong one.
    const delay = request.headers.authorization === undefined ? 0 : access.delayOf(senderOf(request))
    if (delay > 0) await sleep(delay)
  })
  scope.addHook('onRequest', scope.basicAuth)
  scope.addHook('onRequest', async (request) => {
    const changes = request.method !== 'GET' && request.method !== 'HEAD'
    if (changes && !isSameOrigin(request.headers, request.host)) {
      throw new Denied(403, 'Only the console’s own pages may change something.')
    }
    if (changes && !mayChange(request)) throw new Denied(403, 'This password allows looking, not changing.')
  })

  scope.addHook('onRequest', async (request) => {
    if (request.method !== 'GET' || request.url.startsWith('/console/assets/')) return
    // The page itself reports that the database is away.
    const late = sleep(PAUSES_WITHIN, [])
    request.pauses = await Promise.race([listPauses(pool).catch(() => []), late])
  })

  const layout = createLayout(serveAssets(scope), config.DD_ENV)
  const show: ConsoleContext['show'] = (reply, page) =>
    reply
      .type('text/html; charset=utf-8')
      .send(render(layout({ ...page, pauses: reply.request.pauses ?? [] })))
  const context: ConsoleContext = {
    pool,
    clock,
    show,
    keepsChanges: config.KEEP_CHANGES === 'on',
    eventTypes: [...new Set(providers.flatMap(({ eventTypes }) => [...eventTypes]))].sort(),
    wake: () => {
      for (const { name } of providers) scope.processors.wake(name)
    },
  }

  const showError = (reply: FastifyReply, statusCode: number, title: string, text: string) =>
    show(reply.code(statusCode), {
      title,
      body: html`<div class="nothing"><h1>${title}</h1><p>${text}</p><p><a class="button" href="/console">Overview</a></p></div>`,
    })
  scope.setErrorHandler((error: Error & { statusCode?: number; code?: string }, request, reply) => {
    const statusCode = error.statusCode ?? 500
    if (statusCode === 401)
      return showError(reply, 401, 'Password needed', 'Log in with any name and the console’s password.')
    if (statusCode < 500)
      return showError(reply, statusCode, TITLES[statusCode] ?? 'That did not work', textOf(error))
    request.log.warn({ err: error }, 'console page failed')
    if (isTransient(error)) {
      return showError(
        reply,
        503,
        'The database does not answer',
        'Deliveries get 503 meanwhile and come again. Reload in a moment.',
      )
    }
    return showError(reply, 500, 'Something went wrong', 'The log has the reason.')
  })
  scope.setNotFoundHandler(() => {
    throw new NotFound('There is no such page.')
  })

  for (const page of [
    overviewPage,
    errorsPage,
    eventsPage,
    eventPage,
    replayPage,
    deliveriesPage,
    deliveryPage,
    refusedPages,
    auditPage,
    outagePage,
    pausesPage,
    mailboxesPage,
    mailboxPage,
    recordPages,
  ])
    page(scope, context)
}

const TITLES: Record<number, string> = {
  400: 'Something is missing',
  403: 'Not allowed',
  404: 'Not found',
  413: 'Too large',
  415: 'Not a form',
}

/** The framework's own errors repeat what was sent. */
const textOf = ({ code, message }: Error & { code?: string }): string =>
  code?.startsWith('FST_') ? 'This page does not accept such a request.' : message

const senderOf = ({ ip, socket }: FastifyRequest): string => senderNetwork(ip, socket.remoteAddress)

/** Refused before the page does anything. */
class Denied extends Error {
  override name = 'Denied'
  readonly statusCode: number
  constructor(statusCode: number, message: string) {
    super(message)
    this.statusCode = statusCode
  }
}
