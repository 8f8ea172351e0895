import { storableText } from '../db/storable.ts'
import { type Html, html } from './html.ts'

/** A form without what it must have, answered by the console's error handler. */
export class Incomplete extends Error {
  override name = 'Incomplete'
  readonly statusCode = 400
}

const MAX_REASON = 500

/** Why an operator does it: asked for wherever something is changed. */
export const reasonField = (hint = 'Why it is replayed', id = 'reason'): Html => html`
<div class="field">
  <label for="${id}">Reason</label>
  <input id="${id}" name="reason" required maxlength="${MAX_REASON}" autocomplete="off" placeholder="${hint}">
</div>`

/** @throws with status 400 when the form holds no reason. */
export const readReason = (form: unknown): string => {
  const reason = (form as Record<string, unknown> | undefined)?.reason
  if (typeof reason !== 'string' || reason.trim() === '') throw new Incomplete('Say why: the reason is kept.')
  return storableText(reason.trim(), MAX_REASON)
}
