import fc from 'fast-check'
import {
  type Changed,
  eventsOf,
  type Generation,
  type InvoiceOptions,
  type InvoiceType,
  MONTH,
  OTHER,
  PRO,
  PRO_YEARLY,
  START,
  type StripeJson,
  TEAMS,
} from './events.ts'

const STEPS = [
  'pay',
  'renew',
  'renew, cut',
  'renew, shown before it is paid',
  'renew for nothing',
  'fail',
  'fail for good',
  'void',
  'upgrade',
  'upgrade, paid at once',
  'upgrade, declined',
  'upgrade, scheduled',
  'downgrade',
  'add another tier',
  'change to yearly',
  'begin a new period',
  'unknown price',
  'cancel',
  'keep',
  'cancel and keep',
  'pause',
  'resume',
  'owe for good',
  'unknown status',
  'invoice by hand',
  'end',
] as const
type Step = (typeof STEPS)[number]

const STARTS = ['incomplete', 'trialing', 'active', 'active, to be paid', 'unseen'] as const

/** What a subscription goes through, with the seconds that pass before each step. */
export interface Life {
  start: (typeof STARTS)[number]
  price: string
  startsAt: number
  steps: { step: Step; after: number }[]
  generation: Generation
}

export const life: fc.Arbitrary<Life> = fc.record({
  start: fc.constantFrom(...STARTS),
  price: fc.constantFrom(PRO, PRO, TEAMS, OTHER),
  startsAt: fc.constantFrom(0, 1, 10 * 86_400, MONTH),
  steps: fc.array(
    fc.record({ step: fc.constantFrom(...STEPS), after: fc.constantFrom(0, 0, 1, 2, 86_400) }),
    { maxLength: 8 },
  ),
  generation: fc.constantFrom('new', 'old'),
})

interface State {
  status: string
  prices: string[]
  period: number
  end: number
  cancel: boolean
}

/** The events that Stripe makes of a life, in the order in which things happen. */
export const eventsOfLife = (
  user: number,
  id: string,
  { start, price, startsAt, steps, generation }: Life,
): StripeJson[] => {
  const { subscription, invoice } = eventsOf(user, generation)
  const events: StripeJson[] = []
  let serial = 0
  const eventId = () => `evt_${id}_${serial++}`
  const status = start === 'active, to be paid' || start === 'unseen' ? 'active' : start
  const state: State = {
    status,
    prices: [price],
    period: START + startsAt,
    end: START + startsAt + MONTH,
    cancel: false,
  }
  const sendsInvoice = start === 'active, to be paid'
  let at = state.period
  let reason = 'subscription_create'
  let ended = false

  const tell = (type: 'created' | 'updated' | 'deleted', changed?: Changed) => {
    const { prices, period, end, cancel } = state
    const items = prices.map((one) => ({ price: one }))
    const shown = {
      id,
      status: state.status,
      items,
      period,
      end,
      cancel,
      sendsInvoice,
      at,
      eventId: eventId(),
    }
    events.push(subscription(type, { ...shown, ...(changed && { changed }) }))
  }
  const bill = (type: InvoiceType, fields: InvoiceOptions = {}) => {
    const { period, end, prices } = state
    const lines = prices.map((one) => ({ price: one, start: period, end }))
    const options = { subscription: id, period, lines, reason, at, eventId: eventId() }
    events.push(invoice(type, { ...options, ...fields }))
  }
  /** What changes, told with what it was before. */
  const move = (fields: Partial<State>) => {
    const changed: Changed = {
      ...(fields.status !== undefined && fields.status !== state.status && { status: state.status }),
      ...(fields.cancel !== undefined && fields.cancel !== state.cancel && { cancel: state.cancel }),
      ...(fields.prices !== undefined && { prices: state.prices }),
    }
    Object.assign(state, fields)
    tell('updated', changed)
  }
  const pay = (fields: InvoiceOptions = {}) => {
    const payment = { id: `in_${id}_${state.period}`, ...fields }
    bill('paid', payment)
    bill('payment_succeeded', payment)
    move({ status: 'active' })
  }
  const next = () => {
    state.period = state.end
    state.end += MONTH
    at = Math.max(at, state.period)
    reason = 'subscription_cycle'
  }
  const extra = () => `in_${id}_extra_${serial}`
  const prorations = (to: string) => [
    { price: state.prices[0] ?? PRO, start: at, end: state.end, amount: -2_000, proration: true },
    { price: to, start: at, end: state.end, amount: 9_000, proration: true },
  ]
  const changeTo = (to: string) => move({ prices: [to] })
  const does: Record<Step, () => void> = {
    pay,
    renew: () => {
      next()
      pay()
    },
    'renew, cut': () => {
      next()
      pay({ lines: prorations(TEAMS), cut: true })
    },
    'renew, shown before it is paid': () => {
      next()
      tell('updated', {})
      at += 3_600
      pay()
    },
    'renew for nothing': () => {
      next()
      pay({ lines: [{ price: state.prices[0] ?? PRO, start: state.period, end: state.end, amount: 0 }] })
    },
    fail: () => {
      next()
      bill('payment_failed', { id: `in_${id}_${state.period}`, nextAttempt: at + 86_400 })
      move({ status: 'past_due' })
    },
    'fail for good': () => {
      bill('payment_failed', { id: `in_${id}_${state.period}`, attempts: 4 })
      tell('updated', {})
    },
    void: () => bill('voided', { id: `in_${id}_${state.period}` }),
    upgrade: () => changeTo(TEAMS),
    'upgrade, paid at once': () => {
      const upgrade = { id: extra(), reason: 'subscription_update', lines: prorations(TEAMS) }
      changeTo(TEAMS)
      bill('paid', upgrade)
      bill('payment_succeeded', upgrade)
    },
    'upgrade, declined': () => {
      bill('payment_failed', { id: extra(), reason: 'subscription_update', lines: prorations(TEAMS) })
      move({ prices: [TEAMS], status: 'past_due' })
    },
    'upgrade, scheduled': () => {
      next()
      move({ prices: [TEAMS], status: 'past_due' })
      bill('payment_failed', { id: `in_${id}_${state.period}`, nextAttempt: at + 86_400 })
    },
    downgrade: () => changeTo(PRO),
    'add another tier': () => move({ prices: [...new Set([...state.prices, TEAMS, PRO])] }),
    'change to yearly': () => {
      state.period = at
      state.end = at + 365 * 86_400
      move({ prices: [PRO_YEARLY] })
      pay({ reason: 'subscription_update' })
    },
    'begin a new period': () => {
      state.period = at
      state.end = at + MONTH
      pay({ reason: 'subscription_update' })
    },
    'unknown price': () => changeTo(OTHER),
    cancel: () => move({ cancel: true }),
    keep: () => move({ cancel: false }),
    'cancel and keep': () => {
      move({ cancel: !state.cancel })
      move({ cancel: !state.cancel })
    },
    pause: () => move({ status: 'paused' }),
    resume: () => move({ status: 'active' }),
    'owe for good': () => {
      bill('payment_failed', { id: `in_${id}_${state.period}`, attempts: 4 })
      move({ status: 'unpaid' })
    },
    'unknown status': () => move({ status: 'dormant' }),
    'invoice by hand': () => bill('paid', { id: extra(), reason: 'manual' }),
    end: () => {
      const never = state.status === 'incomplete'
      state.status = never ? 'incomplete_expired' : 'canceled'
      ended = true
      tell(never ? 'updated' : 'deleted')
    },
  }

  if (start !== 'unseen') tell('created')
  for (const { step, after } of steps) {
    if (ended) break
    at += after
    does[step]()
  }
  return events
}
