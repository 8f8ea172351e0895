import type { FastifyBaseLogger } from 'fastify'

type Fields = Record<string, unknown>

export interface Trouble {
  /**
   * Logs the first of a kind in a minute, or the first few; the others share one line at the end of the minute, with
   * their number as `repeated` and the fields of the last.
   *
   * @param options.of separates kinds that share a message: a provider, an error's code. From a closed list.
   * @param options.first lines of a kind in a minute, 1 by default.
   */
  report: (
    fields: Fields,
    message: string,
    options?: { of?: string; first?: number; level?: 'info' | 'warn' },
  ) => void
  /** Logs what is counted but not yet logged. */
  flush: () => void
}

const EVERY = 60_000

export const createTrouble = (log: FastifyBaseLogger): Trouble & { close: () => void } => {
  interface Kind {
    logged: number
    repeated: number
    say: (repeated: number) => void
    timer: NodeJS.Timeout
  }
  const kinds = new Map<string, Kind>()

  const flushOne = (kind: Kind) => {
    if (kind.repeated > 0) kind.say(kind.repeated)
    kind.repeated = 0
  }
  const minuteIsOver = (key: string, kind: Kind) => {
    if (kind.repeated === 0) return void kinds.delete(key)
    flushOne(kind)
    // It goes on: from now on a line a minute.
    kind.timer = setTimeout(minuteIsOver, EVERY, key, kind).unref()
  }
  const flush = () => {
    for (const kind of kinds.values()) flushOne(kind)
  }

  return {
    report: (fields, message, { of = '', first = 1, level = 'warn' } = {}) => {
      const key = `${level} ${message} ${of}`
      const say = (repeated: number) => log[level](repeated > 0 ? { ...fields, repeated } : fields, message)
      const kind = kinds.get(key)
      if (kind === undefined) {
        const begun: Kind = {
          logged: 1,
          repeated: 0,
          say,
          timer: setTimeout(() => minuteIsOver(key, begun), EVERY),
        }
        begun.timer.unref()
        kinds.set(key, begun)
        say(0)
      } else if (kind.logged < first) {
        kind.logged++
        say(0)
      } else {
        kind.repeated++
        kind.say = say
      }
    },
    flush,
    close: () => {
      flush()
      for (const { timer } of kinds.values()) clearTimeout(timer)
      kinds.clear()
    },
  }
}
