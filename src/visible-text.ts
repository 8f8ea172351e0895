/**
 * What acts on a terminal or turns around what is read: control characters, those of the second set (C1) and DEL too,
 * separators of lines, and marks that override the direction of text. Senders choose what events hold. Line feeds and tabs
 * are not among them.
 */
const ACTING = /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** The text with a mark in place of each such character. */
export const visible = (text: string): string => text.replace(ACTING, '\ufffd')

/** JSON text with each such character escaped: it means the same. */
export const visibleJson = (json: string): string =>
  json.replace(ACTING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
