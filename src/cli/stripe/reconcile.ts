import { Command, InvalidArgumentError } from 'commander'
import type pg from 'pg'
import { PgBoss } from 'pg-boss'
import { ConfigError } from '../../config/error.ts'
import { type ReconciliationConfig, readReconciliationConfig } from '../../config.ts'
import { counted } from '../../counted.ts'
import { causeOf } from '../../db/transaction.ts'
import { enqueue } from '../../notifications/queues.ts'
import { pricesOf } from '../../providers/stripe/prices.ts'
import { createStripeApi, describeApiError, isApiError } from '../../providers/stripe/reconciliation/api.ts'
import type { CompareOptions } from '../../providers/stripe/reconciliation/compare.ts'
import {
  applied,
  incomparable,
  mergeable,
  type Reconciliation,
  reconcile,
  unsettled,
} from '../../providers/stripe/reconciliation/reconcile.ts'
import { note } from '../note.ts'
import { CommandError } from '../outcome.ts'
import { type Cell, plain, printJson, printTable, remark } from '../output.ts'
import { jsonOption, optionalReason } from '../selection.ts'
import { withDatabase } from '../stores.ts'

interface Options {
  apply?: boolean
  customer?: string
  reason: string
  json?: boolean
}

/** Customers between two lines of progress. */
const PROGRESS_EVERY = 100

export const reconcileCommand = (): Command =>
  new Command('reconcile')
    .description('compare users with their subscriptions and paid invoices at Stripe')
    .option('--apply', 'merge what Stripe has; without this, only compare')
    .option('--customer <id>', 'only this customer (cus_…)', readCustomer)
    .addOption(optionalReason())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Needs STRIPE_API_KEY and the prices of both tiers. Looks at every user with a paid tier, and at every customer with a
live subscription. You can repeat it. No notification is sent for facts older than a day.
Exit codes: 0 nothing differs, or it was applied; 1 something differs; 4 something could not be compared.`,
    )
    .action(run)

const readCustomer = (text: string): string => {
  if (!/^cus_\w{1,200}$/.test(text)) throw new InvalidArgumentError('Expected the id of a customer: cus_…')
  return text
}

const run = async ({ apply, customer, reason, json }: Options): Promise<void> => {
  const config = readReconciliationConfig(process.env)
  const found = await withComparison(config, apply === true, async (options) => {
    const ended = await reconcile({
      ...options,
      customerId: customer,
      progress: (compared, of) => {
        if (compared % PROGRESS_EVERY === 0 || compared === of)
          remark(`${compared} of ${of} customers compared`)
      },
    })
    if (apply) {
      const change = { action: 'reconcile', subject: customer ?? null, affected: applied(ended) } as const
      await note(options.pool, change, reason)
    }
    return ended
  })
  const failure = failureOf(found, config)
  if (json) printJson({ ...found, failure: failure ?? null })
  else print(found)
  if (failure !== undefined) throw new CommandError(failure, 'incomparable')
  if (incomparable(found) > 0) {
    throw new CommandError(
      'Stripe does not know all of these customers: does the key belong to this account and mode?',
      'incomparable',
    )
  }
  const left = unsettled(found) + found.usersWithoutCustomer.length
  if (left > 0) {
    throw new CommandError(
      `${left} ${found.applied ? 'still ' : ''}${left === 1 ? 'differs' : 'differ'}. ${adviceOn(found, left)}`,
    )
  }
}

const adviceOn = (found: Reconciliation, left: number): string => {
  const settled = mergeable(found)
  const others = 'docs/stripe-reconciliation.md says for each line of the table what to do.'
  if (settled === 0) return `Merging what Stripe has cannot settle that: ${others}`
  return settled === left
    ? '--apply merges what Stripe has.'
    : `--apply merges what Stripe has, which settles ${settled} of them. ${others}`
}

/** Runs `work` with the service's database and Stripe's API. Whatever fails, nothing could be compared. */
const withComparison = async (
  config: ReconciliationConfig,
  apply: boolean,
  work: (options: CompareOptions) => Promise<Reconciliation>,
): Promise<Reconciliation> => {
  const comparison = { stripe: createStripeApi(config), prices: pricesOf(config), clock: () => new Date() }
  let found: Reconciliation | undefined
  try {
    await withDatabase(async (pool) => {
      if (!apply) found = await work({ ...comparison, pool })
      else
        await withQueue(pool, async (queue) => {
          found = await work({ ...comparison, pool, apply: queue })
        })
    })
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new CommandError(plain(causeOf(error).message), 'incomparable')
  }
  if (found === undefined) throw new CommandError('Nothing was compared.', 'incomparable')
  return found
}

/** Runs `work` with the queue of notifications, which the running service works off. */
const withQueue = async (
  pool: pg.Pool,
  work: (enqueueIn: NonNullable<CompareOptions['apply']>) => Promise<void>,
): Promise<void> => {
  const boss = new PgBoss({
    db: { executeSql: (text, values) => pool.query(text, values) },
    supervise: false,
    schedule: false,
    migrate: false,
    createSchema: false,
  })
  await boss.start()
  try {
    await work((tx, notifications) => enqueue(boss, tx, notifications))
  } finally {
    await boss.stop({ graceful: false })
  }
}

/** Why the command broke off, without the key. */
const failureOf = ({ failure }: Reconciliation, config: ReconciliationConfig): string | undefined => {
  if (failure === undefined) return undefined
  const why = isApiError(failure) ? describeApiError(failure, config) : causeOf(failure).message
  return plain(`Not every customer could be compared: ${why}`)
}

const print = ({ customers, found, unknownPrices, usersWithoutCustomer }: Reconciliation): void => {
  const rows = [
    ...found.flatMap(rowsOf),
    ...usersWithoutCustomer.map((userId) => [userId, null, 'has a paid tier and no customer id', null, null]),
  ]
  if (rows.length > 0) printTable(['user', 'customer', 'what', 'here', 'Stripe'], rows)
  for (const price of unknownPrices) {
    remark(plain(`${price} is no price of a tier: add it to STRIPE_PRICE_PRO or STRIPE_PRICE_TEAMS.`))
  }
  remark(`${counted(customers, 'customer')} compared, ${found.length} with differences.`)
}

const rowsOf = (one: Reconciliation['found'][number]): Cell[][] => {
  const { customerId } = one
  if (one.outcome === 'not at Stripe') return [[null, customerId, 'unknown at Stripe', null, null]]
  if (one.outcome === 'no user') {
    return one.subscriptions.map(({ id, status }) => [null, customerId, `no user for ${id}`, null, status])
  }
  return one.differences.map(({ userId, what, here, stripe }) => [userId, customerId, what, here, stripe])
}
