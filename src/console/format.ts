import { type Html, html } from './html.ts'

const numbers = new Intl.NumberFormat('en')

/** `12,345` */
export const number = (value: number): string => numbers.format(value)

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `42 s`, `5 min`, `3 h`, `12 days` */
export const duration = (milliseconds: number): string => {
  if (milliseconds < MINUTE) return `${Math.max(0, Math.round(milliseconds / SECOND))} s`
  if (milliseconds < HOUR) return `${Math.round(milliseconds / MINUTE)} min`
  if (milliseconds < 2 * DAY) return `${Math.round(milliseconds / HOUR)} h`
  return `${Math.round(milliseconds / DAY)} days`
}

/** `840 ms`, `2.3 s`, `5 min`: how long a step took. */
export const took = (milliseconds: number): string => {
  if (milliseconds < SECOND) return `${Math.max(0, Math.round(milliseconds))} ms`
  return milliseconds < 10 * SECOND ? `${(milliseconds / SECOND).toFixed(1)} s` : duration(milliseconds)
}

/** `3 min ago`, `in 40 s`, `just now` */
const relative = (at: Date, now: Date): string => {
  const past = now.getTime() - at.getTime()
  if (Math.abs(past) < SECOND) return 'just now'
  return past > 0 ? `${duration(past)} ago` : `in ${duration(-past)}`
}

/** `2026-11-25 04:45:07 UTC` */
const absolute = (at: Date): string =>
  at
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z/, ' UTC')

/** How long ago, with the time itself on hover and for machines. */
export const ago = (at: Date | null, now: Date): Html =>
  at === null
    ? html`<span class="none">–</span>`
    : html`<time datetime="${at.toISOString()}" title="${absolute(at)}">${relative(at, now)}</time>`

/** The time itself, with how long ago on hover. The console's script adds the reader's own time. */
export const moment = (at: Date | null, now: Date): Html =>
  at === null
    ? html`<span class="none">–</span>`
    : html`<time datetime="${at.toISOString()}" title="${relative(at, now)}">${absolute(at)}<span class="local"></span></time>`

/** `05:45` in UTC, for an axis. */
export const clockTime = (at: Date): Html =>
  html`<time datetime="${at.toISOString()}" title="${absolute(at)}">${at.toISOString().slice(11, 16)}</time>`

/** Text cut to at most this many characters, with an ellipsis where it was cut. */
export const cut = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most).toWellFormed()}…` : text
