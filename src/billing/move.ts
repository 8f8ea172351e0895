import type { Account } from './account.ts'
import { writeRow } from './apply.ts'
import { beforeOf, LOT_BEFORE } from './before.ts'
import { derive } from './derive.ts'
import { isLotOf, settle } from './lots.ts'

interface Both {
  from: Account
  to: Account
}

/**
 * Moves a subscription to the account that its customer id has moved to, with all that is known of it and what was
 * spent of its lots. Both rows are derived from what is left: one user has the plan and its credits, the other has lost them.
 *
 * @returns undefined when the account that the customer id left knows nothing of the subscription.
 */
export const moveSubscription = (id: string, { from, to }: Both): Both | undefined => {
  const { heir, lots } = derive(from)
  // The row of before stands for the subscription.
  const isBefore = heir?.id === id || from.first.subscriptionId === id
  if (!from.subscriptions.has(id) && !isBefore) return undefined
  const [leaving, taking] = [settle(from, lots), settle(to, derive(to).lots)]
  const subscriptions = new Map(leaving.subscriptions)
  const subscription = subscriptions.get(id)
  subscriptions.delete(id)
  const [spentHere, spentThere] = [new Map(leaving.spent), new Map(taking.spent)]
  for (const [key, credits] of leaving.spent) {
    if (!isLotOf(key, id)) continue
    spentHere.delete(key)
    spentThere.set(key, credits)
  }
  const moved = {
    from: { ...leaving, subscriptions, spent: spentHere },
    to: {
      ...taking,
      subscriptions: subscription
        ? new Map(taking.subscriptions).set(id, subscription)
        : taking.subscriptions,
      spent: spentThere,
    },
  }
  if (isBefore) moveBefore(id, moved)
  return { from: rewritten(moved.from), to: rewritten(moved.to) }
}

/** Its tier and credits go along. */
const moveBefore = (id: string, moved: Both): void => {
  const { from, to } = moved
  if (beforeOf(from) !== null && beforeOf(to) === null) {
    const spent = new Map(to.spent).set(LOT_BEFORE, from.spent.get(LOT_BEFORE) ?? 0)
    moved.to = { ...to, first: { ...from.first, subscriptionId: id }, spent }
  }
  const spent = new Map(from.spent)
  spent.delete(LOT_BEFORE)
  const first = {
    ...from.first,
    tier: 'free',
    status: null,
    subscriptionId: null,
    periodEnd: null,
    cancels: false,
  } as const
  moved.from = { ...from, first, spent }
}

const rewritten = (account: Account): Account => writeRow(account, derive(account))
