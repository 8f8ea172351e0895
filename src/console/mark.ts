import type { Mark } from '../operations/marks.ts'
import { type Content, html } from './html.ts'

const WORDS: Record<Mark['kind'], string> = {
  start: 'the service started',
  stop: 'the service stopped',
  outage: 'the database was away',
  pause: 'paused',
}

/** Where a chart puts what it shows. */
interface Shown {
  placeOf: (at: Date) => number
  width: number
  height: number
  now: Date
}

const clock = (at: Date): string => at.toISOString().slice(11, 16)

/** Lasts until now when it is not over. */
const endOf = ({ kind, at, endedAt }: Mark, now: Date): Date => endedAt ?? (kind === 'pause' ? now : at)

const isShown = (mark: Mark, { placeOf, width, now }: Shown): boolean =>
  placeOf(endOf(mark, now)) >= 0 && placeOf(mark.at) <= width

const wordsOf = ({ kind, at, endedAt, detail }: Mark): string => {
  const until = endedAt === null ? '' : ` until ${clock(endedAt)}`
  return `${clock(at)} UTC: ${WORDS[kind]}${until}${detail === null ? '' : ` (${detail})`}`
}

/** A mark as a line or a band across the chart. */
export const markOf = (mark: Mark, shown: Shown): Content => {
  const { placeOf, width, height, now } = shown
  if (!isShown(mark, shown)) return undefined
  const from = Math.max(0, placeOf(mark.at))
  const to = Math.min(width, placeOf(endOf(mark, now)))
  return html`<g class="mark"><title>${wordsOf(mark)}</title><rect class="${mark.kind}" x="${from.toFixed(2)}" y="0" width="${Math.max(1.5, to - from).toFixed(2)}" height="${height}"/></g>`
}

/** Outages and pauses in words, for those who do not see the chart. */
export const markWords = (marks: Mark[], shown: Shown): string =>
  marks
    .filter((mark) => (mark.kind === 'outage' || mark.kind === 'pause') && isShown(mark, shown))
    .map(wordsOf)
    .join(', ')
