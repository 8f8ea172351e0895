import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BarChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { CONTESTANTS, type Contestant, WORKLOADS } from './comparison-names.ts'
import type { Measured } from './measure.ts'

// Draws the plots of docs/images, for light and for dark pages: npm run bench:plots -- [figures] [folder]
// The figures are what `npm run -s bench -- --json` printed.

use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

type Rows = Record<string, Measured>

/** What the benchmark prints with --json, as far as it is drawn. */
interface Printed {
  scenarios: { compare?: { results: Record<string, Rows> } }
}

interface Series {
  name: string
  values: (number | undefined)[]
}

interface Plot {
  title: string
  /** One bar, or stack of bars, each. */
  rows: string[]
  series: Series[]
  stacked?: boolean
}

const THEMES = {
  light: { text: '#1f2328', faint: '#d1d9e0', colours: ['#0969da', '#bf8700', '#8250df'] },
  dark: { text: '#f0f6fc', faint: '#3d444d', colours: ['#4493f8', '#d29922', '#ab7df8'] },
}
type Theme = (typeof THEMES)[keyof typeof THEMES]

/** Above it a number is shown without decimals. */
const EXACT_BELOW = 10

const shown = (value: number): string =>
  value.toLocaleString('en', { maximumFractionDigits: value < EXACT_BELOW ? 1 : 0 })

const svgOf = ({ title, rows, series, stacked = false }: Plot, { text, faint, colours }: Theme): string => {
  const label = { color: text, fontFamily: 'sans-serif', fontSize: 13 }
  const height = 110 + rows.length * (stacked ? 34 : 18 + 18 * series.length)
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 760, height })
  chart.setOption({
    animation: false,
    color: colours,
    title: { text: title, left: 12, top: 8, textStyle: { ...label, fontSize: 15, fontWeight: 'bold' } },
    ...(series.length > 1 && { legend: { bottom: 4, itemGap: 28, textStyle: label } }),
    grid: { left: 250, right: 60, top: 44, bottom: series.length > 1 ? 60 : 32 },
    xAxis: {
      type: 'value',
      axisLabel: { ...label, formatter: shown },
      splitLine: { lineStyle: { color: faint } },
    },
    yAxis: {
      type: 'category',
      inverse: true,
      data: rows,
      axisLabel: label,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: faint } },
    },
    series: series.map(({ name, values }) => ({
      name,
      type: 'bar' as const,
      barMaxWidth: 18,
      ...(stacked && { stack: 'all' }),
      data: values.map((value) => value ?? 0),
      label: {
        show: !stacked,
        position: 'right' as const,
        ...label,
        formatter: ({ value }: { value: unknown }) => shown(Number(value)),
      },
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

const rowsOf = (rows: Rows, contestants: Contestant[]): [string, Measured | undefined][] =>
  contestants.map((contestant) => [CONTESTANTS[contestant], rows[CONTESTANTS[contestant]]])

/** @throws Error when the figures lack the scenario `compare`. */
const plotsOf = ({ scenarios }: Printed): Record<string, Plot> => {
  const results = scenarios.compare?.results
  const fifty = results?.[WORKLOADS.fifty]
  if (results === undefined || fifty === undefined)
    throw new Error('These figures lack the scenario `compare`: npm run bench -- compare --json')
  const one = results[WORKLOADS.one] ?? {}
  const whole = rowsOf(fifty, ['service', 'bullmq', 'plain'])
  const costs = rowsOf(fifty, ['service', 'bullmq', 'plain', 'effects'])
  const accepted = (rows: Rows) => rowsOf(rows, ['service', 'bullmq', 'plain', 'verify'])
  return {
    throughput: {
      title: 'Events applied per second, 50 per delivery',
      rows: whole.map(([name]) => name),
      series: [{ name: 'applied per second', values: whole.map(([, measured]) => measured?.endToEnd) }],
    },
    cpu: {
      title: 'CPU seconds per million events, 50 per delivery',
      rows: costs.map(([name]) => name),
      stacked: true,
      series: (['service', 'postgres', 'redis'] as const).map((part) => ({
        name: { service: 'program', postgres: 'Postgres', redis: 'Redis' }[part],
        values: costs.map(([, measured]) => measured?.cpu[part]),
      })),
    },
    answers: {
      title: '99th percentile of the answer, ms, at full speed',
      rows: accepted(fifty).map(([name]) => name),
      series: [
        { name: '50 per delivery', values: accepted(fifty).map(([, measured]) => measured?.ack?.p99) },
        { name: '1 per delivery', values: accepted(one).map(([, measured]) => measured?.ack?.p99) },
      ],
    },
  }
}

const [figures = 'docs/figures.json', folder = 'docs/images'] = process.argv.slice(2)
const plots = plotsOf(JSON.parse(await readFile(figures, 'utf8')))
await mkdir(folder, { recursive: true })
for (const [name, plot] of Object.entries(plots)) {
  for (const [theme, colours] of Object.entries(THEMES)) {
    const path = join(folder, `${name}-${theme}.svg`)
    await writeFile(path, svgOf(plot, colours))
    console.log(path)
  }
}
