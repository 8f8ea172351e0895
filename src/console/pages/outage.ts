import type { FastifyInstance } from 'fastify'
import { counted } from '../../counted.ts'
import { type OutageReport, outageReport, type ProviderOutage } from '../../operations/outage.ts'
import { stepsAfter } from '../../operations/outage-steps.ts'
import { providerLabel } from '../../providers/index.ts'
import type { ConsoleContext } from '../context.ts'
import { readTime } from '../filters.ts'
import { moment, number } from '../format.ts'
import { type Content, type Html, html } from '../html.ts'
import { badge, card, nothing, table } from '../parts.ts'

const HOUR = 3_600_000

/** What an outage delayed, whether it came again, and what is left to do. */
export const outagePage = (scope: FastifyInstance, { pool, clock, show }: ConsoleContext): void => {
  scope.get<{ Querystring: Record<string, unknown> }>('/outage', async (request, reply) => {
    const now = clock()
    const read = (value: unknown) => (typeof value === 'string' ? readTime(value) : undefined)
    const from = read(request.query.from) ?? new Date(now.getTime() - HOUR)
    const to = read(request.query.to) ?? now
    const report = from < to ? await outageReport(pool, { from, to, now }) : undefined
    return show(reply, {
      title: 'Outage',
      section: 'overview',
      body: html`
<h1>Outage report</h1>
<p class="lead">Deliveries that got 503 are known by their first event, so the inbox can tell whether they came again.</p>
${timesForm(from, to)}
${report === undefined ? nothing('The times are the wrong way around', 'From must be before To.') : reportCards(report, now)}`,
    })
  })
}

const local = (at: Date): string => at.toISOString().slice(0, 19)

const timesForm = (from: Date, to: Date): Html => html`
<form class="filter between card" method="get" action="/console/outage">
  <div class="field"><label for="from">From (UTC)</label><input id="from" name="from" type="datetime-local" step="1" value="${local(from)}" required></div>
  <div class="field"><label for="to">To (UTC)</label><input id="to" name="to" type="datetime-local" step="1" value="${local(to)}" required></div>
  <div class="actions"><button type="submit">Show</button></div>
</form>`

const reportCards = (report: OutageReport, now: Date): Content => [
  card(
    'What to do',
    html`<ul class="plain">${stepsAfter(report).map((step) => html`<li>${step}</li>`)}</ul>`,
  ),
  card('Deliveries', html`<div class="flush">${providerTable(report.providers, now)}</div>`),
  card('Signed deliveries that got 503', putOffTable(report, now)),
  card(
    'What the service noted',
    report.marks.length === 0
      ? nothing(
          'No marks',
          'No start, stop, pause or outage of the database in that time and the hour around it.',
        )
      : table(
          'Marks',
          [
            {
              name: 'What',
              kind: 'wide',
              cell: ({ kind, detail, provider }) =>
                html`<span class="strong">${kind}</span>${provider !== null && ` ${providerLabel(provider)}`}${detail !== null && html` <span class="note">${detail}</span>`}`,
            },
            { name: 'At', cell: ({ at }) => moment(at, now) },
            { name: 'Until', cell: ({ endedAt }) => moment(endedAt, now) },
            { name: 'Where, or who', cell: ({ instance }) => html`<code>${instance}</code>` },
          ],
          report.marks,
        ),
  ),
]

const putOffTable = ({ putOff, more }: OutageReport, now: Date): Html =>
  putOff.length === 0
    ? nothing('No signed delivery got 503', 'Every signed delivery of that time was accepted.')
    : html`<div class="flush">${table(
        'Signed deliveries that got 503',
        [
          {
            name: 'Delivery',
            kind: 'wide',
            cell: ({ provider, events, tries }) =>
              html`<span class="strong">${providerLabel(provider)}</span><span class="note">${counted(events, 'event')}${tries > 1 && `, tried ${tries} times`}</span>`,
          },
          { name: 'Got 503', cell: ({ at }) => moment(at, now) },
          {
            name: 'Came again',
            cell: ({ cameAgainAt, deliveryId }) =>
              cameAgainAt === null
                ? badge('missing')
                : html`${moment(cameAgainAt, now)}${deliveryId !== null && html`<a class="note" href="/console/deliveries/${deliveryId}">delivery ${deliveryId}</a>`}`,
          },
        ],
        putOff,
      )}${more && html`<p class="hint">The first ${number(putOff.length)} are shown. Narrow the times to see others.</p>`}</div>`

const providerTable = (providers: ProviderOutage[], now: Date): Html =>
  table(
    'Deliveries by provider',
    [
      {
        name: 'Provider',
        kind: 'wide',
        cell: ({ provider }) => html`<span class="strong">${providerLabel(provider)}</span>`,
      },
      {
        name: 'Accepted',
        kind: 'number',
        cell: ({ accepted }) =>
          html`${number(accepted.deliveries)}${accepted.more && '+'}<span class="note">${number(accepted.events)}${accepted.more && '+'} events</span>`,
      },
      { name: 'Got 503', kind: 'number', cell: ({ unavailable }) => number(unavailable) },
      { name: 'Signed', kind: 'number', cell: ({ signed }) => number(signed) },
      { name: 'Came again', kind: 'number', cell: ({ cameAgain }) => number(cameAgain.deliveries) },
      { name: 'Last of them', cell: ({ cameAgain }) => moment(cameAgain.lastAt, now) },
      { name: 'Missing', kind: 'number', cell: ({ missing }) => number(missing.deliveries) },
      { name: 'Queue drained', cell: ({ drainedAt }) => moment(drainedAt, now) },
      { name: 'Not applied yet', kind: 'number', cell: ({ pending }) => number(pending) },
    ],
    providers,
  )
