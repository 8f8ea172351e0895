import { type Html, html } from './html.ts'

/**
 * A string, a number, or a word. A string without its closing quote runs to the end of the text. So every start
 * matches, and no text that a sender wrote makes the pattern backtrack.
 */
const TOKEN = /("(?:[^"\\]|\\.)*"?)|(-?\d[\d.eE+-]*)|\b(?:true|false|null)\b/gs
/** What makes a string a key. */
const COLON = /\s*:/y

/** Indented JSON, coloured. The text may end anywhere. @param id for what copies it. */
export const json = (text: string, id = 'payload'): Html => {
  const parts: (Html | string)[] = []
  let end = 0
  for (const match of text.matchAll(TOKEN)) {
    const [all, string, digits] = match
    COLON.lastIndex = match.index + all.length
    const colon = string === undefined ? undefined : COLON.exec(text)?.[0]
    parts.push(text.slice(end, match.index))
    if (string !== undefined && colon !== undefined)
      parts.push(html`<span class="key">${string}</span>${colon}`)
    else if (string !== undefined) parts.push(html`<span class="string">${string}</span>`)
    else parts.push(html`<span class="${digits === undefined ? 'word' : 'number'}">${all}</span>`)
    end = match.index + all.length + (colon?.length ?? 0)
  }
  parts.push(text.slice(end))
  return html`<pre class="json" id="${id}" tabindex="0" role="region" aria-label="Payload">${parts}</pre>`
}
