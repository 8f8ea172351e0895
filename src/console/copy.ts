import { type Html, html } from './html.ts'

/** A button that copies a text. It shows only where the console's script runs. */
export const copyButton = (what: string, text: string): Html =>
  html`<button type="button" class="copy" data-copy="${text}" aria-label="Copy ${what}">Copy</button>`

/** The same, of what the element with this id shows. */
export const copyShown = (what: string, id: string): Html =>
  html`<button type="button" class="copy" data-copy-from="${id}" aria-label="Copy ${what}">Copy</button>`

/** An id, and a button that copies it. */
export const copyable = (what: string, id: string): Html =>
  html`<span class="copyable"><code>${id}</code> ${copyButton(what, id)}</span>`

/** A command in a box that opens, with its button. */
export const shell = (title: string, script: string, id = 'curl'): Html => html`
<details class="shell">
  <summary>${title}</summary>
  ${copyShown('the command', id)}
  <pre class="json" id="${id}" tabindex="0" role="region" aria-label="${title}">${script}</pre>
</details>`
