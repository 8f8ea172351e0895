import type { FastifyInstance } from 'fastify'
import { counted } from '../../counted.ts'
import { curlOf } from '../../operations/curl.ts'
import { type DeliveryDetail, showDelivery } from '../../operations/deliveries.ts'
import { type DeliveryTimes, timesOf } from '../../operations/delivery-times.ts'
import { providerLabel } from '../../providers/index.ts'
import { type ConsoleContext, NotFound } from '../context.ts'
import { copyable, copyShown, shell } from '../copy.ts'
import { ago, cut, moment, number, took } from '../format.ts'
import { type Content, type Html, html } from '../html.ts'
import { json } from '../json.ts'
import { badge, card, facts, live, nothing, table } from '../parts.ts'

/** Bytes of a body on the page. */
const MAX_BODY = 100_000
/** Events of one delivery on the page. */
const MAX_EVENTS = 200

export const deliveryPage = (scope: FastifyInstance, { pool, clock, show }: ConsoleContext): void => {
  scope.get<{ Params: { id: string } }>('/deliveries/:id', async (request, reply) => {
    const delivery = await showDelivery(pool, request.params.id, MAX_BODY)
    if (delivery === undefined)
      throw new NotFound('There is no such delivery. It may have been dropped by retention.')
    const now = clock()
    const times = timesOf(delivery)
    return show(reply, {
      title: `Delivery ${delivery.id}`,
      section: 'deliveries',
      body: html`
${live(
  'live',
  delivery.state === 'queued' || times.pending > 0 ? `/console/deliveries/${delivery.id}` : undefined,
  html`<div class="heading">
  <h1>Delivery ${delivery.id}</h1>${badge(delivery.state)}
  <p>${providerLabel(delivery.provider)} · ${counted(delivery.eventCount, 'event')} · received ${ago(delivery.receivedAt, now)}</p>
</div>
<div class="detail">
  <div class="stack">
    ${card('Timeline', timeline(delivery, times, now))}
    ${card('New events', eventTable(delivery, now))}
    ${card('Body', body(delivery), delivery.size <= MAX_BODY && copyShown('the body', 'payload'))}
  </div>
  <div class="stack">
    ${card('Headers', delivery.headers === null ? html`<p class="hint">They were not kept.</p>` : facts(Object.entries(delivery.headers).map(([name, value]) => [name, html`<code>${value}</code>`])))}
    ${card(
      'Identity',
      facts([
        ['Row', copyable('the delivery’s id', delivery.id)],
        ['Bytes', number(delivery.size)],
      ]),
    )}
    ${card('Post it again', await postAgain(delivery))}
  </div>
</div>`,
)}`,
    })
  })
}

const cli = (words: string, id: string): Html =>
  html`<code>npm run -s webhooks -- deliveries ${words} ${id}</code>`

const body = ({ id, body: text, size }: DeliveryDetail): Html =>
  html`${json(text.replaceAll('\r\n', '\n'))}${size > MAX_BODY && html`<p class="hint">Only the beginning is shown. All of it: ${cli('show', id)}</p>`}`

const postAgain = async ({ id, provider, bytes, size }: DeliveryDetail): Promise<Content> => {
  if (size > MAX_BODY) return html`<p class="hint">It is large. The command comes from ${cli('curl', id)}</p>`
  const script = await curlOf(provider, bytes)
  return script === undefined
    ? html`<p class="hint">There is nothing left to post: its content was removed with a person’s data.</p>`
    : html`<p class="hint">Posts to your own service, signed with that service’s key, because the provider’s signature expires.</p>${shell('curl for a local service', script)}`
}

const timeline = (
  { receivedAt, state, doneEvents, eventCount }: DeliveryDetail,
  { queuedMs, firstAt, lastAt, pending, dead }: DeliveryTimes,
  now: Date,
): Html => html`
<ol class="timeline">
  <li><span class="what">Accepted: made durable, then answered</span>${moment(receivedAt, now)}</li>
  ${
    firstAt !== null &&
    queuedMs !== null &&
    html`<li class="processed"><span class="what">Taken from the queue after <strong>${took(queuedMs)}</strong>${lastAt?.getTime() === firstAt.getTime() && ', and processed'}</span>${moment(firstAt, now)}</li>`
  }
  ${
    firstAt !== null &&
    lastAt !== null &&
    lastAt > firstAt &&
    html`<li class="processed"><span class="what">The last of its events processed, ${took(lastAt.getTime() - receivedAt.getTime())} after it came</span>${moment(lastAt, now)}</li>`
  }
  ${state === 'queued' && html`<li class="pending"><span class="what">In the queue for ${took(now.getTime() - receivedAt.getTime())}${doneEvents > 0 && `, ${number(doneEvents)} of ${number(eventCount)} events done`}</span></li>`}
  ${pending > 0 && html`<li class="pending"><span class="what">${counted(pending, 'event')} pending</span></li>`}
  ${dead > 0 && html`<li class="dead"><span class="what">${counted(dead, 'event')} dead</span></li>`}
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
        events.slice(0, MAX_EVENTS),
        { dense: true, key: ({ id }) => `event-${id}` },
      )}${events.length > MAX_EVENTS && html`<p class="hint">The first ${number(MAX_EVENTS)} are shown.</p>`}`
