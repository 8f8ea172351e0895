import type { RowChange } from '../db/row-change.ts'

/** A change of one column, in words. */
export interface ColumnChange {
  column: string
  before: string
  after: string
}

/** The columns that changed in a row, as people read them. */
export const changeWords = ({ before, after }: RowChange): ColumnChange[] =>
  Object.keys(after).map((column) => ({
    column,
    before: column in before ? inWords(before[column]) : 'not there',
    after: inWords(after[column]),
  }))

const inWords = (value: unknown): string => {
  if (value === null || value === undefined) return 'none'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
