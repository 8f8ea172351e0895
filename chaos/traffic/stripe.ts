import type { Random } from '../../harness/random.ts'
import { createStripeSigner } from '../../src/simulators/stripe/sign.ts'
import {
  eventsOf,
  GENERATIONS,
  MONTH,
  PRO,
  START,
  type StripeJson,
  TEAMS,
} from '../../test/providers/stripe/events.ts'
import { add, type Effects, findEffects } from '../effects.ts'
import type { Traffic } from './traffic.ts'

const CUSTOMERS = 5_000
/** Their users' ids begin here. */
const FIRST = 10_000
/** Subscriptions that live at the same time; when one ends, another customer's begins. */
const ALIVE = 100

const TIERS: Record<string, { name: string; credits: number }> = {
  [PRO]: { name: 'pro', credits: 500 },
  [TEAMS]: { name: 'teams', credits: 2_000 },
}

/** The state after a customer's events, in the order in which things happened. */
interface State {
  status: string
  price: string
  period: number
  /** Of the latest period that was paid for. */
  credits: number
  /** A renewal has failed. */
  failed: boolean
}

/** Subscriptions from their start to their end: paid, renewed, failing, recovered, upgraded, cancelled. */
export const createStripeTraffic = (random: Random): Traffic => {
  const signer = createStripeSigner()
  const facts: Effects = new Map()
  const states = new Map<number, State>()
  let serial = 0
  let customers = 0

  /** One customer's events in the order in which things happen. The effect of each is noted before it is yielded. */
  function* live(user: number): Generator<StripeJson> {
    const { subscription, invoice } = eventsOf(user, random.pick(GENERATIONS))
    const id = `sub_${user}`
    const start = random.pick(['incomplete', 'trialing', 'active'])
    const state: State = {
      status: start,
      price: random.pick([PRO, PRO, TEAMS]),
      period: START + random.between(0, MONTH),
      credits: 0,
      failed: false,
    }
    states.set(user, state)
    let at = state.period
    let reason = 'subscription_create'
    const stamp = () => {
      at += random.between(1, 100)
      return { at, eventId: `evt_chaos_${++serial}_${random.between(0, 1e9)}` }
    }
    const grant = () => {
      const { name, credits } = TIERS[state.price] as (typeof TIERS)[string]
      facts.set(`${credits} credits granted for ${id}:${state.period}:${name}`, 1)
      state.credits = credits
    }
    const tell = (type: 'created' | 'updated' | 'deleted', previous?: string) =>
      subscription(type, {
        ...state,
        ...stamp(),
        id,
        ...(previous === undefined ? {} : { previous }),
      })
    const bill = (type: 'paid' | 'payment_succeeded' | 'payment_failed', proration = false) => {
      const invoiceId = `in_${user}_${state.period}${proration ? '_upgrade' : ''}`
      const event = invoice(type, {
        ...stamp(),
        id: invoiceId,
        subscription: id,
        price: state.price,
        period: state.period,
        reason: proration ? 'subscription_update' : reason,
        proration,
      })
      facts.set(`invoice ${invoiceId} ${type === 'payment_failed' ? 'failed' : 'paid'}`, 1)
      return event
    }
    function* pay() {
      grant()
      const paid = bill('paid')
      if (state.status === 'incomplete') state.status = 'active'
      yield paid
      yield bill('payment_succeeded')
      state.status = 'active'
      yield tell('updated')
    }

    if (start !== 'incomplete') grant()
    yield tell('created')
    yield* pay()
    while (!random.percent(15)) {
      state.period += MONTH
      at = Math.max(at, state.period)
      reason = 'subscription_cycle'
      if (random.percent(25)) {
        state.status = 'past_due'
        state.failed = true
        yield bill('payment_failed')
        yield tell('updated')
      }
      yield* pay()
      if (state.price === PRO && random.percent(25)) {
        state.price = TEAMS
        grant()
        yield tell('updated', PRO)
        yield bill('paid', true)
      }
    }
    state.status = 'canceled'
    state.credits = 0
    yield tell('deleted')
  }

  const begin = () => live(FIRST + customers++)
  const alive = Array.from({ length: ALIVE }, begin)

  const makeEvent = (): StripeJson => {
    const place = random.between(0, ALIVE - 1)
    for (;;) {
      const next = alive[place]?.next()
      if (next?.done === false) return next.value
      alive[place] = begin()
    }
  }

  return {
    provider: 'stripe',
    env: { STRIPE_WEBHOOK_SECRET: signer.secret, STRIPE_PRICE_PRO: PRO, STRIPE_PRICE_TEAMS: TEAMS },
    weight: 2,
    seed: async (db) => {
      await db.query(
        `insert into users (id, email, stripe_customer_id)
         select n, 'customer' || n || '@example.com', 'cus_' || n
         from generate_series(${FIRST}, ${FIRST + CUSTOMERS - 1}) n`,
      )
    },
    next: () => {
      const event = makeEvent()
      const body = JSON.stringify(event, null, 2) // as Stripe writes it
      return {
        provider: 'stripe',
        path: '/webhooks/stripe',
        eventIds: [event.id],
        request: (at) => signer.sign(body, at),
      }
    },
    expected: () => {
      const all = new Map(facts)
      for (const [user, { status, price, credits, failed }] of states) {
        const access = status !== 'incomplete' && status !== 'canceled'
        const tier = access ? TIERS[price]?.name : 'free'
        add(all, `user ${user} is ${tier}, ${status}, ${credits} credits`)
        if (access && !failed) add(all, `welcomes for sub_${user}`)
      }
      return all
    },
    found: (db) =>
      findEffects(
        db,
        `select credits || ' credits granted for ' || grant_key as fact, 1 as count from credit_grants`,
        `select 'invoice ' || id || ' ' || what as fact, 1 as count
         from invoices, lateral (values ('paid', paid_at), ('failed', failed_at)) as v(what, at) where at is not null`,
        `select 'user ' || id || ' is ' || subscription_tier || ', ' || subscription_status || ', '
                || credits_remaining || ' credits' as fact, 1 as count
         from users where subscription_status is not null`,
        // If the end was processed before anything that shows a beginning, no farewell is due.
        `select 'second farewell for ' || split_part(key, ':', 3) as fact, count(distinct job_id)::int - 1 as count
         from event_notifications where key like 'stripe:ended:%' group by split_part(key, ':', 3)
         having count(distinct job_id) > 1`,
        // No welcome is due when the end was processed before the first event that gives access, or when a failed
        // renewal came first, since that subscription had begun earlier.
        `select 'welcomes for ' || s.id as fact, count(*)::int as count
         from event_notifications n join subscriptions s on n.key = 'stripe:welcome:' || s.id
         where s.status <> 'canceled'
           and not exists (select from invoices i where i.subscription_id = s.id and i.failed_at is not null)
         group by s.id`,
      ),
  }
}
