import { type Compared, type CompareOptions, compareCustomer } from './compare.ts'
import { type Examined, findCustomers } from './customers.ts'

/** Customers looked at at the same time. Stripe allows a hundred requests a second in live mode, 25 in test mode. */
const CONCURRENCY = 3

/** What a reconciliation found. */
export interface Reconciliation {
  /** What differs was merged; else it was only compared. */
  applied: boolean
  /** Customers that were compared. */
  customers: number
  /** Those of them that are not the same here as at Stripe, or were not before it was applied. By customer id. */
  found: Exclude<Compared, { outcome: 'same' }>[]
  /** Prices that no tier knows, of subscriptions with access and paid invoices. */
  unknownPrices: string[]
  /** Users with a paid tier and no customer id, whom no subscription with access names either. */
  usersWithoutCustomer: string[]
  /** Why it broke off; undefined when it did not. What was applied before stays. */
  failure: unknown
}

export interface ReconcileOptions extends CompareOptions {
  /** Only this customer; else every paid user and every customer with a live subscription. */
  customerId?: string | undefined
  /** Aborted: it breaks off. */
  signal?: AbortSignal | undefined
  /** Called after every customer. */
  progress?: ((compared: number, of: number) => void) | undefined
}

/** Compares customers with what Stripe has, and applies that if it is asked to. Never throws: see `failure`. */
export const reconcile = async (options: ReconcileOptions): Promise<Reconciliation> => {
  const compared: Compared[] = []
  let examined: Examined = { customerIds: [], usersWithoutCustomer: [] }
  let failure: unknown
  try {
    examined = await examinedBy(options)
    await compareAll(examined.customerIds, options, (one) => {
      compared.push(one)
      options.progress?.(compared.length, examined.customerIds.length)
    })
  } catch (error) {
    failure = error
  }
  const owners = new Set(compared.flatMap(usersOf))
  return {
    applied: options.apply !== undefined,
    customers: compared.length,
    found: compared.flatMap((one) => (one.outcome === 'same' ? [] : one)).sort(byCustomer),
    unknownPrices: [...new Set(compared.flatMap(({ unknownPrices }) => unknownPrices))].sort(),
    usersWithoutCustomer: examined.usersWithoutCustomer.filter((userId) => !owners.has(userId)),
    failure,
  }
}

const examinedBy = async ({ customerId, stripe, pool }: ReconcileOptions): Promise<Examined> =>
  customerId === undefined
    ? findCustomers(stripe, pool)
    : { customerIds: [customerId], usersWithoutCustomer: [] }

const usersOf = (one: Compared): (string | null)[] => {
  if (one.outcome === 'differs') return [one.userId, ...one.differences.map(({ userId }) => userId)]
  return one.outcome === 'same' ? [one.userId] : []
}

const byCustomer = (a: Compared, b: Compared): number => (a.customerId < b.customerId ? -1 : 1)

/** Some at a time, until all are done or one fails. */
const compareAll = async (
  customerIds: string[],
  options: ReconcileOptions,
  done: (compared: Compared) => void,
): Promise<void> => {
  const left = customerIds.values()
  let broken = false
  const work = async () => {
    for (const customerId of left) {
      options.signal?.throwIfAborted()
      if (broken) return
      try {
        done(await compareCustomer(customerId, options))
      } catch (error) {
        broken = true
        throw error
      }
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: CONCURRENCY }, work))
  for (const worker of workers) if (worker.status === 'rejected') throw worker.reason
}

/** Customers that differ and that nothing has settled: with a user, or without one. */
export const unsettled = ({ found, applied }: Reconciliation): number =>
  found.filter(
    (one) =>
      one.outcome === 'no user' || (one.outcome === 'differs' && (!applied || one.remaining.length > 0)),
  ).length

/** Customers of whom merging what Stripe has settles something. */
export const mergeable = ({ found, applied }: Reconciliation): number =>
  applied
    ? 0
    : found.filter((one) => one.outcome === 'differs' && one.differences.length > one.remaining.length).length

/** Customers that could not be compared. */
export const incomparable = ({ found }: Reconciliation): number =>
  found.filter(({ outcome }) => outcome === 'not at Stripe').length

/** Customers to whom something was applied. */
export const applied = ({ found }: Reconciliation): number =>
  found.filter((one) => one.outcome === 'differs' && one.remaining.length < one.differences.length).length
