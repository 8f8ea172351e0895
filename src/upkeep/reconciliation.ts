import { and, asc, lt, ne } from 'drizzle-orm'
import { counted } from '../counted.ts'
import { queryBuilder } from '../db/query-builder.ts'
import { users } from '../db/schema.ts'
import { causeOf, inTransaction } from '../db/transaction.ts'
import { linkTo } from '../notifications/pages.ts'
import { pricesOf } from '../providers/stripe/prices.ts'
import { createStripeApi, describeApiError, isApiError } from '../providers/stripe/reconciliation/api.ts'
import {
  incomparable,
  type Reconciliation,
  reconcile,
  unsettled,
} from '../providers/stripe/reconciliation/reconcile.ts'
import type { Report, UpkeepContext, UpkeepTask } from './task.ts'

const DAY = 86_400_000
/** Stripe tries to deliver a renewal for as long. */
const DAYS_LATE = 3
/** Users named in an alert. */
const MAX_NAMED = 20

const PAGE = linkTo('reconciliation')

/** Every night: how many users differ from what Stripe has. Without a key to ask it: whose renewal did not arrive. */
export const reconciliation: UpkeepTask = {
  name: 'reconciliation',
  says: 'compared with Stripe',
  cron: '10 3 * * *',
  run: async (context) => {
    const { STRIPE_API_KEY } = context.config
    const { text, report } =
      STRIPE_API_KEY === undefined
        ? await findLateRenewals(context)
        : await compareWithStripe(context, STRIPE_API_KEY)
    if (text !== undefined) await alertBilling(context, text)
    return report
  },
}

interface Result {
  /** The message to the billing channel. */
  text: string | undefined
  report: Report[]
}

const compareWithStripe = async (
  { config, pool, now, signal }: UpkeepContext,
  STRIPE_API_KEY: string,
): Promise<Result> => {
  const api = { ...config, STRIPE_API_KEY }
  const found = await reconcile({
    stripe: createStripeApi(api),
    pool,
    prices: pricesOf(config),
    clock: () => now,
    signal,
  })
  signal.throwIfAborted() // another replica takes over
  const counts = countsOf(found)
  const { failure } = found
  const why =
    failure === undefined
      ? undefined
      : isApiError(failure)
        ? describeApiError(failure, api)
        : causeOf(failure).message
  return { text: textOf(found, why), report: [{ ...counts, failure: why ?? null }] }
}

const countsOf = (found: Reconciliation) => ({
  customers: found.customers,
  differ: unsettled(found) + found.usersWithoutCustomer.length,
  incomparable: incomparable(found),
})

const textOf = (found: Reconciliation, why: string | undefined): string => {
  const { customers, unknownPrices, usersWithoutCustomer } = found
  const [differ, unknown, without] = [unsettled(found), incomparable(found), usersWithoutCustomer.length]
  return [
    `🧾 Compared with Stripe: ${differ} of ${counted(customers, 'customer')} ${differ === 1 ? 'differs' : 'differ'}.`,
    unknown > 0 && `Stripe does not know ${unknown} of them.`,
    without > 0 && `${counted(without, 'user')} with a paid tier and without a customer id.`,
    unknownPrices.length > 0 &&
      `Prices that belong to no tier: ${unknownPrices.slice(0, MAX_NAMED).join(', ')}.`,
    why !== undefined && `Not every customer could be compared: ${why}.`,
    (differ + unknown + without > 0 || why !== undefined) &&
      `\`webhooks stripe reconcile\` shows them: ${PAGE}`,
  ]
    .filter((part) => part !== false)
    .join(' ')
}

const findLateRenewals = async ({ pool, now }: UpkeepContext): Promise<Result> => {
  const late = await queryBuilder(pool)
    .select({ id: users.id })
    .from(users)
    .where(
      and(
        ne(users.subscriptionTier, 'free'),
        lt(users.currentPeriodEnd, new Date(now.getTime() - DAYS_LATE * DAY)),
      ),
    )
    .orderBy(asc(users.id))
  const report = [{ late: late.length }]
  if (late.length === 0) return { text: undefined, report }
  const named = late.slice(0, MAX_NAMED).map(({ id }) => id)
  const text =
    `⏳ The paid period of ${counted(late.length, 'user')} ended over ${DAYS_LATE} days ago, and no renewal or end arrived: ` +
    `${named.join(', ')}${late.length > named.length ? ', …' : ''}. With STRIPE_API_KEY it can be repaired: ${PAGE}`
  return { text, report }
}

/** Once a day (UTC), however often the task is repeated. */
const alertBilling = ({ pool, enqueue, now }: UpkeepContext, text: string): Promise<void> =>
  inTransaction(pool, (tx) =>
    enqueue(tx, [
      {
        channel: 'slack',
        key: `stripe:reconciliation:${now.toISOString().slice(0, 10)}`,
        event: null,
        data: { channel: 'billing', text },
      },
    ]),
  )
