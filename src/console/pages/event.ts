import type { FastifyInstance } from 'fastify'
import { counted } from '../../counted.ts'
import type { DeliverySource } from '../../inbox/provider.ts'
import { attemptsOf, changesOf, type FailedAttempt } from '../../operations/changes.ts'
import { curlOfEvent } from '../../operations/curl.ts'
import {
  type EventHistory,
  type EventNotification,
  eventHistory,
  payloadText,
} from '../../operations/events.ts'
import { type Touched, touchedBy } from '../../operations/records.ts'
import { replayEvents } from '../../operations/replay.ts'
import { providerLabel } from '../../providers/index.ts'
import { changeList } from '../change-list.ts'
import { type ConsoleContext, mayChange, NotFound, operatorOf } from '../context.ts'
import { copyable, copyButton, copyShown, shell } from '../copy.ts'
import { subjectLink } from '../event-list.ts'
import { ago, moment } from '../format.ts'
import { type Content, type Html, html } from '../html.ts'
import { json } from '../json.ts'
import { badge, card, facts, live, nothing } from '../parts.ts'
import { reasonField } from '../reason.ts'

/** Characters of a payload on the page. */
const MAX_PAYLOAD = 100_000

export const eventPage = (
  scope: FastifyInstance,
  { pool, clock, show, wake, keepsChanges }: ConsoleContext,
): void => {
  scope.get<{ Params: { id: string }; Querystring: Record<string, unknown> }>(
    '/events/:id',
    async (request, reply) => {
      const event = await eventHistory(pool, request.params.id)
      if (event === undefined)
        throw new NotFound('There is no such event. It may have been deleted by retention.')
      const [payload, touched, changes, attempts] = await Promise.all([
        payloadText(pool, event.id, MAX_PAYLOAD),
        touchedBy(pool, event),
        changesOf(pool, event.id),
        attemptsOf(pool, event.id),
      ])
      const now = clock()
      return show(reply, {
        title: event.eventType,
        section: 'events',
        body: html`
${notice(request.query.replayed)}
${live(
  'live',
  isMoving(event) ? `/console/events/${event.id}` : undefined,
  html`<div class="heading">
  <h1>${event.eventType}</h1>${badge(event.status)}
  <p>${providerLabel(event.provider)} · received ${ago(event.receivedAt, now)}</p>
</div>
<div class="detail">
  <div class="stack">
    ${card('Timeline', timeline(event, attempts, now))}
    ${card('Payload', payload === undefined ? nothing('The payload is deleted', 'Retention deletes payloads after some weeks; what the event did stays.') : html`${json(payload.text)}${payload.more && html`<p class="hint">Only the beginning is shown. All of it: <code>npm run webhooks -- events show ${event.id} --json</code></p>`}`, payload !== undefined && !payload.more && copyShown('the payload', 'payload'))}
  </div>
  <div class="stack">
    ${card('What it is about', touchedList(touched, event))}
    ${card('What it changed', changeList(changes, keepsChanges))}
    ${card('Notifications', notificationList(event.notifications, now))}
    ${mayChange(request) && card('Replay', payload === undefined ? html`<p class="hint">Without its payload it cannot be replayed.</p>` : replayForm(event))}
    ${card(
      'Identity',
      facts([
        ['Provider’s id', copyable('the provider’s id', event.eventId)],
        ['Row', copyable('the row’s id', event.id)],
        [
          'Delivery',
          event.deliveryId !== null &&
            html`<a href="/console/deliveries/${event.deliveryId}"><code>${event.deliveryId}</code></a> ${copyButton('the delivery’s id', event.deliveryId)}`,
        ],
        ['Attempts', String(event.attempts)],
      ]),
    )}
    ${payload !== undefined && card('Post it again', await postAgain(event, payload))}
  </div>
</div>`,
)}`,
      })
    },
  )

  scope.post<{ Params: { id: string }; Body: unknown }>('/events/:id/replay', async (request, reply) => {
    const by = operatorOf(request)
    const { replayed } = await replayEvents(
      pool,
      [request.params.id].filter((id) => /^\d{1,18}$/.test(id)),
      by,
      clock(),
    )
    request.log.info({ event: request.params.id, replayed }, 'replay requested in the console')
    wake()
    return reply.redirect(
      `/console/events/${encodeURIComponent(request.params.id)}?replayed=${replayed}`,
      303,
    )
  })
}

/** Whether something of it is still to happen: then its page shows itself again. */
const isMoving = ({ status, notifications }: EventHistory): boolean =>
  status === 'pending' || notifications.some(({ state }) => state === 'waiting')

/** A delivery with this event alone, for a service of one's own. */
const postAgain = async (
  { provider, deliveryId }: EventHistory,
  { text, more }: { text: string; more: boolean },
): Promise<Content> => {
  const script = more ? undefined : await curlOfEvent(provider, text)
  const delivery =
    deliveryId !== null &&
    html`<a href="/console/deliveries/${deliveryId}">Its delivery</a> has the bytes as they came.`
  return script === undefined
    ? html`<p class="hint">${delivery}</p>`
    : html`<p class="hint">Posts this event alone to your own service, signed with that service’s key. ${delivery}</p>${shell('curl for a local service', script)}`
}

const notice = (replayed: unknown): Content => {
  if (replayed === '1')
    return html`<p class="notice good" role="status">It is due now. The timeline shows the outcome.</p>`
  if (replayed === '0')
    return html`<p class="notice" role="status">Nothing was changed: it is due already, or being processed right now.</p>`
  return undefined
}

const whyMisunderstood = ({ misunderstood }: EventHistory): Content =>
  misunderstood !== null && html`<span class="note error">Not understood: ${misunderstood}</span>`

const RECEIVED: Record<DeliverySource, string> = {
  delivery: 'Received and made durable',
  'catch-up': 'Fetched with our API key and made durable; not signed by the provider',
}

/** What happened to the event, in the order of time; what is still to come is at the end. */
const timeline = (event: EventHistory, attempts: FailedAttempt[], now: Date): Html => {
  const moments: { at: Date | null; what: Content; tone?: string }[] = [
    { at: event.occurredAt, what: `Happened, says ${providerLabel(event.provider)}` },
    { at: event.receivedAt, what: RECEIVED[event.source] },
    ...event.actions.map((action) => ({
      at: action.actedAt,
      what: html`${action.action === 'replay' ? 'Replayed' : 'Discarded'} by ${action.operator} (${action.via}): “${action.reason}”
        <span class="note">it was ${action.statusBefore}${action.errorBefore !== null && html`: ${action.errorBefore}`}</span>`,
    })),
    ...attempts.map(({ attempt, failedAt, error }) => ({
      at: failedAt,
      what: html`Attempt ${attempt} failed<span class="note error">${error}</span>`,
      tone: 'dead',
    })),
    ...(event.waitingSince === null
      ? []
      : [{ at: event.waitingSince, what: 'Began to wait for a missing row', tone: 'skipped' }]),
    ...(event.processedAt === null
      ? []
      : [
          {
            at: event.processedAt,
            what:
              event.status === 'ignored'
                ? html`Ignored: no handler for its type${whyMisunderstood(event)}`
                : html`Processed: its effects are committed${whyMisunderstood(event)}`,
            tone: event.status === 'ignored' ? 'ignored' : 'processed',
          },
        ]),
  ]
  moments.sort((a, b) => (a.at?.getTime() ?? 0) - (b.at?.getTime() ?? 0))
  const ending = endingOf(event, now)
  return html`<ol class="timeline">
  ${moments.map(({ at, what, tone }) => at !== null && html`<li class="${tone}"><span class="what">${what}</span>${moment(at, now)}</li>`)}
  ${ending}
</ol>`
}

const endingOf = (event: EventHistory, now: Date): Content => {
  const tries = event.attempts > 0 ? `after ${counted(event.attempts, 'attempt')}` : undefined
  const error = event.lastError !== null && html`<span class="note error">${event.lastError}</span>`
  switch (event.status) {
    case 'dead':
      return html`<li class="dead"><span class="what">Dead ${tries}${error}</span></li>`
    case 'skipped':
      return html`<li class="skipped"><span class="what">Skipped${error}${whyMisunderstood(event)}</span></li>`
    case 'pending':
      return html`<li class="pending"><span class="what">${
        event.nextAttemptAt === null ? 'Paused' : html`Next turn ${ago(event.nextAttemptAt, now)}`
      }${tries !== undefined && html`, ${tries}`}${error}</span></li>`
    default:
      return (
        event.attempts > 1 &&
        error &&
        html`<li><span class="what">It had failed before: ${counted(event.attempts, 'attempt')}${error}</span></li>`
      )
  }
}

const PATHS: Record<Touched['kind'], string> = {
  outreach: 'outreach',
  contact: 'contacts',
  user: 'users',
  mailbox: 'mailboxes',
}

const touchedList = (touched: Touched[], event: EventHistory): Html =>
  touched.length === 0
    ? event.subject === null
      ? nothing('Nothing to link to', 'The event carries no outreach, customer or mailbox.')
      : nothing('No such row', html`It is about ${subjectLink(event.subject)}, which is not in the database.`)
    : html`<ul class="links">${touched.map(
        ({ kind, id, label }) =>
          html`<li><span class="kind">${kind}</span><a href="/console/${PATHS[kind]}/${id}">${label}</a></li>`,
      )}</ul>
      <p class="hint">All events about ${subjectLink(event.subject)}</p>`

const notificationList = (notifications: EventNotification[], now: Date): Html =>
  notifications.length === 0
    ? html`<p class="hint">This event requested none.</p>`
    : html`<ul class="links">${notifications.map(
        ({
          channel,
          state,
          retries,
          endedAt,
          error,
          requestedAt,
        }) => html`<li><span class="kind">${channel}</span><span>${badge(state)}
          <span class="note">${endedAt === null ? html`asked for ${ago(requestedAt, now)}` : ago(endedAt, now)}${
            retries > 0 && `, tried again ${counted(retries, 'time')}`
          }${error !== null && html`: ${error}`}</span></span></li>`,
      )}</ul>`

const WHAT_A_REPLAY_DOES: Record<EventHistory['status'], string> = {
  processed: 'Its effects are applied already: a replay applies nothing again.',
  ignored: 'There was no handler for its type. A replay looks for one again.',
  skipped: 'A replay tries to apply it again, and waits again for a missing row.',
  dead: 'A replay gives it eight new attempts.',
  pending: 'A replay tries it now rather than later.',
}

const whatAReplayDoes = ({ status, processedAt, misunderstood }: EventHistory): string => {
  if (status === 'processed' && misunderstood !== null) {
    return 'It was not understood. A replay handles it again, with what is known now.'
  }
  return WHAT_A_REPLAY_DOES[status === 'pending' && processedAt !== null ? 'processed' : status]
}

const replayForm = (event: EventHistory): Html => html`
<form method="post" action="/console/events/${event.id}/replay">
  <p class="hint">${whatAReplayDoes(event)}</p>
  ${reasonField()}
  <button type="submit">Replay this event</button>
</form>`
