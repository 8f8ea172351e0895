import type { StripeSigner } from '../../src/simulators/stripe/sign.ts'
import { eventsOf, MONTH, PRO, START, type StripeJson, TEAMS } from '../../test/providers/stripe/events.ts'
import type { BillingStep } from './step.ts'

const FAILED = 'Your RoleFerry payment did not go through'
const FINAL = 'Action needed: your RoleFerry payment failed'

/**
 * Stripe reports the life of Sam's subscription, with a declined upgrade and a second subscription on trial; then all
 * of it again; then the life of Kim's, backwards.
 */
export const stripeStory = (signer: StripeSigner, now: Date): BillingStep[] => {
  const sam = eventsOfCustomer('Sam')
  const kim = eventsOfCustomer('Kim')
  const signed = (events: StripeJson[]) => events.map((event) => signer.sign(JSON.stringify(event), now))
  const step = (
    title: string,
    events: StripeJson[],
    shows: BillingStep['shows'],
    spent = 0,
  ): BillingStep => ({
    title,
    customer: 'cus_Sam',
    spent,
    requests: signed(events),
    shows,
  })
  const active = { status: 'active', mails: '' }
  const ended = { tier: 'free', status: 'canceled', credits: '0', period: 'ends 30 Jan' }
  return [
    step('subscribes to Pro, the payment first', sam.subscribed, {
      ...active,
      deliveries: '4 new',
      tier: 'pro',
      credits: '500',
      period: 'renews 1 Dec',
      mails: 'Welcome to RoleFerry Pro!',
    }),
    step(
      'renews, 120 credits spent',
      sam.renewed,
      { ...active, deliveries: '3 new', tier: 'pro', credits: '500', period: 'renews 31 Dec' },
      120,
    ),
    step('the next payment fails', sam.failed, {
      deliveries: '2 new',
      tier: 'pro',
      status: 'past_due',
      credits: '500',
      period: 'renews 30 Jan',
      mails: FAILED,
    }),
    step('it succeeds at the second attempt', sam.recovered, {
      ...active,
      deliveries: '3 new',
      tier: 'pro',
      credits: '500',
      period: 'renews 30 Jan',
    }),
    step(
      'an upgrade is declined, 50 credits spent',
      sam.declined,
      { ...active, deliveries: '3 new', tier: 'pro', credits: '450', period: 'renews 30 Jan', mails: FINAL },
      50,
    ),
    step('a trial of Teams beside it', sam.trial, {
      deliveries: '1 new',
      tier: 'teams',
      status: 'trialing',
      credits: '2450',
      period: 'renews 29 Jan',
      mails: 'Welcome to RoleFerry Teams!',
    }),
    step(
      'it is cancelled, 700 credits spent of it',
      sam.trialEnded,
      {
        ...active,
        deliveries: '1 new',
        tier: 'pro',
        credits: '450',
        period: 'renews 30 Jan',
        mails: 'Your RoleFerry subscription has ended',
      },
      700,
    ),
    step(
      'upgrades to Teams, 150 credits spent',
      sam.upgraded,
      { ...active, deliveries: '2 new', tier: 'teams', credits: '1800', period: 'renews 30 Jan' },
      150,
    ),
    step('cancels', sam.cancelled, {
      ...active,
      deliveries: '1 new',
      tier: 'teams',
      credits: '1800',
      period: 'ends 30 Jan',
    }),
    step('the period ends', sam.ended, {
      ...ended,
      deliveries: '1 new',
      mails: 'Your RoleFerry subscription has ended',
    }),
    step('all of it again, the last first', Object.values(sam).flat().reverse(), {
      ...ended,
      deliveries: '21 known',
      mails: '',
    }),
    {
      title: 'Kim: up to the upgrade, the last first',
      customer: 'cus_Kim',
      requests: signed(
        [kim.subscribed, kim.renewed, kim.failed, kim.recovered, kim.upgraded].flat().reverse(),
      ),
      shows: {
        ...active,
        deliveries: '14 new',
        tier: 'teams',
        credits: '2000',
        period: 'renews 30 Jan',
        mails: 'Welcome to RoleFerry Teams!',
      },
    },
  ]
}

/** What Stripe reports about a customer, in the order in which it happens, except for the first payment. */
const eventsOfCustomer = (customer: string) => {
  const { subscription, invoice } = eventsOf(customer)
  const [second, third] = [START + MONTH, START + 2 * MONTH]
  const paid = { reason: 'subscription_create' }
  return {
    subscribed: [
      invoice('paid', paid),
      subscription('created', { status: 'incomplete' }),
      invoice('payment_succeeded', paid),
      subscription('updated', { at: START + 3 }),
    ],
    renewed: [
      subscription('updated', { period: second }),
      invoice('paid', { period: second }),
      invoice('payment_succeeded', { period: second }),
    ],
    failed: [
      invoice('payment_failed', { period: third, nextAttempt: third + 3 * 86_400 }),
      subscription('updated', { period: third, status: 'past_due', at: third + 3 }),
    ],
    recovered: [
      invoice('paid', { period: third, at: third + 3 * 86_400 }),
      invoice('payment_succeeded', { period: third, at: third + 3 * 86_400 }),
      subscription('updated', { period: third, at: third + 3 * 86_400 + 1 }),
    ],
    declined: [
      subscription('updated', {
        period: third,
        price: TEAMS,
        status: 'past_due',
        changed: { status: 'active', prices: [PRO] },
        at: third + 4 * 86_400,
      }),
      invoice('payment_failed', {
        id: `in_declined_${customer}`,
        reason: 'subscription_update',
        price: TEAMS,
        period: third,
        proration: true,
        at: third + 4 * 86_400,
      }),
      subscription('updated', {
        period: third,
        changed: { status: 'past_due', prices: [TEAMS] },
        at: third + 4 * 86_400 + 60,
      }),
    ],
    trial: [
      subscription('created', {
        id: `sub_trial_${customer}`,
        status: 'trialing',
        price: TEAMS,
        period: third + 4 * 86_400 + 120,
        end: third + MONTH - 60,
      }),
    ],
    trialEnded: [
      subscription('deleted', {
        id: `sub_trial_${customer}`,
        price: TEAMS,
        period: third + 4 * 86_400 + 120,
        end: third + MONTH - 60,
        at: third + 4 * 86_400 + 3_600,
      }),
    ],
    upgraded: [
      subscription('updated', { period: third, price: TEAMS, previous: PRO, at: third + 5 * 86_400 }),
      invoice('paid', {
        id: `in_upgrade_${customer}`,
        reason: 'subscription_update',
        price: TEAMS,
        period: third,
        proration: true,
        at: third + 5 * 86_400 + 1,
      }),
    ],
    cancelled: [
      subscription('updated', { period: third, price: TEAMS, cancel: true, at: third + 6 * 86_400 }),
    ],
    ended: [subscription('deleted', { period: third, price: TEAMS, cancel: true, at: third + MONTH })],
  }
}
