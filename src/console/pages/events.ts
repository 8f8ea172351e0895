import type { FastifyInstance } from 'fastify'
import { EVENT_STATUSES } from '../../db/schema.ts'
import { countEvents, listEvents } from '../../operations/events.ts'
import { isPosition } from '../../operations/matching.ts'
import type { Found } from '../../operations/search.ts'
import { PROVIDER_NAMES, providerLabel } from '../../providers/index.ts'
import { type ConsoleContext, mayChange } from '../context.ts'
import { eventList } from '../event-list.ts'
import { type FilterFields, MISUNDERSTOOD, PERIODS, readFields, toFilter, toQuery } from '../filters.ts'
import { cut, number } from '../format.ts'
import { type Html, html } from '../html.ts'
import { live, nothing } from '../parts.ts'

const PAGE = 50
const MAX_COUNTED = 10_000

export const eventsPage = (
  scope: FastifyInstance,
  { pool, clock, eventTypes, show }: ConsoleContext,
): void => {
  scope.get('/events', async (request, reply) => {
    const query = request.query as Record<string, unknown>
    const fields = readFields(query)
    const now = clock()
    const { filter, found } = await toFilter(pool, fields, now)
    const after = isPosition(query.after) ? query.after : undefined
    const [{ events, next }, { count, more }] = await Promise.all([
      listEvents(pool, filter, { limit: PAGE, after }),
      countEvents(pool, filter, MAX_COUNTED),
    ])
    const list = html`
      ${foundRows(found)}${errorChip(fields)}
      <div class="bar">
        <p role="status">${count === 0 ? 'No events' : html`<strong>${number(count)}${more && '+'}</strong> ${count === 1 ? 'event' : 'events'}`}</p>
        ${count > 0 && mayChange(request) && html`<a class="button" href="/console/replay${toQuery({ ...fields })}">Replay ${count === 1 ? 'it' : 'them'} …</a>`}
      </div>
      ${events.length === 0 ? noEvents(fields, after) : html`<div class="card flush">${eventList(events, now, { about: true })}</div>`}
      <nav class="pages" aria-label="Pages">
        ${after !== undefined && html`<a class="button" href="/console/events${toQuery({ ...fields })}">Newest</a>`}
        ${next !== null && html`<a class="button" rel="next" href="/console/events${toQuery({ ...fields, after: next })}">Older</a>`}
      </nav>`
    // Older pages stay as they are: only at the beginning of the list something is new.
    const results =
      after === undefined
        ? live('results', `/console/events${toQuery({ ...fields })}`, list)
        : html`<div id="results">${list}</div>`
    return show(reply, {
      title: 'Events',
      section: 'events',
      body: html`
<h1>Events</h1>
${filterForm(fields, eventTypes)}
${results}`,
    })
  })
}

const KIND_PATHS: Record<Found['kind'], string> = { contact: 'contacts', user: 'users', mailbox: 'mailboxes' }

/** What the searched address belongs to. */
const foundRows = (found: Found[]): Html | undefined =>
  found.length === 0
    ? undefined
    : html`<ul class="chips" aria-label="What was searched for belongs to">${found.map(
        ({ kind, id, label }) =>
          html`<li><a href="/console/${KIND_PATHS[kind]}/${id}"><span class="thin">${kind}</span> ${label}</a></li>`,
      )}</ul>`

/** Events of one group of errors are listed: which, and the way back to all. */
const errorChip = (fields: FilterFields): Html | undefined =>
  fields.error === ''
    ? undefined
    : html`<ul class="chips" aria-label="Only events with this error"><li><a href="/console/events${toQuery({ ...fields, error: '' })}"><span class="thin">error</span> ${cut(fields.error, 120)} <span class="thin">show all</span></a></li></ul>`

const noEvents = (fields: FilterFields, after: string | undefined): Html => {
  if (after !== undefined) return nothing('Nothing older', 'These were all events that match.')
  if (fields.q !== '') {
    return nothing(
      `Nothing found for “${fields.q}”`,
      'The search takes an event id, an outreach id (123 or outreach:123), a customer id (cus_…) or an e-mail address of a contact, a user or a mailbox.',
    )
  }
  if (toQuery({ ...fields }) !== '')
    return nothing(
      'No event matches',
      html`Widen the filter, or <a href="/console/events">show all events</a>.`,
    )
  return nothing(
    'No events yet',
    'They appear here as soon as a provider posts one. To try it: npm run webhooks -- send sendgrid delivered.',
  )
}

const option = (value: string, name: string, chosen: string): Html =>
  html`<option value="${value}"${value === chosen && html` selected`}>${name}</option>`

/** Works as an ordinary form; with the script the list follows what is chosen and typed. */
const filterForm = (fields: FilterFields, types: string[]): Html => html`
<form class="filter card" method="get" action="/console/events" role="search" aria-label="Filter events"
      hx-get="/console/events" hx-trigger="input changed delay:300ms from:#q, change" hx-target="#results" hx-select="#results"
      hx-swap="outerHTML" hx-replace-url="true" hx-sync="this:replace">
  ${fields.error !== '' && html`<input type="hidden" name="error" value="${fields.error}">`}
  <div class="field search">
    <label for="q">Search</label>
    <input id="q" name="q" type="search" value="${fields.q}" placeholder="Event, outreach, customer, e-mail" autocomplete="off" spellcheck="false" maxlength="400">
  </div>
  <div class="field">
    <label for="provider">Provider</label>
    <select id="provider" name="provider">${option('', 'All', fields.provider)}${PROVIDER_NAMES.map((name) => option(name, providerLabel(name), fields.provider))}</select>
  </div>
  <div class="field">
    <label for="status">Status</label>
    <select id="status" name="status">${option('', 'All', fields.status)}${EVENT_STATUSES.map((name) => option(name, name, fields.status))}${option(MISUNDERSTOOD, 'not understood', fields.status)}</select>
  </div>
  <div class="field">
    <label for="type">Type</label>
    <input id="type" name="type" list="types" value="${fields.type}" placeholder="All" autocomplete="off" spellcheck="false" maxlength="100">
    <datalist id="types">${types.map((type) => html`<option value="${type}"></option>`)}</datalist>
  </div>
  <div class="field">
    <label for="period">Received</label>
    <select id="period" name="period">${option('', 'Any time', fields.period)}${Object.entries(PERIODS).map(([key, { name }]) => option(key, name, fields.period))}</select>
  </div>
  <details class="exact"${(fields.since !== '' || fields.until !== '') && html` open`}>
    <summary>Exact times</summary>
    <div class="times">
    <div class="field"><label for="since">From (UTC)</label><input id="since" name="since" type="datetime-local" step="1" value="${fields.since}"></div>
    <div class="field"><label for="until">To (UTC)</label><input id="until" name="until" type="datetime-local" step="1" value="${fields.until}"></div>
    </div>
  </details>
  <div class="actions"><button type="submit">Filter</button><a class="quiet" href="/console/events">Clear</a></div>
</form>`
