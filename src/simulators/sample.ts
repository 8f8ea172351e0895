import type { SignedRequest } from './signed-request.ts'

/** What a made-up delivery is about. */
export interface SampleSubject {
  /** The outreach's id. */
  outreach: string
  /** Stripe's id of the customer. */
  customer: string
  /** The mailbox that outreach is sent from, and the address it goes to. */
  mailbox: string
  contact: string
  /** Stripe's id of the price. */
  price: string
}

/**
 * A made-up delivery: what it says, and how its provider signs it. A retry gets a new signature if the provider does
 * that.
 */
interface Sample {
  sign: (at: Date) => SignedRequest
}

/** The deliveries a provider can make up, by the name of their event. */
export type Samples = Record<string, (about: SampleSubject, at: Date) => Sample>
