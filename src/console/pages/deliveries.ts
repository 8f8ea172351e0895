import type { FastifyInstance } from 'fastify'
import { type DeliverySummary, listDeliveries } from '../../operations/deliveries.ts'
import { PROVIDER_NAMES, type ProviderName, providerLabel } from '../../providers/index.ts'
import type { ConsoleContext } from '../context.ts'
import { ago, number } from '../format.ts'
import { type Html, html } from '../html.ts'
import { badge, live, nothing, table } from '../parts.ts'

const PAGE = 50

export const deliveriesPage = (scope: FastifyInstance, { pool, clock, show }: ConsoleContext): void => {
  scope.get<{ Querystring: Record<string, unknown> }>('/deliveries', async (request, reply) => {
    const { provider, queued, after } = readQuery(request.query)
    const { deliveries, next } = await listDeliveries(pool, { provider, queued }, { limit: PAGE, after })
    const list =
      deliveries.length === 0
        ? noDeliveries({ provider, queued, after })
        : html`<div class="card flush">${deliveryTable(deliveries, clock())}</div>`
    return show(reply, {
      title: 'Deliveries',
      section: 'deliveries',
      body: html`
<h1>Deliveries</h1>
<p class="lead">What the providers posted, as it came, the newest first.</p>
<nav class="pages" aria-label="Which deliveries">
  ${choice('All', '', provider === undefined && !queued)}
  ${PROVIDER_NAMES.map((name) => choice(providerLabel(name), `?provider=${name}`, provider === name))}
  ${choice('In the queue', '?queued=1', queued)}
</nav>
${after === undefined ? live('list', `/console/deliveries${queryOf({ provider, queued, after })}`, list) : list}
<nav class="pages" aria-label="Pages">
  ${after !== undefined && html`<a class="button" href="/console/deliveries${queryOf({ provider, queued, after: undefined })}">Newest</a>`}
  ${next !== null && html`<a class="button" rel="next" href="/console/deliveries${queryOf({ provider, queued, after: next })}">Older</a>`}
</nav>`,
    })
  })
}

interface Query {
  provider: ProviderName | undefined
  queued: boolean
  after: string | undefined
}

const readQuery = ({ provider, queued, after }: Record<string, unknown>): Query => ({
  provider: PROVIDER_NAMES.find((name) => name === provider),
  queued: queued === '1',
  after: typeof after === 'string' ? after : undefined,
})

const queryOf = ({ provider, queued, after }: Query): string =>
  `?${new URLSearchParams({
    ...(provider === undefined ? {} : { provider }),
    ...(queued ? { queued: '1' } : {}),
    ...(after === undefined ? {} : { after }),
  })}`

const noDeliveries = ({ provider, queued, after }: Query): Html => {
  if (after !== undefined) return nothing('Nothing older', 'These were all deliveries that match.')
  if (queued) return nothing('The queue is empty', 'Everything that was accepted has been processed.')
  return provider === undefined
    ? nothing(
        'No deliveries',
        'Nothing was delivered yet, or retention has dropped it. To try it: npm run webhooks -- send sendgrid delivered.',
      )
    : nothing(
        `Nothing of ${providerLabel(provider)}`,
        html`It has delivered nothing, or retention has dropped it. What was turned away is under <a href="/console/refused">Refused</a>.`,
      )
}

const choice = (name: string, query: string, chosen: boolean): Html =>
  html`<a class="button" href="/console/deliveries${query}"${chosen && html` aria-current="true"`}>${name}</a>`

const deliveryTable = (deliveries: DeliverySummary[], now: Date): Html =>
  table(
    'Deliveries, the newest first',
    [
      { name: 'State', cell: ({ state }) => badge(state) },
      {
        name: 'Delivery',
        kind: 'wide',
        cell: ({ id }) => html`<a class="strong" href="/console/deliveries/${id}">${id}</a>`,
      },
      {
        name: 'Provider',
        cell: ({ provider }) => html`<span class="provider">${providerLabel(provider)}</span>`,
      },
      { name: 'Events', kind: 'number', cell: ({ eventCount }) => number(eventCount) },
      { name: 'Bytes', kind: 'number', cell: ({ size }) => number(size) },
      { name: 'Received', cell: ({ receivedAt }) => ago(receivedAt, now) },
    ],
    deliveries,
    { key: ({ id }) => `delivery-${id}` },
  )
