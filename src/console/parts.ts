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
 * @param key names a row, so that it stays the same when a page shows itself again.
 */
export const table = <Row>(
  label: string,
  columns: Column<Row>[],
  rows: readonly Row[],
  { dense = false, key }: { dense?: boolean; key?: (row: Row) => string } = {},
): Html => html`
<table role="table" aria-label="${label}" class="${dense && 'dense'}">
  <thead role="rowgroup"><tr role="row">${columns.map(
    ({ name, kind }) => html`<th role="columnheader" scope="col" class="${kind}">${name}</th>`,
  )}</tr></thead>
  <tbody role="rowgroup">${rows.map(
    (row) =>
      html`<tr role="row"${key !== undefined && html` id="${key(row)}"`}>${columns.map(
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

/** The text in place of an empty list. */
export const nothing = (title: string, advice: Content): Html => html`
<div class="nothing"><p class="title">${title}</p><p>${advice}</p></div>`

/** A part of a page under its heading. */
export const card = (title: string, content: Content, aside?: Content): Html => html`
<section class="card"><header><h2>${title}</h2>${aside && html`<span class="aside">${aside}</span>`}</header>${content}</section>`

/**
 * A part of a page that shows itself again every ten seconds. What has an id stays where it is, and so do the focus, what is
 * open and the place on the page.
 * @param path of the page, with its query; undefined where nothing is to change any more.
 */
export const live = (id: string, path: string | undefined, content: Content): Html =>
  path === undefined
    ? html`<div id="${id}">${content}</div>`
    : html`<div id="${id}" data-live hx-get="${path}" hx-trigger="every 10s" hx-select="#${id}" hx-swap="outerMorph">${content}</div>`

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
