type Key = string | number | boolean

/** Compares by several keys; the first that differs decides. */
export const by =
  <T>(...keys: ((value: T) => Key)[]) =>
  (a: T, b: T): number => {
    for (const key of keys) {
      const [left, right] = [key(a), key(b)]
      if (left !== right) return left < right ? -1 : 1
    }
    return 0
  }

/** The greatest of them; undefined of an empty list. */
export const greatest = <T>(values: Iterable<T>, compare: (a: T, b: T) => number): T | undefined => {
  let best: T | undefined
  for (const value of values) if (best === undefined || compare(value, best) > 0) best = value
  return best
}
