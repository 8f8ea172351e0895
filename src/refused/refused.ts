import type { FastifyRequest } from 'fastify'
import type { Refusal, RefusalReason } from '../inbox/admission/refusal.ts'
import type { Provider } from '../inbox/provider.ts'
import { createDeferred } from './deferred.ts'
import { judge } from './judge.ts'
import { keptParts, plainHeaders, type RefusedDelivery, startOf } from './kept.ts'

/** Refused deliveries on their way to their table. */
export interface RefusedDeliveries {
  /** Keeps a refused delivery, if it is among the first of its minute. Costs nothing otherwise. */
  keep: (request: FastifyRequest, provider: Provider, refusal: Refusal) => void
  /** Signed deliveries that got 503. */
  deferred: ReturnType<typeof createDeferred>
  /** Returns what was kept and starts again empty. */
  take: () => RefusedDelivery[]
  /** Takes back what could not be stored. */
  giveBack: (deliveries: RefusedDelivery[]) => void
}

/** The most that are kept per provider and reason in a minute: more would show nothing new. */
export const MAX_A_MINUTE = 20
/** The most that are kept per provider and reason in all. */
export const MAX_KEPT = 50

/**
 * @param options.maxFuture seconds, as the deliveries' freshness is judged.
 * @param options.onKept called when there is something to store.
 */
export const createRefusedDeliveries = ({
  clock,
  maxFuture,
  onKept,
}: {
  clock: () => Date
  maxFuture: number
  onKept: () => void
}): RefusedDeliveries => {
  let kept: RefusedDelivery[] = []
  let minute = 0
  const ofMinute = new Map<string, number>()

  const mayKeep = (provider: string, reason: RefusalReason, at: Date): boolean => {
    const now = Math.floor(at.getTime() / 60_000)
    if (now !== minute) ofMinute.clear()
    minute = now
    const key = `${provider} ${reason}`
    const count = ofMinute.get(key) ?? 0
    if (count >= MAX_A_MINUTE) return false
    ofMinute.set(key, count + 1)
    return true
  }

  const put = (deliveries: RefusedDelivery[]): void => {
    const groups = Map.groupBy(deliveries, ({ provider, reason }) => `${provider} ${reason}`)
    // During a long outage of Postgres the newest are kept.
    kept = [...groups.values()].flatMap((ofGroup) => ofGroup.slice(-MAX_KEPT))
  }

  const deferred = createDeferred(clock)

  return {
    deferred,
    keep: (request, provider, refusal) => {
      const { verified } = request
      if (refusal.statusCode === 503 && verified !== null) {
        deferred.add(provider.name, verified)
        onKept()
      }
      const refusedAt = clock()
      if (!mayKeep(provider.name, refusal.reason, refusedAt)) return
      const start = startOf(request)
      const delivery = { body: request.body, headers: plainHeaders(request), at: refusedAt }
      // After the answer: a large body takes some milliseconds.
      setImmediate(() => {
        put([
          ...kept,
          {
            provider: provider.name,
            reason: refusal.reason,
            refusedAt,
            ...keptParts(request, start(), provider),
            ...judge(provider, refusal, delivery, maxFuture),
          },
        ])
        onKept()
      })
    },
    take: () => {
      const taken = kept
      kept = []
      return taken
    },
    giveBack: (deliveries) => put([...deliveries, ...kept]),
  }
}
