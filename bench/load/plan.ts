import type { LoadedProvider } from './deliveries.ts'

/** What the load generator has to send. */
export interface Plan {
  /** The service's, one or several replicas; connections are spread over them. */
  ports: number[]
  provider: LoadedProvider
  /** Numbers of the first event; the plan sends `deliveries * eventsPerDelivery` from there on. */
  firstEvent: number
  deliveries: number
  eventsPerDelivery: number
  connections: number
  /** Deliveries per second, at random intervals; absent: each connection sends as soon as it is answered. */
  rate?: number
  /** Milliseconds after which it gives up; what is sent by then counts. */
  within: number
}

/** The result of a plan. Times are milliseconds since the epoch, in the order of sending. */
export interface Sent {
  sentAt: Float64Array
  /** 0 for a delivery that was not answered with 200. */
  answeredAt: Float64Array
  /** The answers that were not 200, by status. */
  refused: Record<string, number>
  cpuSeconds: number
  /** Part of the time in which the generator was busy, 0 to 1: near 1 it would be what limits. */
  busy: number
}

export type ToGenerator = { type: 'prepare' | 'run'; plan: Plan }
export type FromGenerator =
  | { type: 'prepared' }
  | { type: 'progress'; answered: number }
  | { type: 'sent'; sent: Sent }
