import { styleText } from 'node:util'
import { say } from '../harness/say.ts'
import type { Result } from './scenario.ts'

/** One scenario's table. */
export const sayResult = (result: Result): void => {
  const width = Math.max(...result.rows.map(([label]) => label.length))
  say('')
  for (const [label, value] of result.rows) say(`  ${label.padEnd(width)}  ${value.padStart(12)}`)
  for (const fault of result.faults) say(styleText('red', `  ✗ ${fault}`))
  if (result.faults.length === 0) say(styleText('green', '  ✓ nothing lost, nothing applied twice'))
  say('')
}

const SUMMARY = [
  'deliveries sent',
  'acknowledged',
  'events accepted',
  'effects expected',
  'effects found',
  'lost',
  'applied twice',
  '503 with Retry-After',
  'other 5xx',
  'longest recovery',
]

/** All scenarios side by side, as the README shows them. */
export const saySummary = (results: Result[]): void => {
  const header = ['scenario', ...SUMMARY]
  const lines = results.map(({ scenario, rows }) => {
    const values = new Map(rows)
    return [scenario, ...SUMMARY.map((label) => values.get(label) ?? '')]
  })
  const widths = header.map((label, column) =>
    Math.max(label.length, ...lines.map((line) => line[column]?.length ?? 0)),
  )
  const row = (cells: string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`
  say(row(header))
  say(
    `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`,
  )
  for (const line of lines) say(row(line))
}
