import { Agent, request as httpRequest } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../harness/random.ts'
import type { ProviderName } from '../src/providers/index.ts'
import type { SignedRequest } from '../src/simulators/signed-request.ts'
import type { Parcel, Traffic } from './traffic/traffic.ts'

export interface LoadOptions {
  traffics: Traffic[]
  random: Random
  /** Deliveries begun in a second, all providers together. */
  rate: number
  /** Base URLs of the replicas. */
  targets: string[]
  /** To how many replicas each delivery is sent at once. */
  copies?: number
}

interface LoadCounts {
  /** Requests made, the repeated ones included. */
  sent: number
  /** Deliveries (each copy counts) that got their 200. */
  acknowledged: number
  /** Answers 503 with Retry-After: the provider tries again. */
  unavailable: number
  /** Those of them with the code for overload. */
  overloaded: number
  /** Any other answer than 200: always a fault. */
  wrong: Map<string, number>
  /** Connections refused or cut, and time-outs. */
  unanswered: number
  /** Requests that were wholly sent before a stop was asked for (see `mark`) and got no answer. */
  cut: number
  /** The longest wait for a 503, in milliseconds. */
  slowestRefusal: number
  /** The longest time without a 200 in which something failed, in milliseconds. */
  longestRecovery: number
  /** Waits for a 200, in milliseconds. */
  ackTimes: number[]
  /** When each target last answered 200, by `performance.now()`. */
  lastAck: Map<string, number>
}

/** Load that runs until it is stopped; what is not acknowledged is sent again, as the providers do. */
export interface Load {
  counts: LoadCounts
  /** The ids of all events made, by provider. */
  eventIds: ReadonlyMap<ProviderName, string[]>
  /** Deliveries not yet acknowledged. */
  open: () => number
  /** Sends one more delivery, like the others. */
  post: (parcel: Parcel) => void
  /** From now on, what was sent before and gets no answer counts as cut. */
  mark: () => void
  setRate: (rate: number) => void
  /** Makes no new deliveries; resolves once all are acknowledged. @throws when that takes too long. */
  finish: (withinSeconds?: number) => Promise<void>
}

/** Seconds between the tries of one delivery: the providers' schedules of minutes and hours, compressed. */
const RETRY_AFTER = [0.3, 0.6, 1, 2, 3, 3, 6]
/** Percentage of acknowledged deliveries that are sent again anyway, as happens with real ones. */
const REPEATED_PERCENT = 4
/** Providers give up on an answer after some seconds. */
const ANSWER_WITHIN = 15_000
/** With more open deliveries than this no new ones are made. */
export const MAX_OPEN = 4_000
export const startLoad = (options: LoadOptions): Load => {
  const { traffics, random, copies = 1 } = options
  const agent = new Agent({ keepAlive: true })
  const counts: LoadCounts = {
    sent: 0,
    acknowledged: 0,
    unavailable: 0,
    overloaded: 0,
    wrong: new Map(),
    unanswered: 0,
    cut: 0,
    slowestRefusal: 0,
    longestRecovery: 0,
    ackTimes: [],
    lastAck: new Map(),
  }
  const eventIds = new Map<ProviderName, string[]>(traffics.map(({ provider }) => [provider, []]))
  const weighted = traffics.flatMap((traffic) => Array<Traffic>(traffic.weight).fill(traffic))
  let open = 0
  let rate = options.rate
  let running = true
  let markedAt = 0
  let lastGood = performance.now()
  let failedSince = false

  /** @returns whether it was acknowledged. */
  const attempt = async (parcel: Parcel, target: string): Promise<boolean> => {
    counts.sent++
    const answer = await send(agent, target + parcel.path, parcel.request(new Date()))
    const took = performance.now() - answer.connectedAt
    if (answer.status === 200) {
      if (failedSince) {
        counts.longestRecovery = Math.max(counts.longestRecovery, performance.now() - lastGood)
      }
      failedSince = false
      lastGood = performance.now()
      counts.ackTimes.push(took)
      counts.lastAck.set(target, lastGood)
      return true
    }
    failedSince = true
    if (answer.status === undefined) {
      counts.unanswered++
      if (answer.writtenAt < markedAt) counts.cut++
    } else if (answer.status === 503 && answer.retryAfter) {
      counts.unavailable++
      if (answer.text.includes('WEBHOOK_OVERLOADED')) counts.overloaded++
      counts.slowestRefusal = Math.max(counts.slowestRefusal, took)
    } else {
      const what = `${answer.status}${answer.status === 503 ? ' without Retry-After' : ''}: ${answer.text.slice(0, 100)}`
      counts.wrong.set(what, 1 + (counts.wrong.get(what) ?? 0))
    }
    return false
  }

  const deliver = async (parcel: Parcel, first: string): Promise<void> => {
    open++
    let target = first
    for (let tries = 0; !(await attempt(parcel, target)); tries++) {
      const pause = RETRY_AFTER[Math.min(tries, RETRY_AFTER.length - 1)] ?? 1
      await sleep(pause * 1_000 * (0.7 + 0.6 * random.number()))
      target = random.pick(options.targets)
    }
    counts.acknowledged++
    if (random.percent(REPEATED_PERCENT)) await attempt(parcel, random.pick(options.targets))
    open--
  }

  const post = (parcel: Parcel): void => {
    eventIds.get(parcel.provider)?.push(...parcel.eventIds)
    const from = random.between(0, options.targets.length - 1)
    for (let copy = 0; copy < copies; copy++) {
      void deliver(parcel, options.targets[(from + copy) % options.targets.length] as string)
    }
  }

  const generate = async (): Promise<void> => {
    let owed = 0
    for (let at = performance.now(); running; ) {
      await sleep(5)
      const now = performance.now()
      owed = Math.min(owed + ((now - at) / 1_000) * rate, rate)
      at = now
      for (; owed >= 1; owed--) if (open < MAX_OPEN) post(random.pick(weighted).next())
    }
  }
  const generating = generate()

  return {
    counts,
    eventIds,
    open: () => open,
    post,
    mark: () => {
      markedAt = performance.now()
    },
    setRate: (next) => {
      rate = next
    },
    finish: async (withinSeconds = 90) => {
      running = false
      await generating
      for (const until = Date.now() + withinSeconds * 1_000; open > 0; await sleep(50)) {
        if (Date.now() > until) throw new Error(`${open} deliveries are still not acknowledged`)
      }
      agent.destroy()
    },
  }
}

interface Answer {
  /** Undefined when there is no answer. */
  status?: number
  retryAfter?: boolean
  text: string
  /** When it got a connection: waiting in the load's own pool is not the service's fault. */
  connectedAt: number
  /** When the whole request had left this process. */
  writtenAt: number
}

/** Posts one delivery. */
const send = (agent: Agent, url: string, { headers, body }: SignedRequest): Promise<Answer> =>
  new Promise((resolve) => {
    let connectedAt = Number.POSITIVE_INFINITY
    let writtenAt = Number.POSITIVE_INFINITY
    let text = ''
    const unanswered = () => resolve({ text, connectedAt, writtenAt })
    const outgoing = httpRequest(url, {
      agent,
      method: 'POST',
      headers: { ...headers, 'content-length': body.length },
      signal: AbortSignal.timeout(ANSWER_WITHIN),
    })
    outgoing.on('socket', () => {
      connectedAt = performance.now()
    })
    outgoing.on('finish', () => {
      writtenAt = performance.now()
    })
    outgoing.on('response', (response) => {
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          retryAfter: Number(response.headers['retry-after']) > 0,
          text,
          connectedAt,
          writtenAt,
        }),
      )
      response.on('error', unanswered)
    })
    outgoing.on('error', unanswered)
    outgoing.end(body)
  })
