import type { FastifyInstance } from 'fastify'
import type { RefusalReason } from '../../inbox/admission/refusal.ts'
import {
  listRefused,
  REFUSAL_REASONS,
  type RefusedDetail,
  type RefusedFilter,
  type RefusedGroup,
  type RefusedSummary,
  refusedGroups,
  showRefused,
} from '../../operations/refused.ts'
import { isProviderName, providerLabel } from '../../providers/index.ts'
import type { ConsoleContext } from '../context.ts'
import { copyable, copyShown } from '../copy.ts'
import { toQuery } from '../filters.ts'
import { ago, moment, number } from '../format.ts'
import { type Html, html } from '../html.ts'
import { badge, card, facts, live, nothing, table } from '../parts.ts'
import { REFUSAL_WORDS } from '../refusal-reasons.ts'
import { found } from './records.ts'

const WEEK = 7 * 86_400_000
const LISTED = 100

/** Refused deliveries: by reason, since when and from where; each one that was kept; and one with its bytes. */
export const refusedPages = (scope: FastifyInstance, { pool, clock, show }: ConsoleContext): void => {
  scope.get<{ Querystring: Record<string, unknown> }>('/refused', async (request, reply) => {
    const now = clock()
    const filter = readFilter(request.query)
    const [groups, deliveries] = await Promise.all([
      refusedGroups(pool, new Date(now.getTime() - WEEK), now),
      listRefused(pool, filter, LISTED),
    ])
    const narrowed = filter.provider !== undefined || filter.reason !== undefined
    return show(reply, {
      title: 'Refused deliveries',
      section: 'refused',
      body: html`
<h1>Refused deliveries</h1>
<p class="lead">What did not reach the inbox in the last 7 days, by provider and reason. Of each, the first 20 of a minute are kept, of these the newest 50.</p>
${live(
  'live',
  `/console/refused${toQuery({ provider: filter.provider ?? '', reason: filter.reason ?? '' })}`,
  [
    groups.length === 0
      ? nothing('Nothing refused', 'Every delivery of the last 7 days was signed, fresh and well formed.')
      : html`<div class="card flush">${refusedTable(groups, now)}</div>`,
    card(
      narrowed ? 'Kept, of this reason' : 'Kept, the newest first',
      deliveries.length === 0
        ? nothing('None kept', 'They are kept for 7 days.')
        : html`<div class="flush">${keptTable(deliveries, now)}</div>`,
      narrowed && html`<a href="/console/refused">All reasons</a>`,
    ),
  ],
)}`,
    })
  })

  scope.get<{ Params: { id: string } }>('/refused/:id', async (request, reply) => {
    const refused = found(await showRefused(pool, request.params.id), 'refused delivery')
    const now = clock()
    return show(reply, {
      title: 'Refused delivery',
      section: 'refused',
      body: html`
<div class="heading"><h1>${words(refused.reason)}</h1>${refused.diagnosis !== null && badge(refused.diagnosis)}
  <p>${providerLabel(refused.provider)} · refused ${ago(refused.refusedAt, now)}</p></div>
<div class="detail">
  <div class="stack">
    ${card('Headers', facts(Object.entries(refused.headers).map(([name, value]) => [name, html`<code>${value}</code>`])))}
    ${card('Body, its first 4 KiB', bodyText(refused), refused.body !== null && copyShown('the body', 'payload'))}
  </div>
  <div class="stack">
    ${card(
      'Why',
      facts([
        ['Diagnosis', refused.diagnosis ?? 'the signature is not the reason'],
        ['Because', refused.because],
        ['Reason', REFUSAL_WORDS[refused.reason]],
        ['Refused', moment(refused.refusedAt, now)],
        ['From', copyable('the address', refused.source)],
      ]),
    )}
    ${card('What to do', html`<p>The runbook <code>docs/runbooks/signature-refusals.md</code> says what each diagnosis calls for.</p>`)}
  </div>
</div>`,
    })
  })
}

const readFilter = (query: Record<string, unknown>): RefusedFilter => {
  const { provider, reason } = query
  return {
    provider: typeof provider === 'string' && isProviderName(provider) ? provider : undefined,
    reason: REFUSAL_REASONS.find((known) => known === reason),
  }
}

const words = (reason: RefusalReason): string => reason.replaceAll('_', ' ')

/** Refused deliveries by provider and reason, as the overview shows them, too. */
export const refusedTable = (groups: RefusedGroup[], now: Date): Html =>
  table(
    'Refused deliveries by reason',
    [
      {
        name: 'Reason',
        kind: 'wide',
        cell: ({
          provider,
          reason,
          because,
          alarming,
        }) => html`<a class="strong" href="/console/refused?provider=${provider}&amp;reason=${reason}">${providerLabel(provider)}: ${words(reason)}</a>
          ${alarming && badge('look')}<span class="note">${because ?? REFUSAL_WORDS[reason]}</span>`,
      },
      { name: 'Diagnosis', cell: ({ diagnosis }) => diagnosis ?? html`<span class="none">–</span>` },
      { name: 'Deliveries', kind: 'number', cell: ({ count }) => number(count) },
      { name: 'First', cell: ({ firstAt }) => ago(firstAt, now) },
      { name: 'Last', cell: ({ lastAt }) => ago(lastAt, now) },
      { name: 'Last accepted', cell: ({ lastAcceptedAt }) => ago(lastAcceptedAt, now) },
      { name: 'From', cell: ({ sources }) => fewOf(sources) },
    ],
    groups,
    { key: ({ provider, reason }) => `refused-${provider}-${reason}` },
  )

const fewOf = (sources: string[]): Html =>
  sources.length === 0
    ? html`<span class="none">–</span>`
    : html`${sources.slice(0, 2).map((source) => html`<code class="address">${source}</code> `)}${sources.length > 2 && `and ${sources.length - 2} more`}`

const keptTable = (deliveries: RefusedSummary[], now: Date): Html =>
  table(
    'Refused deliveries that were kept',
    [
      {
        name: 'Delivery',
        kind: 'wide',
        cell: ({ id, provider, reason, because }) =>
          html`<a class="strong" href="/console/refused/${id}">${providerLabel(provider)}: ${words(reason)}</a><span class="note">${because}</span>`,
      },
      { name: 'Diagnosis', cell: ({ diagnosis }) => diagnosis ?? html`<span class="none">–</span>` },
      { name: 'From', cell: ({ source }) => html`<code>${source}</code>` },
      { name: 'Refused', cell: ({ refusedAt }) => ago(refusedAt, now) },
    ],
    deliveries,
    { key: ({ id }) => `refused-${id}` },
  )

const bodyText = ({ body }: RefusedDetail): Html =>
  body === null
    ? nothing('Nothing had arrived', 'It was refused by its headers.')
    : html`<pre class="json" id="payload" tabindex="0" role="region" aria-label="Body">${body.toString('utf8')}</pre>`
