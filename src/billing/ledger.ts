import type { Derived } from './derive.ts'
import { lotKey } from './lots.ts'
import { CREDITS } from './tiers.ts'

/** A row of the ledger: a tier that was paid for, or shown in good standing, in a period that was opened. */
export interface Grant {
  /** `{subscription}:{period start}:{tier}` */
  key: string
  subscriptionId: string
  periodStart: number
  credits: number
  /** The earliest time that says so. */
  at: number
}

/** The rows of all opened periods, also older ones and those of ended subscriptions: the ledger only records. */
export const ledgerOf = ({ standings }: Pick<Derived, 'standings'>): Grant[] =>
  [...standings.values()].flatMap(({ id, periods }) =>
    [...periods.values()].flatMap(({ start, tiers }) =>
      [...tiers].map(([tier, at]) => ({
        key: `${lotKey(id, start)}:${tier}`,
        subscriptionId: id,
        periodStart: start,
        credits: CREDITS[tier],
        at,
      })),
    ),
  )
