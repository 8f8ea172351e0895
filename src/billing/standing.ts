import { by, greatest } from './compare.ts'
import {
  givesAccess,
  type Invoice,
  isEnd,
  isFull,
  paysPeriod,
  type Snapshot,
  type Status,
  type Subscription,
} from './facts.ts'
import { openedPeriods, type Period, type Upgrade } from './periods.ts'
import { isPriced, type Plan, planOf } from './plan.ts'
import { inOrder } from './snapshot-order.ts'

/** What follows from the facts about one subscription. */
export interface Standing {
  id: string
  /** Null until a fact shows it. */
  status: Status | null
  ended: boolean
  /** Null until a known price is seen. */
  plan: Plan | null
  /** It is going to end, with the period or at a fixed time. */
  cancels: boolean
  access: boolean
  /** It gave access at a known price, or was renewed. */
  begun: boolean
  periods: Map<number, Period>
  /** The latest period opened: the one that has a lot. */
  latest: Period | undefined
  upgrades: Upgrade[]
}

/** How a subscription stands towards the user's row of before (see `before.ts`). */
export interface Past {
  /** The oldest snapshot, when the row names the subscription. */
  oldest: Snapshot | null
  /** What was paid or begun before this time is in the row. */
  since: number
}

export const standingOf = (
  { id, snapshots, invoices, hadBegun }: Subscription,
  { oldest, since }: Past,
): Standing => {
  const ordered = inOrder(oldest === null ? snapshots.values() : [oldest, ...snapshots.values()])
  const newest = ordered.at(-1)
  const priced = ordered.filter(isPriced)
  const all = [...invoices.values()]
  const paid = all.filter(({ paidAt, reason }) => paidAt !== null && reason !== 'manual')
  const activated = paid.some(({ reason }) => paysPeriod(reason))

  const status = statusOf(newest, activated, all)
  const plan = planOf(priced, paid) ?? null
  const { periods, upgrades } = openedPeriods(priced, paid, since, !hadBegun)
  const gaveAccess = activated || ordered.some(({ state }) => givesAccess(state.status))
  return {
    id,
    status,
    ended: newest !== undefined && isEnd(newest.state.status),
    plan,
    cancels: newest !== undefined && (newest.state.flag || newest.state.cancelAt !== null),
    access: status !== null && givesAccess(status) && plan !== null,
    begun:
      hadBegun || (plan !== null && gaveAccess) || all.some(({ reason }) => reason === 'subscription_cycle'),
    periods,
    latest: greatest(
      periods.values(),
      by(({ start }) => start),
    ),
    upgrades,
  }
}

/**
 * The newest snapshot's status, but a paid invoice makes an unseen or incomplete subscription active, and a failing
 * one shows `past_due`. So a late payment revives nothing that has ended.
 */
const statusOf = (newest: Snapshot | undefined, activated: boolean, invoices: Invoice[]): Status | null => {
  const shown = newest?.state.status ?? null
  const status = activated && (shown === null || shown === 'incomplete') ? 'active' : shown
  return status !== null && isFull(status) && invoices.some((one) => isFailing(one, newest?.at ?? -1))
    ? 'past_due'
    : status
}

/** It failed after that time, and nobody has paid or closed it since. */
const isFailing = ({ reason, paidAt, failedAt, closedAt }: Invoice, after: number): boolean =>
  paysPeriod(reason) && paidAt === null && closedAt === null && failedAt !== null && failedAt > after

/** Whether its `created` event is known. It counts as unknown if the previous version of this service saw it. */
export const hasBeginning = ({ snapshots, hadBegun }: Subscription): boolean =>
  !hadBegun && snapshots.values().some(({ isCreated }) => isCreated)
