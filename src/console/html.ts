import { escapeHtml } from '../escape-html.ts'
import { visible } from '../visible-text.ts'

const markup = Symbol('markup')

/** Markup that this process wrote. Only `html` makes it, so foreign text in it is always escaped. */
export interface Html {
  readonly [markup]: string
}

/** What a template takes; nothing is shown for null, undefined and false. */
export type Content = Html | string | number | bigint | null | undefined | false | readonly Content[]

/**
 * A template whose values are escaped, whatever they are, except for markup made by this function. Attributes must be
 * quoted; a URL must begin with one of the console's own paths.
 */
export const html = (texts: TemplateStringsArray, ...values: Content[]): Html => {
  let text = texts[0] ?? ''
  for (const [index, value] of values.entries()) text += toMarkup(value) + (texts[index + 1] ?? '')
  return { [markup]: text }
}

/** The markup as text, to be sent. */
export const render = (page: Html): string => page[markup]

const toMarkup = (value: Content): string => {
  if (value === null || value === undefined || value === false) return ''
  if (typeof value === 'object') return isHtml(value) ? value[markup] : value.map(toMarkup).join('')
  return escapeHtml(visible(String(value)))
}

const isHtml = (value: Html | readonly Content[]): value is Html => markup in value
