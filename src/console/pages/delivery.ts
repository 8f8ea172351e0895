import type { FastifyInstance } from 'fastify'
import { counted } from '../../counted.ts'
import { type DeliveryDetail, showDelivery } from '../../operations/deliveries.ts'
import { providerLabel } from '../../providers/index.ts'
import { type ConsoleContext, NotFound } from '../context.ts'
import { ago, cut, duration, moment, number } from '../format.ts'
import { type Html, html } from '../html.ts'
import { json } from '../json.ts'
import { badge, card, facts, nothing, table } from '../parts.ts'

/** Bytes of a body on the page. */
const MOST_BODY = 100_000
/** Events of one delivery on the page. */
const MOST_EVENTS = 200

export const deliveryPage = (scope: FastifyInstance, { pool, clock, show }: ConsoleContext): void => {
  scope.get<{ Params: { id: string } }>('/deliveries/:id', async (request, reply) => {
    const delivery = await showDelivery(pool, request.params.id, MOST_BODY)
    if (delivery === undefined)
      throw new NotFound('There is no such delivery. It may have been dropped by retention.')
    const now = clock()
    return show(reply, {
      title: `Delivery ${delivery.id}`,
      section: 'deliveries',
      body: html`
<div class="heading">
  <h1>Delivery ${delivery.id}</h1>${badge(delivery.state)}
  <p>${providerLabel(delivery.provider)} · ${counted(delivery.eventCount, 'event')} · received ${ago(delivery.receivedAt, now)}</p>
</div>
<div class="detail">
  <div class="stack">
    ${card('Timeline', timeline(delivery, now))}
    ${card('New events', eventTable(delivery, now))}
    ${card('Body', html`${json(delivery.body)}${delivery.size > MOST_BODY && html`<p class="hint">Only the beginning is shown. All of it: <code>npm run webhooks -- deliveries show ${delivery.id}</code></p>`}`)}
  </div>
  <div class="stack">
    ${card('Headers', delivery.headers === null ? html`<p class="hint">They were not kept.</p>` : facts(Object.entries(delivery.headers).map(([name, value]) => [name, html`<code>${value}</code>`])))}
    ${card(
      'Identity',
      facts([
        ['Row', html`<code>${delivery.id}</code>`],
        ['Bytes', number(delivery.size)],
      ]),
    )}
  </div>
</div>`,
    })
  })
}

const timeline = (
  { receivedAt, processedAt, state, doneEvents, eventCount }: DeliveryDetail,
  now: Date,
): Html => html`
<ol class="timeline">
  <li><span class="what">Received and made durable</span>${moment(receivedAt, now)}</li>
  ${processedAt !== null && html`<li class="processed"><span class="what">Its events were processed, ${duration(processedAt.getTime() - receivedAt.getTime())} later</span>${moment(processedAt, now)}</li>`}
  ${state === 'queued' && html`<li class="pending"><span class="what">In the queue${doneEvents > 0 && `, ${number(doneEvents)} of ${number(eventCount)} events done`}</span></li>`}
</ol>`

const eventTable = ({ events, state }: DeliveryDetail, now: Date): Html =>
  events.length === 0
    ? nothing(
        state === 'queued' ? 'Not processed yet' : 'No new events',
        'An event that was known before belongs to the delivery that brought it first.',
      )
    : html`${table(
        'New events',
        [
          { name: 'Status', cell: ({ status }) => badge(status) },
          {
            name: 'Event',
            kind: 'wide',
            cell: ({ id, eventType }) =>
              html`<a class="strong" href="/console/events/${id}">${cut(eventType, 60)}</a>`,
          },
          { name: 'Place', kind: 'number', cell: ({ position }) => number(position + 1) },
          { name: 'Processed', cell: ({ processedAt }) => ago(processedAt, now) },
        ],
        events.slice(0, MOST_EVENTS),
        { dense: true },
      )}${events.length > MOST_EVENTS && html`<p class="hint">The first ${number(MOST_EVENTS)} are shown.</p>`}`
