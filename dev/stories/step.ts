import type { SignedRequest } from '../../src/simulators/signed-request.ts'

/** One delivery of the demo, and what the rules say it must do. */
export interface Step {
  title: string
  path: `/webhooks/${string}`
  request: SignedRequest
  /** `200 ok, 3 accepted, 0 duplicates`, `200 duplicate`, or status, code and message of a refusal. */
  answer: string
  /** The rows it changes, as `changes` words them, in any order. */
  changes: string[]
}

/** Something that happens to a customer, which Stripe reports in several deliveries. */
export interface BillingStep {
  title: string
  /** Of the user whose row is shown. */
  customer: string
  /** Credits spent before, by another service. */
  spent?: number
  requests: SignedRequest[]
  shows: BillingRow
}

/** What must show after it. */
export interface BillingRow {
  /** `4 new`, `4 known`. */
  deliveries: string
  tier: string
  status: string
  credits: string
  /** `renews 1 Dec`, `ends 1 Dec`. */
  period: string
  /** Subjects of the e-mails that reached the customer. */
  mails: string
}
