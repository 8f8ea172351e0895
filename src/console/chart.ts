import type { CountedOutcome } from '../inbox/counts.ts'
import type { Mark } from '../operations/marks.ts'
import type { CountedStretch } from '../operations/overview.ts'
import { clockTime, number } from './format.ts'
import { type Html, html } from './html.ts'
import { markOf, markWords } from './mark.ts'

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
 * @param marks what was noted: lines across the chart, and bands for outages and pauses.
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
  const end = (last + 1) * stretch * MINUTE
  const width = stretches * (BAR + GAP) - GAP
  const placeOf = (at: Date) => ((at.getTime() - first) / (end - first)) * width
  const most = Math.max(...bars.map(({ total }) => total))
  const total = bars.reduce((sum, bar) => sum + bar.total, 0)
  const shown = { placeOf, width, height: HEIGHT, now }
  const words = markWords(marks, shown)
  return html`
<figure class="chart">
  <figcaption><span>${label}</span>${total === 0 && html`<span>no events</span>`}</figcaption>
  <div class="y" aria-hidden="true"><span>${total > 0 && number(most)}</span><span>0</span></div>
  <svg viewBox="0 0 ${width} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}: ${number(total)} events, at most ${number(most)} in ${stretch === 1 ? 'a minute' : `${stretch} minutes`}${words !== '' && `; ${words}`}">
    <line class="base" x1="0" x2="${width}" y1="${HEIGHT - 0.5}" y2="${HEIGHT - 0.5}"/>
    ${marks.map((mark) => markOf(mark, shown))}
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
  <div class="x" aria-hidden="true">${[first, (first + end) / 2].map((at) => clockTime(new Date(at)))}<span>${clockTime(new Date(end))} UTC</span></div>
</figure>`
}

const MARKS = { start: 'start, stop', outage: 'database away', pause: 'paused' }

/** What the colours of the bars and the marks mean. */
export const legend = (): Html => {
  const entry = (className: string, name: string, mark = false) =>
    html`<li><svg class="${mark && 'mark'}" viewBox="0 0 10 10" aria-hidden="true"><rect class="${className}" width="${mark && className === 'start' ? 3 : 10}" height="10" rx="${mark ? 0 : 3}"/></svg>${name}</li>`
  return html`<ul class="legend" aria-label="Colours of the bars and marks">${STACK.map((outcome) =>
    entry(outcome, outcome === 'failed' ? 'failed attempt' : outcome),
  )}${Object.entries(MARKS).map(([kind, name]) => entry(kind, name, true))}</ul>`
}
