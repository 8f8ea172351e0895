import { styleText } from 'node:util'
import { say } from '../harness/say.ts'
import { markdownTable, textTable } from '../src/text-table.ts'
import type { Result } from './scenario.ts'

/** One scenario's table. */
export const sayResult = (result: Result): void => {
  say('')
  for (const line of textTable(result.rows, (column) => column > 0)) say(`  ${line}`)
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
  for (const line of markdownTable([header, ...lines])) say(line)
}
