import { compile, type FormatCallback } from 'html-to-text'

/**
 * Limits: characters of a body, depth of its elements, and children of one element. What a person wrote is at the
 * start, and the parser's time grows with the square of the depth.
 */
const MAX_HTML = 32 * 1024
const MAX_DEPTH = 40
const MAX_CHILDREN = 2_000

/** A quote in a quote is marked once: a mark for each of a thousand would make megabytes of a small mail. */
const quote: FormatCallback = (element, walk, builder, options) => {
  const { leadingLineBreaks = 2, trailingLineBreaks = 2 } = options
  builder.openBlock({ leadingLineBreaks })
  walk(element.children, builder)
  builder.closeBlock({
    trailingLineBreaks,
    blockTransform: (text) => text.trim().replace(/^(?!>)/gm, '> '),
  })
}

const toText = compile({
  wordwrap: false,
  limits: { maxDepth: MAX_DEPTH, maxChildNodes: MAX_CHILDREN, ellipsis: '' },
  formatters: { quote },
  selectors: [
    { selector: 'a', options: { ignoreHref: true } },
    { selector: 'img', format: 'skip' },
    { selector: 'blockquote', format: 'quote' },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
  ],
})

/** The text of an HTML mail, for one that has no other. Quotes are marked with `>`, as in text. Never throws. */
export const textOfHtml = (html: string): string => {
  const body = Math.max(html.search(/<body[\s>]/i), 0)
  return toText(html.slice(body, body + MAX_HTML)).trim()
}
