import type { FastifyBaseLogger } from 'fastify'
import type { ClaimedEvent } from '../provider.ts'

const MINUTE = 60_000

/** Log lines of which there can be thousands a minute, and of which one a minute is worth reading. */
export interface SeldomLines {
  /** Logs at once what was not logged within the last minute; what follows is counted into the next line. */
  add: (provider: string, message: string, events: Pick<ClaimedEvent, 'eventId'>[]) => void
  /** Logs what is counted and not yet logged. */
  end: () => void
}

interface Line {
  timer: NodeJS.Timeout
  /** Logs what was counted since the last line. @returns whether there was anything. */
  flush: () => boolean
  count: (events: Pick<ClaimedEvent, 'eventId'>[]) => void
}

export const createSeldomLines = (log: FastifyBaseLogger): SeldomLines => {
  const lines = new Map<string, Line>()

  const open = (provider: string, message: string, key: string): Line => {
    let events = 0
    let eventId: string | undefined
    const line: Line = {
      count: (more) => {
        events += more.length
        eventId = more.at(-1)?.eventId
      },
      flush: () => {
        if (events === 0) return false
        log.warn({ provider, events, eventId }, message)
        events = 0
        return true
      },
      timer: setInterval(() => {
        if (line.flush()) return
        clearInterval(line.timer)
        lines.delete(key)
      }, MINUTE).unref(),
    }
    lines.set(key, line)
    return line
  }

  return {
    add: (provider, message, events) => {
      if (events.length === 0) return
      const key = `${provider} ${message}`
      const known = lines.get(key)
      const line = known ?? open(provider, message, key)
      line.count(events)
      if (known === undefined) line.flush()
    },
    end: () => {
      for (const line of lines.values()) {
        line.flush()
        clearInterval(line.timer)
      }
      lines.clear()
    },
  }
}
