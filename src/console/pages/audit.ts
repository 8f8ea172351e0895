import type { FastifyInstance } from 'fastify'
import { type AuditedChange, listChanges } from '../../operations/audit.ts'
import type { ConsoleContext } from '../context.ts'
import { cut, moment, number } from '../format.ts'
import { type Content, type Html, html } from '../html.ts'
import { nothing, table } from '../parts.ts'

const PAGE = 100

/**
 * What operators changed, in the console and by the command line. The service's role can add to this log, but not
 * change it.
 */
export const auditPage = (scope: FastifyInstance, { pool, clock, show }: ConsoleContext): void => {
  scope.get<{ Querystring: Record<string, unknown> }>('/audit', async (request, reply) => {
    const { before } = request.query
    const after = typeof before === 'string' && /^\d{1,18}$/.test(before) ? before : undefined
    const { changes, next } = await listChanges(pool, { limit: PAGE, before: after })
    return show(reply, {
      title: 'Audit',
      section: 'audit',
      body: html`
<h1>Audit</h1>
<p class="lead">Every change that somebody made in the console or by the command line, the newest first.</p>
${
  changes.length === 0
    ? nothing('No changes', 'Nobody has replayed, discarded, paused or resumed anything yet.')
    : html`<div class="card flush">${changesTable(changes, clock())}</div>`
}
<nav class="pages" aria-label="Pages">
  ${after !== undefined && html`<a class="button" href="/console/audit">Newest</a>`}
  ${next !== null && html`<a class="button" rel="next" href="/console/audit?before=${next}">Older</a>`}
</nav>`,
    })
  })
}

const changesTable = (changes: AuditedChange[], now: Date): Html =>
  table(
    'Changes, the newest first',
    [
      {
        name: 'What',
        kind: 'wide',
        cell: (change) =>
          html`<span class="strong">${change.action}</span> ${subjectOf(change)}<span class="note">“${change.reason}”</span>${
            change.statusBefore !== null &&
            html`<span class="note">before: ${change.statusBefore}${change.errorBefore !== null && `, ${cut(change.errorBefore, 120)}`}</span>`
          }`,
      },
      { name: 'How many', kind: 'number', cell: ({ affected }) => number(affected) },
      { name: 'Who', cell: ({ operator, via }) => html`${operator}<span class="note">${via}</span>` },
      { name: 'When', cell: ({ actedAt }) => moment(actedAt, now) },
    ],
    changes,
  )

const subjectOf = ({ eventRowId, subject }: AuditedChange): Content =>
  eventRowId === null ? subject : html`<a href="/console/events/${eventRowId}">event ${eventRowId}</a>`
