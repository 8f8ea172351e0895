import { stdin, stdout } from 'node:process'
import { createInterface } from 'node:readline/promises'
import { stripVTControlCharacters, styleText } from 'node:util'
import { textTable } from '../text-table.ts'
import { visible, visibleJson } from '../visible-text.ts'
import { CommandError } from './outcome.ts'

export type Cell = string | number | Date | null | undefined

const toText = (cell: Cell): string => {
  if (cell === null || cell === undefined) return '-'
  if (cell instanceof Date) return cell.toISOString().replace(/\.\d+Z$/, 'Z')
  return visible(String(cell)).replaceAll(/\s+/g, ' ')
}

/** A table with aligned columns; on a terminal its last column is cut to the width of the window. */
export const printTable = (columns: string[], rows: Cell[][]): void => {
  const cut = (line: string) =>
    stdout.isTTY && line.length > stdout.columns ? `${line.slice(0, stdout.columns - 1)}…` : line
  const [heading = '', ...lines] = textTable([columns, ...rows.map((row) => row.map(toText))]).map(cut)
  // styleText leaves colours out where there is no terminal.
  console.log(styleText('bold', heading))
  for (const line of lines) console.log(line)
}

/** `name  value` lines. */
export const printFields = (fields: [name: string, value: Cell][]): void => {
  const width = Math.max(...fields.map(([name]) => name.length))
  for (const [name, value] of fields)
    console.log(`${styleText('bold', name.padEnd(width))}  ${toText(value)}`)
}

export const printTitle = (text: string): void => console.log(`\n${styleText(['bold', 'underline'], text)}`)

export const printJson = (value: unknown): void => console.log(visibleJson(JSON.stringify(value, null, 2)))

/** Progress and remarks go to standard error, so that output can be piped. */
export const remark = (text: string): void => console.error(plain(text))

/** Text without characters that would control a terminal. */
export const plain = (text: string): string => visible(stripVTControlCharacters(text))

/** @throws {CommandError} when the answer is no, or when there is no terminal to ask on. */
export const confirm = async (question: string, yes: boolean | undefined): Promise<void> => {
  if (yes) return
  if (!stdin.isTTY)
    throw new CommandError(`${question}\nThere is no terminal to ask on: pass --yes to go ahead.`, 'usage')
  const terminal = createInterface({ input: stdin, output: process.stderr })
  try {
    const answer = await terminal.question(`${question} [y/N] `)
    if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError('Nothing was done.')
  } finally {
    terminal.close()
  }
}
