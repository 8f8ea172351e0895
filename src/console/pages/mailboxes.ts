import type { FastifyInstance } from 'fastify'
import { type MailboxHealth, mailboxesByHealth } from '../../operations/mailboxes.ts'
import type { ConsoleContext } from '../context.ts'
import { number } from '../format.ts'
import { type Html, html } from '../html.ts'
import { badge, nothing, table } from '../parts.ts'

const PAGE = 100

export const mailboxesPage = (scope: FastifyInstance, { pool, show }: ConsoleContext): void => {
  scope.get<{ Querystring: Record<string, unknown> }>('/mailboxes', async (request, reply) => {
    const page = /^\d{1,5}$/.test(String(request.query.page)) ? Number(request.query.page) : 0
    const mailboxes = await mailboxesByHealth(pool, { limit: PAGE + 1, offset: page * PAGE })
    return show(reply, {
      title: 'Mailboxes',
      section: 'mailboxes',
      body: html`
<h1>Mailboxes</h1>
<p class="lead">Health is 100 less 5 for each bounce and 25 for each spam report of the last 7 days. Paused ones come first, then the worst.</p>
${
  mailboxes.length === 0
    ? nothing(
        page === 0 ? 'No mailboxes' : 'No more mailboxes',
        page === 0
          ? 'RoleFerry adds a row to the table mailboxes for each address it sends from.'
          : html`<a href="/console/mailboxes">Back to the worst</a>`,
      )
    : html`<div class="card flush">${mailboxTable(mailboxes.slice(0, PAGE))}</div>`
}
<nav class="pages" aria-label="Pages">
  ${page > 0 && html`<a class="button" rel="prev" href="/console/mailboxes?page=${page - 1}">Worse</a>`}
  ${mailboxes.length > PAGE && html`<a class="button" rel="next" href="/console/mailboxes?page=${page + 1}">Better</a>`}
</nav>`,
    })
  })
}

const mailboxTable = (mailboxes: MailboxHealth[]): Html =>
  table(
    'Mailboxes, the worst first',
    [
      {
        name: 'Mailbox',
        kind: 'wide',
        cell: ({ id, email, pausedAt }) =>
          html`<a class="strong" href="/console/mailboxes/${id}">${email}</a>${pausedAt !== null && html` ${badge('paused')}`}`,
      },
      { name: 'Health', cell: ({ healthScore }) => health(healthScore) },
      { name: 'Bounces', kind: 'number', cell: ({ bounces }) => number(bounces) },
      { name: 'Spam reports', kind: 'number', cell: ({ spamReports }) => number(spamReports) },
    ],
    mailboxes,
  )

/** The score as a number, a word and a bar. */
export const health = (score: number): Html => {
  const [tone, word] =
    score >= 80 ? ['processed', 'good'] : score >= 50 ? ['skipped', 'at risk'] : ['dead', 'bad']
  return html`<span class="health ${tone}"><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="rest" width="100" height="8" rx="4"/><rect class="${tone}" width="${score}" height="8" rx="4"/></svg><span class="score">${score}</span> <span class="word">${word}</span></span>`
}
