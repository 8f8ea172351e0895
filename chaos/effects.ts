import type pg from 'pg'

/** Countable facts in the domain tables: `clicks of outreach 7` -> 3, `outreach 7 is bounced` -> 1. */
export type Effects = Map<string, number>

/** Adds to one fact's count. */
export const add = (effects: Effects, fact: string, by = 1): void => {
  effects.set(fact, (effects.get(fact) ?? 0) + by)
}

/** Reads facts from the database. @param queries each selects `fact` and `count`. */
export const findEffects = async (db: pg.Pool, ...queries: string[]): Promise<Effects> => {
  const effects: Effects = new Map()
  for (const query of queries) {
    const { rows } = await db.query<{ fact: string; count: number }>(query)
    for (const { fact, count } of rows) add(effects, fact, count)
  }
  return effects
}

const total = (effects: Effects): number => effects.values().reduce((sum, count) => sum + count, 0)

export interface Comparison {
  expected: number
  found: number
  /** Effects that should be there and are not. */
  lost: number
  /** Effects beyond those that should be there. */
  double: number
  /** Some of the facts that differ, as examples. */
  examples: string[]
}

/** Compares what acknowledged deliveries must have changed with what is found. */
export const compare = (expected: Effects, found: Effects): Comparison => {
  const comparison: Comparison = {
    expected: total(expected),
    found: total(found),
    lost: 0,
    double: 0,
    examples: [],
  }
  for (const fact of new Set([...expected.keys(), ...found.keys()])) {
    const wanted = expected.get(fact) ?? 0
    const got = found.get(fact) ?? 0
    comparison.lost += Math.max(0, wanted - got)
    comparison.double += Math.max(0, got - wanted)
    if (wanted !== got && comparison.examples.length < 10) {
      comparison.examples.push(`${fact}: expected ${wanted}, found ${got}`)
    }
  }
  return comparison
}
