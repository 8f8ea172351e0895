import type { Measured } from './measure.ts'

export const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** The median of each figure by itself. */
export const medianOf = (each: Measured[]): Measured => mergeAll(each) as Measured

const mergeAll = (values: unknown[]): unknown => {
  const [first] = values
  if (typeof first === 'number') return median(values as number[])
  if (typeof first !== 'object' || first === null) return first
  return Object.fromEntries(
    Object.keys(first).map((key) => [
      key,
      mergeAll(values.map((value) => (value as Record<string, unknown>)[key])),
    ]),
  )
}
