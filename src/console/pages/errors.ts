import type { FastifyInstance } from 'fastify'
import { errorGroups } from '../../operations/overview.ts'
import type { ConsoleContext } from '../context.ts'
import { errorTable } from '../error-table.ts'
import { number } from '../format.ts'
import { html } from '../html.ts'
import { live } from '../parts.ts'

const PAGE = 20

/** The errors of dead events, the most frequent first. */
export const errorsPage = (scope: FastifyInstance, { pool, clock, show }: ConsoleContext): void => {
  scope.get<{ Querystring: Record<string, unknown> }>('/errors', async (request, reply) => {
    const page = pageOf(request.query.page)
    const { groups, more } = await errorGroups(pool)
    const from = (page - 1) * PAGE
    const shown = groups.slice(from, from + PAGE)
    return show(reply, {
      title: 'Errors',
      section: 'events',
      body: html`
<h1>Errors</h1>
<p class="lead">Dead events by what they died of. Numbers, ids and quoted names do not count. An error leads to its events, where they are replayed.</p>
${live('errors', `/console/errors?page=${page}`, html`<div class="card flush">${errorTable(shown, clock())}</div>`)}
<nav class="pages" aria-label="Pages">
  ${page > 1 && html`<a class="button" href="/console/errors?page=${page - 1}">Before</a>`}
  <span class="hint">${number(groups.length)}${more && '+'} ${groups.length === 1 ? 'error' : 'errors'}</span>
  ${groups.length > from + PAGE && html`<a class="button" rel="next" href="/console/errors?page=${page + 1}">Next</a>`}
</nav>`,
    })
  })
}

const pageOf = (value: unknown): number =>
  typeof value === 'string' && /^[1-9]\d?$/.test(value) ? Number(value) : 1
