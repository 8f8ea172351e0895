import type { FastifyInstance } from 'fastify'
import { counted } from '../../counted.ts'
import { countEvents, listEvents } from '../../operations/events.ts'
import type { EventFilter } from '../../operations/matching.ts'
import { REPLAYS_PER_SECOND, replayMatching } from '../../operations/replay.ts'
import { providerLabel } from '../../providers/index.ts'
import { type ConsoleContext, mayChange, operatorOf } from '../context.ts'
import { eventList } from '../event-list.ts'
import { type FilterFields, MISUNDERSTOOD, PERIODS, readFields, toFilter, toQuery } from '../filters.ts'
import { ago, duration, number } from '../format.ts'
import { type Html, html } from '../html.ts'
import { card, facts, nothing } from '../parts.ts'
import { Incomplete, reasonField } from '../reason.ts'

/** Events scheduled by one request. */
const MAX_REPLAYED = 10_000
const SAMPLE = 5

export const replayPage = (scope: FastifyInstance, { pool, clock, show, wake }: ConsoleContext): void => {
  scope.get('/replay', async (request, reply) => {
    const fields = readFields(request.query)
    const now = clock()
    const { filter } = await toFilter(pool, fields, now)
    const meant = upTo(filter, now)
    const [{ count, more }, { events }] = await Promise.all([
      countEvents(pool, meant, MAX_REPLAYED),
      listEvents(pool, meant, { limit: SAMPLE }),
    ])
    return show(reply, {
      title: 'Replay',
      section: 'events',
      body: html`
<h1>Replay ${counted(count, 'event')}?</h1>
<div class="detail">
  <div class="stack">
    ${card(
      'Confirm',
      count === 0
        ? nothing(
            'No event matches',
            html`<a href="/console/events${toQuery({ ...fields })}">Back to the events</a>`,
          )
        : !mayChange(request)
          ? nothing('This password allows looking', 'Log in with the operators’ password to replay events.')
          : html`
    <form method="post" action="/console/replay">
      ${Object.entries(fields).map(([name, value]) => value !== '' && html`<input type="hidden" name="${name}" value="${value}">`)}
      <input type="hidden" name="asked" value="${now.toISOString()}">
      <ul class="plain">
        <li>${more ? html`More than ${number(MAX_REPLAYED)} match: the newest <strong>${number(MAX_REPLAYED)}</strong> are replayed. Repeat this for the rest.` : html`<strong>${counted(count, 'event')}</strong>, received until now.`}</li>
        <li>At most ${REPLAYS_PER_SECOND} a second${count > REPLAYS_PER_SECOND && `, so about ${duration((count / REPLAYS_PER_SECOND) * 1_000)}`}: live events go first.</li>
        <li>They go through the ordinary processing: what was applied is not applied again.</li>
      </ul>
      ${reasonField()}
      <div class="actions">
        <button type="submit">Replay ${counted(count, 'event')}</button>
        <a class="quiet" href="/console/events${toQuery({ ...fields })}">Cancel</a>
      </div>
    </form>`,
    )}
  </div>
  <div class="stack">${card('Which', facts(inWords(fields)))}</div>
</div>
${events.length > 0 && card(events.length < count ? 'The newest of them' : 'These', html`<div class="flush">${eventList(events, now, { about: true })}</div>`)}`,
    })
  })

  scope.post('/replay', async (request, reply) => {
    const fields = readFields(request.body)
    const by = operatorOf(request)
    const now = clock()
    const asked = readAsked(request.body, now)
    const { filter } = await toFilter(pool, fields, asked)
    const { replayed, left, lastDueAt } = await replayMatching(pool, upTo(filter, asked), by, {
      now,
      most: MAX_REPLAYED,
    })
    request.log.info({ replayed, left }, 'replay requested in the console')
    wake()
    return show(reply, {
      title: 'Replay',
      section: 'events',
      body: html`
<h1>${counted(replayed, 'event')} replayed</h1>
${card(
  'What happens now',
  html`
<p class="notice ${replayed > 0 && 'good'}" role="status">${
    lastDueAt === null ? 'Nothing is scheduled.' : html`The last of them is due ${ago(lastDueAt, now)}.`
  }${left > 0 && html` ${counted(left, 'event')} ${left === 1 ? 'was' : 'were'} left alone: due already, being processed right now, or without a payload.`}</p>
<p><a class="button" href="/console/events${toQuery({ ...fields, status: '' })}">Look at them</a> <a class="button" href="/console/events?status=pending">What is pending</a></p>`,
)}`,
    })
  })
}

/** Events that arrive after the operator saw the count are not replayed. */
const upTo = (filter: EventFilter, time: Date): EventFilter => ({
  ...filter,
  until: filter.until !== undefined && filter.until < time ? filter.until : time,
})

/** Milliseconds that a form may be open before it is sent, and by which another replica's clock may be ahead. */
const OPEN_FOR = 7 * 86_400_000

/**
 * When the operator was shown the count. @throws with status 400 when this form cannot have been shown at that time.
 */
const readAsked = (form: unknown, now: Date): Date => {
  const { asked } = form as Record<string, unknown>
  if (asked === undefined) return now
  const at = new Date(typeof asked === 'string' ? asked : Number.NaN)
  if (!(Math.abs(at.getTime() - now.getTime()) < OPEN_FOR)) {
    throw new Incomplete('This form is too old. Open the page again and look at the count.')
  }
  return at > now ? now : at
}

const inWords = (fields: FilterFields): [string, Html | string][] => {
  const words: [string, string][] = [
    ['Search', fields.q],
    ['Provider', fields.provider === '' ? '' : providerLabel(fields.provider)],
    ['Status', fields.status === MISUNDERSTOOD ? 'not understood' : fields.status],
    ['Type', fields.type],
    ['Error', fields.error],
    ['Received', PERIODS[fields.period]?.name ?? ''],
    ['From', fields.since === '' ? '' : `${fields.since} UTC`],
    ['To', fields.until === '' ? '' : `${fields.until} UTC`],
  ]
  return words.some(([, value]) => value !== '') ? words : [['Filter', 'none: all events']]
}
