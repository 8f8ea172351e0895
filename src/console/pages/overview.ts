import type { FastifyInstance } from 'fastify'
import type { CountedOutcome } from '../../inbox/counts.ts'
import { countEvents, type EventSummary } from '../../operations/events.ts'
import { listMarks, type Mark } from '../../operations/marks.ts'
import {
  type Backlog,
  backlog,
  type CountedStretch,
  countsOver,
  errorGroups,
  lastEvents,
} from '../../operations/overview.ts'
import { type RefusedGroup, refusedGroups } from '../../operations/refused.ts'
import { PROVIDER_NAMES, providerLabel } from '../../providers/index.ts'
import { chart, legend } from '../chart.ts'
import type { ConsoleContext } from '../context.ts'
import { errorTable } from '../error-table.ts'
import { toQuery } from '../filters.ts'
import { ago, cut, duration, number } from '../format.ts'
import { type Content, type Html, html } from '../html.ts'
import { card, live, nothing, table } from '../parts.ts'
import { refusedTable } from './refused.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const HOUR_CHART = { stretch: 1, stretches: 60 }
const DAY_CHART = { stretch: 15, stretches: 96 }
const MAX_DEAD_COUNTED = 10_000
/** Errors shown here; a page of its own has all. */
const ERRORS_SHOWN = 6

export const overviewPage = (scope: FastifyInstance, { pool, clock, show }: ConsoleContext): void => {
  scope.get('/', async (_request, reply) => {
    const now = clock()
    const [pending, dead, deadGroups, last, ofHour, ofDay, refused, marks] = await Promise.all([
      backlog(pool, now),
      countEvents(pool, { status: 'dead' }, MAX_DEAD_COUNTED),
      errorGroups(pool),
      lastEvents(pool, PROVIDER_NAMES),
      countsOver(pool, { since: new Date(now.getTime() - HOUR), stretch: HOUR_CHART.stretch }),
      countsOver(pool, { since: new Date(now.getTime() - DAY), stretch: DAY_CHART.stretch }),
      refusedGroups(pool, new Date(now.getTime() - DAY), now),
      listMarks(pool, new Date(now.getTime() - DAY), now),
    ])
    return show(reply, {
      title: 'Overview',
      section: 'overview',
      body: html`
<h1>Overview</h1>
${live('live', '/console', [
  tiles({ pending, dead, ofDay, refused, now }),
  html`<section class="card">
    <header><h2>Events over time</h2>${legend()} <a href="/console/outage">Outage report</a> <a href="/console/pauses">Pauses</a></header>
    ${PROVIDER_NAMES.map((provider) => providerRow(provider, { last, ofHour, ofDay, pending, marks, now }))}
  </section>`,
  card(
    'Dead events by error',
    errorTable(deadGroups.groups.slice(0, ERRORS_SHOWN), now),
    dead.count > 0 &&
      html`<a href="/console/errors">${deadGroups.groups.length > ERRORS_SHOWN ? `All ${deadGroups.groups.length} errors` : 'Errors'}</a> <a href="/console/events?status=dead">All dead events</a>`,
  ),
  card(
    'Refused deliveries, last 24 hours',
    refused.length === 0
      ? nothing('Nothing refused', 'Every delivery of the last 24 hours was signed, fresh and well formed.')
      : refusedTable(refused, now),
    html`<a href="/console/refused">All of 7 days</a>`,
  ),
  card('Figures', figures(ofDay)),
])}`,
    })
  })
}

const sumOf = (counts: CountedStretch[], ...outcomes: CountedOutcome[]): number =>
  counts.filter(({ outcome }) => outcomes.includes(outcome)).reduce((sum, { count }) => sum + count, 0)

const tile = (
  name: string,
  value: Content,
  note: Content,
  tone?: 'bad' | 'warn',
  href?: string,
): Html => html`
<li class="tile ${tone}">
  <span class="name">${name}</span>
  <span class="figure">${href === undefined ? value : html`<a href="${href}">${value}</a>`}</span>
  <span class="note">${note}</span>
</li>`

/** Minutes after which a backlog is worth a colour. */
const LATE = 5 * MINUTE

const tiles = ({
  pending,
  dead,
  ofDay,
  refused,
  now,
}: {
  pending: Backlog[]
  dead: { count: number; more: boolean }
  ofDay: CountedStretch[]
  refused: RefusedGroup[]
  now: Date
}): Html => {
  const due = pending.reduce((sum, one) => sum + one.due, 0)
  const later = pending.reduce((sum, one) => sum + one.later, 0)
  const oldest = Math.min(
    ...pending.map(({ oldestDueAt }) => oldestDueAt?.getTime() ?? Number.POSITIVE_INFINITY),
  )
  const age = Number.isFinite(oldest) ? now.getTime() - oldest : 0
  const failed = sumOf(ofDay, 'failed', 'dead')
  return html`
<ul class="tiles" aria-label="Now and over the last 24 hours">
  ${tile(
    'Backlog',
    number(due),
    due === 0
      ? later === 0
        ? 'nothing waits'
        : `${number(later)} for later`
      : `oldest due for ${duration(age)}`,
    age > LATE ? 'bad' : undefined,
    '/console/events?status=pending',
  )}
  ${tile(
    'Dead',
    `${number(dead.count)}${dead.more ? '+' : ''}`,
    dead.count === 0 ? 'none' : 'failed on every attempt',
    dead.count > 0 ? 'bad' : undefined,
    '/console/events?status=dead',
  )}
  ${tile('Processed', number(sumOf(ofDay, 'processed')), 'in 24 hours')}
  ${tile('Failed attempts', number(failed), 'in 24 hours', failed > 0 ? 'warn' : undefined)}
  ${tile('Duplicates', number(sumOf(ofDay, 'duplicate')), 'in 24 hours, applied once')}
  ${refusedTile(refused)}
</ul>`
}

/** Red when a provider that was accepted before is refused. */
const refusedTile = (refused: RefusedGroup[]): Html => {
  const alarming = refused.filter((group) => group.alarming)
  const [first] = alarming
  const names = [...new Set(alarming.map(({ provider }) => providerLabel(provider)))].join(', ')
  const onlyOne = alarming.length === 1 && first !== undefined
  return tile(
    'Refused',
    number(refused.reduce((sum, { count }) => sum + count, 0)),
    first === undefined ? 'deliveries in 24 hours' : `${names}: accepted before, refused now`,
    first === undefined ? undefined : 'bad',
    `/console/refused${onlyOne ? toQuery({ provider: first.provider, reason: first.reason }) : ''}`,
  )
}

const providerRow = (
  provider: string,
  {
    last,
    ofHour,
    ofDay,
    pending,
    marks,
    now,
  }: {
    last: EventSummary[]
    ofHour: CountedStretch[]
    ofDay: CountedStretch[]
    pending: Backlog[]
    marks: Mark[]
    now: Date
  },
): Html => {
  const newest = last.find((event) => event.provider === provider)
  const own = (counts: CountedStretch[]) => counts.filter((count) => count.provider === provider)
  const waiting = pending.find((one) => one.provider === provider)
  const noted = marks.filter((mark) => mark.provider === null || mark.provider === provider)
  return html`
<div class="provider-row">
  <div class="about">
    <h3><a href="/console/events?provider=${provider}">${providerLabel(provider)}</a></h3>
    <p>${
      newest === undefined
        ? 'no event yet'
        : html`last event ${ago(newest.receivedAt, now)}<br><a href="/console/events/${newest.id}">${cut(newest.eventType, 40)}</a>`
    }</p>
    ${waiting !== undefined && waiting.due > 0 && html`<p class="note">${number(waiting.due)} due</p>`}
  </div>
  ${chart('Last hour, events a minute', own(ofHour), { now, marks: noted, ...HOUR_CHART })}
  ${chart('Last 24 hours, events in 15 minutes', own(ofDay), { now, marks: noted, ...DAY_CHART })}
</div>`
}

/** The same as the charts, in words and numbers. */
const figures = (ofDay: CountedStretch[]): Html => {
  const column = (name: string, ...outcomes: CountedOutcome[]) => ({
    name,
    kind: 'number' as const,
    cell: (provider: string) =>
      number(
        sumOf(
          ofDay.filter((count) => count.provider === provider),
          ...outcomes,
        ),
      ),
  })
  return html`<p class="hint">The last 24 hours. Counts are kept for eight days and may miss some seconds of a crash.</p>${table(
    'Events of the last 24 hours',
    [
      {
        name: 'Provider',
        kind: 'wide',
        cell: (provider: string) => html`<span class="strong">${providerLabel(provider)}</span>`,
      },
      column('Processed', 'processed'),
      column('Ignored', 'ignored'),
      column('Skipped', 'skipped'),
      column('Failed attempts', 'failed'),
      column('Dead', 'dead'),
      column('Duplicates', 'duplicate'),
      column('Refused', 'refused'),
    ],
    PROVIDER_NAMES,
  )}`
}
