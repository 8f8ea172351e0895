import fc from 'fast-check'
import { eventsOf, type Generation, MONTH, OTHER, PRO, START, type StripeJson, TEAMS } from './events.ts'

const STEPS = [
  'pay',
  'renew',
  'fail',
  'recover',
  'upgrade',
  'downgrade',
  'unknown price',
  'cancel',
  'keep',
  'pause',
  'owe for good',
  'unknown status',
  'end',
] as const

/** What a subscription goes through, with the seconds that pass before each step. */
export interface Life {
  start: 'incomplete' | 'trialing' | 'active' | null
  price: string
  startsAt: number
  steps: { step: (typeof STEPS)[number]; after: number }[]
  generation: Generation
}

export const life: fc.Arbitrary<Life> = fc.record({
  start: fc.constantFrom('incomplete', 'trialing', 'active', null),
  price: fc.constantFrom(PRO, PRO, TEAMS, OTHER),
  startsAt: fc.constantFrom(0, 1, 10 * 86_400, MONTH),
  steps: fc.array(
    fc.record({ step: fc.constantFrom(...STEPS), after: fc.constantFrom(0, 0, 1, 2, 86_400) }),
    { maxLength: 9 },
  ),
  generation: fc.constantFrom('new', 'old'),
})

/** The events that Stripe makes of a life, in the order in which things happen. */
export const eventsOfLife = (
  user: number,
  id: string,
  { start, price, startsAt, steps, generation }: Life,
) => {
  const { subscription, invoice } = eventsOf(user, generation)
  const events: StripeJson[] = []
  let serial = 0
  const state = {
    status: start as string | null,
    price,
    period: START + startsAt,
    cancel: false,
    ended: false,
  }
  let at = state.period
  let reason = 'subscription_create'
  const eventId = () => `evt_${id}_${serial++}`
  const tell = (type: 'created' | 'updated' | 'deleted', previous?: string) =>
    events.push(
      subscription(type, {
        ...state,
        id,
        at,
        eventId: eventId(),
        ...(previous === undefined ? {} : { previous }),
      }),
    )
  const bill = (
    type: 'paid' | 'payment_succeeded' | 'payment_failed',
    fields: Parameters<typeof invoice>[1] = {},
  ) =>
    events.push(
      invoice(type, {
        subscription: id,
        price: state.price,
        period: state.period,
        reason,
        at,
        eventId: eventId(),
        ...fields,
      }),
    )
  const move = (fields: Partial<typeof state>) => {
    const previous = fields.price === undefined ? undefined : state.price
    Object.assign(state, fields)
    tell('updated', previous)
  }
  const pay = () => {
    bill('paid')
    bill('payment_succeeded')
    move({ status: 'active' })
  }
  const next = () => {
    state.period += MONTH
    at = Math.max(at, state.period)
    reason = 'subscription_cycle'
  }
  const change = (to: string) => {
    move({ price: to })
    bill('paid', { id: `in_${id}_${serial}`, reason: 'subscription_update', proration: true })
  }
  const does: Record<(typeof STEPS)[number], () => void> = {
    pay,
    renew: () => {
      next()
      pay()
    },
    fail: () => {
      next()
      bill('payment_failed', { nextAttempt: at + 86_400 })
      move({ status: 'past_due' })
    },
    recover: pay,
    upgrade: () => change(TEAMS),
    downgrade: () => change(PRO),
    'unknown price': () => change(OTHER),
    cancel: () => move({ cancel: true }),
    keep: () => move({ cancel: false }),
    pause: () => move({ status: 'paused' }),
    'owe for good': () => {
      bill('payment_failed', { attempts: 4 })
      move({ status: 'unpaid' })
    },
    'unknown status': () => move({ status: 'dormant' }),
    end: () => {
      Object.assign(state, {
        status: start === 'incomplete' ? 'incomplete_expired' : 'canceled',
        ended: true,
      })
      tell(start === 'incomplete' ? 'updated' : 'deleted')
    },
  }

  tell('created')
  for (const { step, after } of steps) {
    if (state.ended) break
    at += after
    does[step]()
  }
  return events
}
