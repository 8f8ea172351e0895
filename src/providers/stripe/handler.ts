import type { LogDetails } from '../../inbox/provider.ts'
import type { Notification } from '../../notifications/queues.ts'
import type { Account } from './facts.ts'
import type { HandledType, StripeEvent } from './payload.ts'
import type { Prices } from './tiers.ts'

/** What the rules need besides the event and the account. */
export interface Context {
  prices: Prices
  log: (level: 'info' | 'warn', message: string, details?: LogDetails) => void
  notify: (notification: Request) => void
}

/** A notification, before the inbox row that causes it is added. */
type Request = Notification extends infer N ? (N extends unknown ? Omit<N, 'event'> : never) : never

/** Merges what one event tells into the account. What follows from it is derived afterwards, in `apply.ts`. */
export type Handler<T extends HandledType> = (
  event: StripeEvent<T>,
  account: Account,
  context: Context,
) => void

/** One for every type; the payload of each is the one that the package gives it. */
export type Handlers = { [T in HandledType]: Handler<T> }
