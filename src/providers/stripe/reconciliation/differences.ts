import type { Account, Row } from '../../../billing/account.ts'
import { derive } from '../../../billing/derive.ts'
import { ledgerOf } from '../../../billing/ledger.ts'

/** One thing that is not here as Stripe has it. */
export interface Difference {
  /** A column of the user's row, `subscription sub_…`, or `period sub_…:{start}:{tier}` of the ledger. */
  what: string
  here: string | null
  stripe: string | null
}

const COLUMNS = {
  tier: 'tier',
  status: 'status',
  subscriptionId: 'subscription',
  periodEnd: 'period end',
  cancels: 'cancels',
  credits: 'credits',
} as const satisfies Record<keyof Row, string>

/** What changes when everything that Stripe has is merged into an account. @param here with the row as it is. */
export const differencesOf = (here: Account, merged: Account): Difference[] => [
  ...rowDifferences(here.row, merged.row),
  ...derivedDifferences(describeDerived(here), describeDerived(merged)),
]

const rowDifferences = (here: Row, merged: Row): Difference[] =>
  (Object.keys(COLUMNS) as (keyof Row)[])
    .map((column) => ({
      what: COLUMNS[column],
      here: textOf(column, here),
      stripe: textOf(column, merged),
    }))
    .filter((one) => one.here !== one.stripe)

const textOf = (column: keyof Row, row: Row): string | null => {
  const value = row[column]
  if (value === null) return null
  return column === 'periodEnd' ? timeText(Number(value)) : String(value)
}

const timeText = (seconds: number): string => new Date(seconds * 1_000).toISOString().replace('.000Z', 'Z')

/** Subscriptions and rows of the ledger, a text for each. */
const describeDerived = (account: Account): Map<string, string> => {
  const derived = derive(account)
  const subscriptions = [...derived.standings.values()].map(({ id, status, plan }) => {
    const until = plan?.end ? ` until ${timeText(plan.end)}` : ''
    return [`subscription ${id}`, `${plan?.tier ?? 'unknown price'} ${status ?? 'unknown'}${until}`] as const
  })
  const periods = ledgerOf(derived).map(
    ({ key, credits }) => [`period ${key}`, `${credits} credits`] as const,
  )
  return new Map([...subscriptions, ...periods])
}

const derivedDifferences = (here: Map<string, string>, merged: Map<string, string>): Difference[] =>
  [...new Set([...here.keys(), ...merged.keys()])]
    .map((what) => ({ what, here: here.get(what) ?? null, stripe: merged.get(what) ?? null }))
    .filter((one) => one.here !== one.stripe)

/** Subscriptions that have access here, of which Stripe has nothing. No fact can settle that. */
export const missingAtStripe = (account: Account, atStripe: ReadonlySet<string>): Difference[] =>
  [...derive(account).standings.values()]
    .filter(({ id, access }) => access && !atStripe.has(id))
    .map(({ id, status }) => ({ what: `subscription ${id}`, here: status, stripe: null }))
