import type { OutreachSummary } from '../operations/records.ts'
import { ago } from './format.ts'
import { type Content, type Html, html } from './html.ts'

// What several pages show alike.

/** A status as a word with its colour. */
export const badge = (status: string): Html =>
  html`<span class="badge ${status}">${status.replaceAll('_', ' ')}</span>`

export interface Column<Row> {
  name: string
  /** `number` is set to the right, `wide` takes the room that is left. */
  kind?: 'number' | 'wide'
  cell: (row: Row) => Content
}

/**
 * A table that becomes cards on a narrow screen. The roles are stated since that change of display takes them away.
 * @param dense the cards speak for themselves, without the columns' names.
 */
export const table = <Row>(
  label: string,
  columns: Column<Row>[],
  rows: readonly Row[],
  { dense = false }: { dense?: boolean } = {},
): Html => html`
<table role="table" aria-label="${label}" class="${dense && 'dense'}">
  <thead role="rowgroup"><tr role="row">${columns.map(
    ({ name, kind }) => html`<th role="columnheader" scope="col" class="${kind}">${name}</th>`,
  )}</tr></thead>
  <tbody role="rowgroup">${rows.map(
    (row) =>
      html`<tr role="row">${columns.map(
        ({ name, kind, cell }) =>
          html`<td role="cell" class="${kind}"><span class="label" aria-hidden="true">${name}</span><span class="value">${cell(row)}</span></td>`,
      )}</tr>`,
  )}</tbody>
</table>`

/** Names and what they stand for; those without a value are left out. */
export const facts = (entries: [name: string, value: Content][]): Html => html`
<dl class="facts">${entries.map(
  ([name, value]) =>
    value !== undefined &&
    value !== null &&
    value !== '' &&
    value !== false &&
    html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
)}</dl>`

/** What is said where there is nothing to show. */
export const nothing = (title: string, advice: Content): Html => html`
<div class="nothing"><p class="title">${title}</p><p>${advice}</p></div>`

/** A part of a page under its heading. */
export const card = (title: string, content: Content, aside?: Content): Html => html`
<section class="card"><header><h2>${title}</h2>${aside}</header>${content}</section>`

/** Beside a contact or a user. */
export const outreachList = (outreach: OutreachSummary[], now: Date): Html =>
  outreach.length === 0
    ? nothing('No outreach', 'Nothing has been sent yet.')
    : table(
        'Outreach',
        [
          {
            name: 'Outreach',
            kind: 'wide',
            cell: ({ id, fromMailbox }) =>
              html`<a href="/console/outreach/${id}">Outreach ${id}</a><span class="note">${fromMailbox}</span>`,
          },
          { name: 'Status', cell: ({ status }) => badge(status) },
          { name: 'Sent', cell: ({ sentAt }) => ago(sentAt, now) },
        ],
        outreach,
      )
