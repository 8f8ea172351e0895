import type { SignedRequest } from '../../src/providers/signed-request.ts'

/** One delivery of the demo, and what the rules say it must do. */
export interface Step {
  title: string
  path: `/webhooks/${string}`
  request: SignedRequest
  /** `200 ok, 3 accepted, 0 duplicates`, `200 duplicate`, or status, code and message of a refusal. */
  answer: string
  /** The rows it changes, as `changes` tells them, in any order. */
  changes: string[]
}
