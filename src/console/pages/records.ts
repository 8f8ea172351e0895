import type { FastifyInstance } from 'fastify'
import type pg from 'pg'
import { listEvents } from '../../operations/events.ts'
import { contactById, outreachById, userById } from '../../operations/records.ts'
import { resolveSearch } from '../../operations/search.ts'
import { type ConsoleContext, NotFound } from '../context.ts'
import { eventList } from '../event-list.ts'
import { ago, number } from '../format.ts'
import { type Content, type Html, html } from '../html.ts'
import { badge, card, facts, nothing, outreachList, table } from '../parts.ts'

const EVENTS = 20

/** Read-only pages about one row that events are about (an outreach, a contact, a user), with its newest events. */
export const recordPages = (scope: FastifyInstance, { pool, clock, show }: ConsoleContext): void => {
  scope.get<{ Params: { id: string } }>('/outreach/:id', async (request, reply) => {
    const outreach = found(await outreachById(pool, request.params.id), 'outreach')
    const now = clock()
    return show(reply, {
      title: `Outreach ${outreach.id}`,
      body: html`
<div class="heading"><h1>Outreach ${outreach.id}</h1>${badge(outreach.status)}
  <p>${outreach.contactEmail !== null && html`to ${outreach.contactName ?? outreach.contactEmail}`}${outreach.company !== null && html` at ${outreach.company}`}</p>
</div>
<div class="detail">
  <div class="stack">${await eventsCard(pool, `outreach:${outreach.id}`, now, false)}</div>
  <div class="stack">
    ${card(
      'Outreach',
      facts([
        [
          'Contact',
          outreach.contactId !== null &&
            html`<a href="/console/contacts/${outreach.contactId}">${outreach.contactName ?? outreach.contactEmail}</a>${outreach.optedOut === true && html` <span class="note">opted out</span>`}`,
        ],
        ['Company', outreach.company],
        [
          'User',
          outreach.userId !== null &&
            html`<a href="/console/users/${outreach.userId}">${outreach.userEmail}</a>`,
        ],
        [
          'Application',
          [
            outreach.jobTitle ?? 'no job',
            outreach.applicationStatus !== null &&
              html` <span class="note">${outreach.applicationStatus}</span>`,
          ],
        ],
        [
          'Mailbox',
          outreach.mailboxId === null
            ? outreach.fromMailbox
            : html`<a href="/console/mailboxes/${outreach.mailboxId}">${outreach.fromMailbox}</a>`,
        ],
        ['Sent', ago(outreach.sentAt, now)],
        ['Delivered', ago(outreach.deliveredAt, now)],
        [
          'Clicks',
          outreach.clickedAt === null
            ? number(outreach.linkClicks)
            : html`${number(outreach.linkClicks)}, the first ${ago(outreach.clickedAt, now)}`,
        ],
        ['Replied', ago(outreach.repliedAt, now)],
        ['Message-ID', outreach.messageId !== null && html`<code>${outreach.messageId}</code>`],
      ]),
    )}
    ${
      outreach.steps.length > 0 &&
      card(
        'Follow-ups',
        table(
          'Follow-ups',
          [
            { name: 'Step', kind: 'number', cell: ({ position }) => position },
            { name: 'Status', cell: ({ status }) => badge(status) },
            { name: 'When', cell: ({ scheduledAt }) => ago(scheduledAt, now) },
            { name: 'Why', kind: 'wide', cell: ({ cancelledReason }) => cancelledReason },
          ],
          outreach.steps,
        ),
      )
    }
  </div>
</div>`,
    })
  })

  scope.get<{ Params: { id: string } }>('/contacts/:id', async (request, reply) => {
    const contact = found(await contactById(pool, request.params.id), 'contact')
    const now = clock()
    return show(reply, {
      title: contact.name ?? contact.email,
      body: html`
<div class="heading"><h1>${contact.name ?? contact.email}</h1>${contact.optedOut && badge('opted_out')}<p>Contact${contact.company !== null && html` at ${contact.company}`}</p></div>
<div class="detail">
  <div class="stack">${await eventsCard(pool, contact.email, now)}</div>
  <div class="stack">
    ${card(
      'Contact',
      facts([
        ['E-mail', contact.email],
        ['Company', contact.company],
        ['Bounces', number(contact.bounceCount)],
        ['Spam reports', number(contact.spamReports)],
        [
          'Opted out',
          contact.optedOut ? html`${contact.optedOutReason} ${ago(contact.optedOutAt, now)}` : 'no',
        ],
        ['Last contacted', ago(contact.lastContactedAt, now)],
      ]),
    )}
    ${card('Outreach', outreachList(contact.outreach, now))}
  </div>
</div>`,
    })
  })

  scope.get<{ Params: { id: string } }>('/users/:id', async (request, reply) => {
    const user = found(await userById(pool, request.params.id), 'user')
    const now = clock()
    return show(reply, {
      title: user.email,
      body: html`
<div class="heading"><h1>${user.email}</h1>${badge(user.tier)}<p>User</p></div>
<div class="detail">
  <div class="stack">${await eventsCard(pool, user.email, now)}</div>
  <div class="stack">
    ${card(
      'Subscription',
      facts([
        ['Tier', user.tier],
        ['Status', user.subscriptionStatus],
        ['Credits', number(user.credits)],
        [
          'Period ends',
          user.currentPeriodEnd !== null &&
            html`${ago(user.currentPeriodEnd, now)}${user.cancelAtPeriodEnd && html` <span class="note">and is not renewed</span>`}`,
        ],
        ['Customer', user.customerId !== null && html`<code>${user.customerId}</code>`],
      ]),
    )}
    ${
      user.subscriptions.length > 0 &&
      card(
        'All subscriptions',
        table(
          'Subscriptions',
          [
            {
              name: 'Subscription',
              kind: 'wide',
              cell: ({ id, priceId }) => html`<code>${id}</code><span class="note">${priceId}</span>`,
            },
            { name: 'Status', cell: ({ status }) => status },
            { name: 'Period ends', cell: ({ currentPeriodEnd }) => ago(currentPeriodEnd, now) },
          ],
          user.subscriptions,
        ),
      )
    }
    ${card('Outreach', outreachList(user.outreach, now))}
  </div>
</div>`,
    })
  })
}

/** @throws {NotFound} when there is no row. */
export const found = <Row>(row: Row | undefined, what: string): Row => {
  if (row === undefined) throw new NotFound(`There is no such ${what}.`)
  return row
}

/** The newest events that a search finds. */
export const eventsCard = async (pool: pg.Pool, search: string, now: Date, about = true): Promise<Html> => {
  const { filter } = await resolveSearch(pool, search)
  const { events, next } = await listEvents(pool, filter, { limit: EVENTS })
  const all: Content =
    next !== null && html`<a href="/console/events?q=${encodeURIComponent(search)}">All events</a>`
  return card(
    'Events',
    events.length === 0
      ? nothing('No events', 'No event about it has arrived yet.')
      : html`<div class="flush">${eventList(events, now, { about })}</div>`,
    all,
  )
}
