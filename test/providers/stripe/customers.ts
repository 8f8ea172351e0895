import type { Service } from '../../service.ts'
import { deliverInTurn, requested, seedUser } from './deliveries.ts'
import { eventsOf, type Generation } from './events.ts'

/** What a user's row says before the first event. */
export interface GivenRow {
  tier?: 'free' | 'pro' | 'teams'
  credits?: number
  subscription?: string
  status?: string
}

let last = 0

/** A fresh user with the row given, and the events of their customer. */
export const newCustomer = async (service: Service, given: GivenRow = {}, generation: Generation = 'new') => {
  const id = ++last
  await seedUser(service, id)
  await service.rows(
    `update users set subscription_tier = $2, credits_remaining = $3, stripe_subscription_id = $4,
       subscription_status = $5 where id = $1`,
    id,
    given.tier ?? 'free',
    given.credits ?? 0,
    given.subscription === undefined ? null : `${given.subscription}_${id}`,
    given.status ?? null,
  )
  const row = async () => (await service.rows('select * from users where id = $1', id))[0] ?? {}
  const ofUser = async (channel: 'email' | 'push' | 'slack', contains: string) =>
    (await requested(service, channel))
      .map(({ data }) => data)
      .filter((data) => JSON.stringify(data).includes(contains))
  return {
    id,
    customer: `cus_${id}`,
    ...eventsOf(id, generation),
    row,
    /** Tier, status and credits: what the user can do. */
    standing: async () => {
      const { subscription_tier, subscription_status, credits_remaining } = await row()
      return [subscription_tier, subscription_status, credits_remaining]
    },
    credits: async () => (await row()).credits_remaining,
    subscriptionRow: async (subscription = `sub_${id}`) =>
      (await service.rows('select * from subscriptions where id = $1', subscription))[0],
    /** The rows of the ledger, as key and credits. */
    grants: async () =>
      (
        await service.rows('select grant_key, credits from credit_grants where user_id = $1 order by 1', id)
      ).map(({ grant_key, credits }) => `${grant_key} ${credits}`),
    /** The templates of the e-mails requested for the user. */
    mails: async () => (await ofUser('email', `user${id}@example.com`)).map(({ template }) => template),
    /** Everything requested about the user: e-mails, pushes, alerts. */
    told: async () => [
      ...(await ofUser('email', `user${id}@example.com`)),
      ...(await ofUser('push', `"userId":"${id}"`)),
      ...(await ofUser('slack', `cus_${id}"`)),
      ...(await ofUser('slack', `user${id}@example.com`)),
    ],
    send: (...events: unknown[]) => deliverInTurn(service, ...events),
    spend: (credits: number) =>
      service.rows(
        'update users set credits_remaining = greatest(0, credits_remaining - $2) where id = $1',
        id,
        credits,
      ),
    /** What became of an event. */
    eventRow: async (eventId: string) =>
      (await service.rows('select * from webhook_events where event_id = $1', eventId))[0] ?? {},
  }
}
