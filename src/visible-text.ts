/**
 * Characters that control a terminal or change how text reads: control characters (C0, C1 and DEL), line separators,
 * and marks that override the direction of text. Senders choose the text in events, so these are shown escaped. Line
 * feeds and tabs are allowed.
 */
const ACTING = /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** The text with a mark in place of each such character. */
export const visible = (text: string): string => text.replace(ACTING, '\ufffd')

/** JSON text with each such character escaped: it means the same. */
export const visibleJson = (json: string): string =>
  json.replace(ACTING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
