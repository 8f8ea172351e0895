/** A source of chance that gives the same sequence for the same seed. */
export interface Random {
  /** From 0, below 1. */
  number: () => number
  /** A whole number from `least` to `most`. */
  between: (least: number, most: number) => number
  pick: <T>(from: readonly T[]) => T
  /** True with this probability, in percent. */
  percent: (of100: number) => boolean
  bytes: (length: number) => Buffer
}

/** Mulberry32: small, fast, and good enough to choose test cases. Not for secrets. */
export const createRandom = (seed: number): Random => {
  let state = seed >>> 0
  const number = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (least: number, most: number) => least + Math.floor(number() * (most - least + 1))
  return {
    number,
    between,
    pick: <T>(from: readonly T[]): T => from[between(0, from.length - 1)] as T,
    percent: (of100) => number() * 100 < of100,
    bytes: (length) => Buffer.from(Array.from({ length }, () => between(0, 255))),
  }
}
