import type { FastifyBaseLogger } from 'fastify'

type Fields = Record<string, unknown>

export interface Trouble {
  /**
   * Logs the first of a kind in a minute, or the first few; the others share one line at the end of the minute, with
   * their number as `repeated` and the fields of the last.
   *
   * @param options.of separates kinds that share a message: a provider, an error's code. From a closed list.
   * @param options.first lines of a kind in a minute, 1 by default.
   * @param options.events how many events it is about: each line has the number of those since the line before as
   * `events`, in place of `repeated`.
   */
  report: (
    fields: Fields,
    message: string,
    options?: { of?: string; first?: number; level?: 'info' | 'warn'; events?: number },
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
    report: (fields, message, { of = '', first = 1, level = 'warn', events } = {}) => {
      const key = `${level} ${message} ${of}`
      const say = (count: number) => {
        const name = events === undefined ? 'repeated' : 'events'
        log[level](count > 0 ? { ...fields, [name]: count } : fields, message)
      }
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
        say(events ?? 0)
      } else if (kind.logged < first) {
        kind.logged++
        say(events ?? 0)
      } else {
        kind.repeated += events ?? 1
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
