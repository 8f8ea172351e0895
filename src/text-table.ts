/** Which columns are padded on their left, as numbers are. */
type IsRight = (column: number) => boolean

const widthsOf = (rows: string[][]): number[] =>
  (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))

/** Each row's cells, padded to the width of their column. */
const padded = (rows: string[][], isRight: IsRight): string[][] => {
  const widths = widthsOf(rows)
  return rows.map((row) =>
    row.map((cell, column) =>
      isRight(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
    ),
  )
}

/** Lines with aligned columns, two spaces between them and none at the end. The first row is the heading. */
export const textTable = (rows: string[][], isRight: IsRight = () => false): string[] =>
  padded(rows, isRight).map((row) => row.join('  ').trimEnd())

/**
 * Lines of a Markdown table that reads well in a terminal, too. The first row is the heading; numbers follow the first
 * column.
 */
export const markdownTable = (rows: string[][]): string[] => {
  const isRight = (column: number) => column > 0
  const [head = [], ...body] = padded(rows, isRight).map((row) => `| ${row.join(' | ')} |`)
  const rule = widthsOf(rows).map((width, column) =>
    isRight(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  )
  return [String(head), `| ${rule.join(' | ')} |`, ...body]
}
