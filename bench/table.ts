import { styleText } from 'node:util'
import { markdownTable } from '../src/text-table.ts'
import type { Measured } from './measure.ts'
import { isMet, type Target } from './targets.ts'

const number = (value: number | undefined, digits = 0): string =>
  value === undefined || Number.isNaN(value)
    ? '–'
    : value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** Milliseconds: with a decimal while they are few. */
const time = (value: number | undefined): string => number(value, value !== undefined && value < 10 ? 1 : 0)

const COLUMNS: [title: string, cell: (measured: Measured) => string][] = [
  ['accepted/s', ({ accepted }) => number(accepted)],
  ['end to end/s', ({ endToEnd }) => number(endToEnd)],
  ['ack p50 ms', ({ ack }) => time(ack?.p50)],
  ['p99', ({ ack }) => time(ack?.p99)],
  ['p99.9', ({ ack }) => time(ack?.p999)],
  ['lag p99 ms', ({ lag }) => time(lag?.p99)],
  ['peak MiB', ({ memory }) => number(memory)],
  ['CPU s/M events', ({ cpu }) => number(cpu.service)],
  ['Postgres', ({ cpu }) => number(cpu.postgres)],
  ['Redis', ({ cpu }) => number(cpu.redis)],
  ['log B/event', ({ log }) => number(log)],
  ['disk', ({ disk }) => number(disk)],
  [
    'generator',
    ({ generatorBusy }) => (generatorBusy === undefined ? '–' : `${number(generatorBusy * 100)} %`),
  ],
]

/** Lines of a table that is readable in a terminal and as Markdown. */
export const tableOf = (rows: Record<string, Measured>): string[] => {
  const cells = [
    ['events', ...COLUMNS.map(([title]) => title)],
    ...Object.entries(rows).map(([name, measured]) => [name, ...COLUMNS.map(([, cell]) => cell(measured))]),
  ]
  return markdownTable(cells)
}

export const targetsTable = (targets: Target[]): string[] =>
  markdownTable([
    ['target', 'measured', 'floor', 'goal', ''],
    ...targets.map((target) => {
      const sign = target.less ? '≤' : '≥'
      const bound = (value: number) => `${sign} ${number(value, value < 10 ? 2 : 0)}`
      return [
        target.says,
        number(target.value, target.value < 10 ? 2 : 1),
        bound(target.floor),
        bound(target.goal),
        verdict(target),
      ]
    }),
  ])

const verdict = (target: Target): string => {
  if (isMet(target, target.goal)) return styleText('green', 'met')
  const part = target.less ? target.goal / target.value : target.value / target.goal
  const distance = `${number(part * 100)} % of the goal`
  return isMet(target, target.floor)
    ? styleText('yellow', distance)
    : styleText('red', `${distance}, below the floor`)
}
