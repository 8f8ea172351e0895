import type { EventSummary } from '../operations/events.ts'
import { providerLabel } from '../providers/index.ts'
import { ago, cut } from './format.ts'
import { type Content, type Html, html } from './html.ts'
import { badge, type Column, table } from './parts.ts'

/**
 * Events as every page lists them.
 * @param about whether to say what each is about; not where all are about the same.
 */
export const eventList = (events: EventSummary[], now: Date, { about }: { about: boolean }): Html => {
  const columns: Column<EventSummary>[] = [
    { name: 'Status', cell: ({ status }) => badge(status) },
    {
      name: 'Event',
      kind: 'wide',
      cell: (event) =>
        html`<a class="strong" href="/console/events/${event.id}">${breakable(cut(event.eventType, 60))}</a>${note(event, now)}`,
    },
    {
      name: 'Provider',
      cell: ({ provider }) => html`<span class="provider">${providerLabel(provider)}</span>`,
    },
    { name: 'About', cell: ({ subject }) => subjectLink(subject) },
    { name: 'Received', cell: ({ receivedAt }) => ago(receivedAt, now) },
  ]
  const shown = columns.filter(({ name }) => about || name !== 'About')
  return table('Events', shown, events, { dense: true, key: ({ id }) => `event-${id}` })
}

/** On a phone a long type goes on in a new line, rather after a dot than within a word. */
const breakable = (type: string): Content =>
  type.split(/(?<=\.)/).map((part, n) => (n === 0 ? part : html`<wbr>${part}`))

/** What an operator wants to know about an event that is not simply done, in a few words. */
const note = (event: EventSummary, now: Date): Content => {
  if (event.status === 'pending') {
    const turn =
      event.nextAttemptAt === null ? html`paused` : html`next turn ${ago(event.nextAttemptAt, now)}`
    if (event.waitingSince !== null) return html`<span class="note">waits for a missing row, ${turn}</span>`
    if (event.lastError !== null) return html`<span class="note">${cut(event.lastError, 120)}, ${turn}</span>`
    return turn && html`<span class="note">${turn}</span>`
  }
  const error = event.status === 'processed' || event.status === 'ignored' ? null : event.lastError
  const why = error ?? event.misunderstood
  return why === null ? undefined : html`<span class="note">${cut(why, 140)}</span>`
}

/** What an event is about, as a search for all events about it. */
export const subjectLink = (subject: string | null): Content => {
  if (subject === null) return html`<span class="none">–</span>`
  const [kind, ...rest] = subject.split(':')
  const name = rest.join(':')
  const shown = kind === 'outreach' ? `outreach ${cut(name, 20)}` : cut(name || subject, 40)
  return html`<a class="subject" href="/console/events?q=${encodeURIComponent(subject)}">${shown}</a>`
}
