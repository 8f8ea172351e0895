import { createHash } from 'node:crypto'
import type { ErrorGroup } from '../operations/overview.ts'
import { providerLabel } from '../providers/index.ts'
import { toQuery } from './filters.ts'
import { ago, cut, number } from './format.ts'
import { type Html, html } from './html.ts'
import { nothing, table } from './parts.ts'

/** Dead events grouped by error. Each row links to exactly the events with its error. */
export const errorTable = (groups: ErrorGroup[], now: Date): Html =>
  groups.length === 0
    ? nothing(
        'No dead events',
        'Everything that was accepted has been applied, is waiting its turn, or needed nothing done.',
      )
    : table(
        'Dead events by error',
        [
          {
            name: 'Error',
            kind: 'wide',
            cell: ({
              providers,
              types,
              error,
              example,
            }) => html`<a class="strong few-lines" href="/console/events${toQuery({ status: 'dead', error })}">${cut(example ?? error, 160)}</a>
            <span class="note">${providers.map(providerLabel).join(', ')}: ${cut(types.join(', '), 80)}</span>`,
          },
          {
            name: 'Events',
            kind: 'number',
            cell: ({ count }) =>
              html`${number(count)}<span class="unit"> ${count === 1 ? 'event' : 'events'}</span>`,
          },
          {
            name: 'First',
            cell: ({ firstReceivedAt }) => html`<span class="unit">first </span>${ago(firstReceivedAt, now)}`,
          },
          {
            name: 'Newest',
            cell: ({ newestReceivedAt }) =>
              html`<span class="unit">newest </span>${ago(newestReceivedAt, now)}`,
          },
        ],
        groups,
        {
          dense: true,
          key: ({ error }) => `error-${createHash('sha256').update(error).digest('hex').slice(0, 12)}`,
        },
      )
