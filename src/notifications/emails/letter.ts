import { escapeHtml } from '../../escape-html.ts'
/** A link on a line of its own. */
export interface Link {
  label: string
  href: string
}

/** An e-mail's content, without any markup: text and HTML are both made of it. */
export interface Letter {
  subject: string
  /** Paragraphs and links, below the greeting. */
  body: (string | Link)[]
}

/** An e-mail as it is sent. */
export interface Message {
  subject: string
  text: string
  html: string
}

const GREETING = 'Hello,'
const CLOSING = 'The RoleFerry team'

/** Renders a letter. All its text is escaped in the HTML. */
export const render = ({ subject, body }: Letter): Message => {
  const paragraphs = [GREETING, ...body, CLOSING]
  return {
    subject: oneLine(subject),
    text: `${paragraphs.map(toText).join('\n\n')}\n`,
    html: page(oneLine(subject), paragraphs.map(toHtml).join('\n      ')),
  }
}

const toText = (part: string | Link): string =>
  typeof part === 'string' ? part : `${part.label}:\n${part.href}`

const toHtml = (part: string | Link): string =>
  typeof part === 'string'
    ? `<p>${escapeHtml(part)}</p>`
    : `<p><a href="${escapeHtml(part.href)}" style="${BUTTON}">${escapeHtml(part.label)}</a></p>`

const BUTTON =
  'display: inline-block; padding: 12px 20px; border-radius: 6px; background: #1f4fd8; color: #ffffff; text-decoration: none'

const page = (title: string, content: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>${escapeHtml(title)}</title>
  </head>
  <body style="margin: 0; background: #f3f4f6">
    <div style="max-width: 560px; margin: 0 auto; padding: 32px 24px; background: #ffffff; color: #1f2937; font: 16px/1.5 Helvetica, Arial, sans-serif">
      ${content}
    </div>
  </body>
</html>
`

/** A line break in a subject would begin another header. */
const oneLine = (text: string): string => text.replace(/\s+/g, ' ')

/** `3 December 2026`, in UTC. @param time ISO-8601 */
export const longDate = (time: string): string =>
  new Date(time).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  })
