import fc from 'fast-check'
import type { Row } from '../../src/billing/account.ts'
import { PRO, PRO_YEARLY, type StripeJson, TEAMS } from '../providers/stripe/events.ts'
import { eventsOfLife, type Life, life } from '../providers/stripe/lives.ts'

export const PRICES = new Map([
  [PRO, 'pro'],
  [PRO_YEARLY, 'pro'],
  [TEAMS, 'teams'],
] as const)

/** What happens to a user: an event comes, another service changes the credits, a reconciliation merges what it got. */
export type Happening =
  | { kind: 'event'; event: StripeJson }
  | { kind: 'change'; amount: number }
  | { kind: 'fetch'; object: object; at: number }
  | { kind: 'listed' }

/** Rows as another service may have left them before the first event. */
export const rowBefore: fc.Arbitrary<Row> = fc
  .record({
    tier: fc.constantFrom('free', 'free', 'pro', 'teams'),
    credits: fc.constantFrom(0, 25, 320, 500, 700, 2_000),
    subscriptionId: fc.constantFrom(null, null, '', 'sub_1_a', 'sub_1_b', 'sub_1_z'),
    status: fc.constantFrom(null, '', 'active', 'trialing', 'past_due', 'canceled', 'dormant'),
    periodEnd: fc.constantFrom(null, 1_793_491_200 + 86_400),
    cancels: fc.boolean(),
  })
  .map((row) => {
    if (row.tier === 'free') return { ...row, subscriptionId: null, status: null }
    // The model takes an empty status of a named subscription for one that nobody knows: see beginning.test.ts.
    return row.subscriptionId && row.status === '' ? { ...row, status: null } : row
  }) as fc.Arbitrary<Row>

export const lives: fc.Arbitrary<Life[]> = fc.array(life, { minLength: 1, maxLength: 3 })

export const eventsOfLives = (user: number, all: Life[]): StripeJson[] =>
  all.flatMap((one, n) => eventsOfLife(user, `sub_${user}_${'abc'[n]}`, one))

/** In another order, some of them more than once. */
export const mixed = <Event>(events: Event[]): fc.Arbitrary<Event[]> =>
  fc.shuffledSubarray([...events, ...events], { minLength: 0 }).chain((some) => {
    const missing = events.filter((event) => !some.includes(event))
    return fc.shuffledSubarray([...some, ...missing], { minLength: some.length + missing.length })
  })

/** Mostly as things happen, else in any order. */
const inSomeOrder = <Event extends { created: number }>(events: Event[]): fc.Arbitrary<Event[]> =>
  fc.oneof(fc.constant(events.toSorted((a, b) => a.created - b.created)), mixed(events))

/** A reconciliation sees subscriptions and invoices as some events showed them. */
const fetchOf = ({ data, created, type }: StripeJson): Happening => ({
  kind: 'fetch',
  at: created,
  object:
    data.object.object === 'invoice'
      ? {
          ...data.object,
          status: /paid|succeeded/.test(type) ? 'paid' : 'open',
          status_transitions: { paid_at: created },
        }
      : data.object,
})

/** Histories of one user: events in some order, with spending and reconciliation at any point. */
export const history: fc.Arbitrary<{ row: Row; happenings: Happening[] }> = fc
  .tuple(rowBefore, lives)
  .chain(([row, all]) =>
    inSomeOrder(eventsOfLives(1, all)).chain((events) =>
      fc
        .array(
          fc.record({
            change: fc.constantFrom(0, 0, -30, -400, -3_000, 50),
            fetches: fc.boolean(),
            isListed: fc.boolean(),
            rare: fc.nat(9),
          }),
          { minLength: events.length, maxLength: events.length },
        )
        .map((beside) => ({
          row,
          happenings: events.flatMap((event, n): Happening[] => {
            const { change = 0, fetches = false, isListed = false, rare = 0 } = beside[n] ?? {}
            return [
              { kind: 'change', amount: change },
              fetches && rare < 2 ? fetchOf(event) : { kind: 'event', event },
              ...(isListed && rare === 9 ? [{ kind: 'listed' } as const] : []),
            ]
          }),
        })),
    ),
  )

/**
 * Histories of one of several users: every event once, in some order, with spending at any point. What the model does
 * not know, an invoice that is closed, is left out.
 */
export const historyOf = (user: number): fc.Arbitrary<{ row: Row; happenings: Happening[] }> =>
  fc.tuple(rowBefore, lives, fc.boolean()).chain(([row, all, inTurn]) => {
    const events = eventsOfLives(user, all).filter(({ type }) => type !== 'invoice.voided')
    const order = inTurn
      ? fc.constant(events)
      : fc.shuffledSubarray(events, { minLength: events.length, maxLength: events.length })
    const own = row.subscriptionId?.replace('sub_1_', `sub_${user}_`) ?? null
    return order.chain((ordered) =>
      fc
        .array(fc.constantFrom(0, 0, -30, -400, -3_000, 50), {
          minLength: ordered.length,
          maxLength: ordered.length,
        })
        .map((amounts) => ({
          row: { ...row, subscriptionId: own },
          happenings: ordered.flatMap((event, n): Happening[] => [
            { kind: 'change', amount: amounts[n] ?? 0 },
            { kind: 'event', event },
          ]),
        })),
    )
  })
