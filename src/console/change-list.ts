import { changeWords } from '../operations/change-words.ts'
import type { DatedChange } from '../operations/changes.ts'
import { type Html, html } from './html.ts'

const PATHS: Record<string, string> = {
  outreach: 'outreach',
  contacts: 'contacts',
  users: 'users',
  mailboxes: 'mailboxes',
}

/** What an event changed, row by row: before and after. */
export const changeList = (changes: DatedChange[], isKept: boolean): Html =>
  changes.length === 0
    ? html`<p class="hint">${
        isKept
          ? 'Nothing, or it happened more than 30 days ago.'
          : html`Changes are not recorded: <code>KEEP_CHANGES=on</code> keeps them for 30 days.`
      }</p>`
    : html`<ul class="changes">${changes.map(
        (change) =>
          html`<li>${rowName(change)}<ul>${changeWords(change).map(
            ({ column, before, after }) =>
              html`<li><span class="note">${column}</span><code>${before} → ${after}</code></li>`,
          )}</ul>${change.events > 1 && html`<span class="note">together with ${change.events - 1} other ${change.events === 2 ? 'event' : 'events'}</span>`}</li>`,
      )}</ul>`

const rowName = ({ table, id }: DatedChange): Html => {
  const path = PATHS[table]
  const name = `${table.replaceAll('_', ' ')} ${id}`
  return path === undefined
    ? html`<span class="strong">${name}</span>`
    : html`<a class="strong" href="/console/${path}/${id}">${name}</a>`
}
