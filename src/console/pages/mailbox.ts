import type { FastifyInstance } from 'fastify'
import { resumeMailbox } from '../../operations/mailboxes.ts'
import { type MailboxRecord, mailboxById } from '../../operations/records.ts'
import { type ConsoleContext, mayChange, operatorOf } from '../context.ts'
import { ago, number } from '../format.ts'
import { type Content, html } from '../html.ts'
import { badge, card, facts, nothing, table } from '../parts.ts'
import { reasonField } from '../reason.ts'
import { health } from './mailboxes.ts'
import { eventsCard, found } from './records.ts'

/** A mailbox: its health, and what the guard did about it. One that is paused can be resumed here. */
export const mailboxPage = (scope: FastifyInstance, { pool, clock, show }: ConsoleContext): void => {
  scope.get<{ Params: { id: string }; Querystring: Record<string, unknown> }>(
    '/mailboxes/:id',
    async (request, reply) => {
      const mailbox = found(await mailboxById(pool, request.params.id), 'mailbox')
      const now = clock()
      return show(reply, {
        title: mailbox.email,
        section: 'mailboxes',
        body: html`
${notice(request.query.resumed)}
<div class="heading"><h1>${mailbox.email}</h1>${mailbox.pausedAt !== null && badge('paused')}<p>Mailbox</p></div>
<div class="detail">
  <div class="stack">${await eventsCard(pool, mailbox.email, now)}</div>
  <div class="stack">
    ${mailbox.pausedAt !== null && card('Paused', pausedCard(mailbox, now, mayChange(request)))}
    ${card(
      'Health',
      facts([
        ['Score', health(mailbox.healthScore)],
        ['Bounces in 7 days', number(mailbox.bounces)],
        ['Spam reports in 7 days', number(mailbox.spamReports)],
        ['Warned about', mailbox.warnedAt !== null && ago(mailbox.warnedAt, now)],
        ['Resumed', mailbox.resumedAt !== null && ago(mailbox.resumedAt, now)],
      ]),
    )}
    ${card(
      'Incidents',
      mailbox.incidents.length === 0
        ? nothing('None', 'No bounce and no spam report in the last 7 days.')
        : table(
            'Incidents',
            [
              { name: 'Kind', kind: 'wide', cell: ({ kind }) => (kind === 'spam' ? 'spam report' : kind) },
              { name: 'Arrived', cell: ({ arrivedAt }) => ago(arrivedAt, now) },
            ],
            mailbox.incidents,
          ),
    )}
  </div>
</div>`,
      })
    },
  )

  scope.post<{ Params: { id: string }; Body: unknown }>('/mailboxes/:id/resume', async (request, reply) => {
    const by = operatorOf(request)
    const mailbox = found(await mailboxById(pool, request.params.id), 'mailbox')
    const outcome = await resumeMailbox(pool, mailbox.email, by, clock())
    request.log.info({ mailbox: mailbox.id, outcome }, 'resuming a mailbox requested in the console')
    return reply.redirect(`/console/mailboxes/${mailbox.id}?resumed=${Number(outcome === 'resumed')}`, 303)
  })
}

const notice = (resumed: unknown): Content => {
  if (resumed === '1') {
    return html`<p class="notice good" role="status">Resumed: the sending service may use it again.</p>`
  }
  return resumed === '0' && html`<p class="notice" role="status">It was not paused any more.</p>`
}

const pausedCard = ({ id, pausedAt, pausedReason }: MailboxRecord, now: Date, form: boolean): Content => html`
<p>${pausedReason ?? 'No reason is given'}, ${ago(pausedAt, now)}.</p>
${form && resumeForm(id)}`

const resumeForm = (id: string): Content => html`
<form method="post" action="/console/mailboxes/${id}/resume">
  <p class="hint">Nothing is sent from it until it is resumed. For a week after that it is paused again only if its rate reaches twice the present one.</p>
  ${reasonField('Why it may send again')}
  <button type="submit">Resume this mailbox</button>
</form>`
