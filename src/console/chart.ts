import type { CountedOutcome } from '../inbox/counts.ts'
import type { Mark } from '../operations/marks.ts'
import type { CountedStretch } from '../operations/overview.ts'
import { number } from './format.ts'
import { type Content, type Html, html } from './html.ts'

/** What a bar is made of, from the bottom up. */
const STACK = ['processed', 'ignored', 'skipped', 'failed', 'dead'] as const satisfies CountedOutcome[]

const HEIGHT = 56
const BAR = 6
const GAP = 2
const MINUTE = 60_000

/**
 * Events over time as bars, one per stretch, stacked by how they ended. Attributes only: the page's policy allows no
 * inline style.
 *
 * @param counts of one provider.
 * @param marks what the service noted: lines across the chart, and a band for an outage.
 * @param stretch in minutes.
 * @param stretches how many, the last one being the one that `now` is in.
 */
export const chart = (
  label: string,
  counts: CountedStretch[],
  { now, stretch, stretches, marks }: { now: Date; stretch: number; stretches: number; marks: Mark[] },
): Html => {
  const last = Math.floor(now.getTime() / (stretch * MINUTE))
  const bars = Array.from({ length: stretches }, (_, index) => {
    const from = (last - stretches + 1 + index) * stretch * MINUTE
    const within = counts.filter((count) => count.from.getTime() === from)
    const parts = STACK.map((outcome) => ({
      outcome,
      count: within.filter((one) => one.outcome === outcome).reduce((sum, one) => sum + one.count, 0),
    }))
    return { from: new Date(from), parts, total: parts.reduce((sum, { count }) => sum + count, 0) }
  })
  const first = (last - stretches + 1) * stretch * MINUTE
  const width = stretches * (BAR + GAP) - GAP
  const placeOf = (at: Date) => ((at.getTime() - first) / (stretches * stretch * MINUTE)) * width
  const most = Math.max(...bars.map(({ total }) => total))
  const total = bars.reduce((sum, bar) => sum + bar.total, 0)
  return html`
<figure class="chart">
  <svg viewBox="0 0 ${width} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}: ${number(total)} events, at most ${number(most)} in ${stretch === 1 ? 'a minute' : `${stretch} minutes`}">
    <line class="base" x1="0" x2="${width}" y1="${HEIGHT - 0.5}" y2="${HEIGHT - 0.5}"/>
    ${marks.map((mark) => markOf(mark, placeOf, width))}
    ${bars.map(({ from, parts, total: ofBar }, index) => {
      let top = HEIGHT
      return (
        ofBar > 0 &&
        html`<g><title>${from.toISOString().slice(11, 16)} UTC: ${parts
          .filter(({ count }) => count > 0)
          .map(({ outcome, count }) => `${number(count)} ${outcome}`)
          .join(', ')}</title>${parts.map(({ outcome, count }) => {
          if (count === 0) return undefined
          // A single dead event among thousands must still be seen.
          const height = Math.max(1.5, (count / most) * (HEIGHT - 4))
          top -= height
          return html`<rect class="${outcome}" x="${index * (BAR + GAP)}" y="${Math.max(0, top).toFixed(2)}" width="${BAR}" height="${height.toFixed(2)}"/>`
        })}</g>`
      )
    })}
  </svg>
  <figcaption><span>${label}</span><span class="most">${total === 0 ? 'none' : `peak ${number(most)}`}</span></figcaption>
</figure>`
}

const WORDS: Record<Mark['kind'], string> = {
  start: 'the service started',
  stop: 'the service stopped',
  outage: 'the database was away',
}

const markOf = (mark: Mark, placeOf: (at: Date) => number, width: number): Content => {
  const { kind, at, endedAt, detail } = mark
  const from = Math.max(0, placeOf(at))
  const to = endedAt === null ? from : Math.min(width, placeOf(endedAt))
  if (to < 0 || from > width || (endedAt === null && placeOf(at) < 0)) return undefined
  const title = `${at.toISOString().slice(11, 16)} UTC: ${WORDS[kind]}${detail === null ? '' : ` (${detail})`}`
  return html`<g class="mark"><title>${title}</title><rect class="${kind}" x="${from.toFixed(2)}" y="0" width="${Math.max(1.5, to - from).toFixed(2)}" height="${HEIGHT}"/></g>`
}

/** What the colours of the bars mean. */
export const legend = (): Html =>
  html`<ul class="legend" aria-label="Colours of the bars">${STACK.map(
    (outcome) =>
      html`<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="${outcome}" width="10" height="10" rx="3"/></svg>${
        outcome === 'failed' ? 'failed attempt' : outcome
      }</li>`,
  )}</ul>`
