import { AsyncLocalStorage } from 'node:async_hooks'

/** What every line begins with, where several scenarios run at once. */
export const linePrefix = new AsyncLocalStorage<string>()

export const say = (text: string): void => console.log((linePrefix.getStore() ?? '') + text)

/** `1234567` -> `1,234,567`. */
export const shown = (count: number): string => count.toLocaleString('en-US')

/** The value below which this percentage of the values lie, rounded; 0 for an empty list. */
export const percentile = (values: number[], of100: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * of100) / 100))] ?? 0)
}
