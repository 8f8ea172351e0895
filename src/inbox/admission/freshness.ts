import { Refusal } from './refusal.ts'

/**
 * Refuses a delivery signed too long ago or too far in the future. Called after the signature is checked, and
 * only at the edge: a replay from the inbox is never stale.
 *
 * @param signedAt unix seconds, as signed by the provider.
 * @param limits both in seconds.
 * @throws {Refusal} `stale`
 */
export const assertFresh = (
  signedAt: number,
  receivedAt: Date,
  limits: { maxAge: number; maxFuture: number },
  options: { statusCode?: number } = {},
): void => {
  // The signed time is in whole seconds, so the age is as well: a limit of 300 s includes the 300th.
  const age = Math.floor(receivedAt.getTime() / 1000) - signedAt
  if (age > limits.maxAge) {
    throw new Refusal('stale', `Signed more than ${limits.maxAge} seconds ago`, options)
  }
  if (age < -limits.maxFuture) {
    throw new Refusal('stale', `Signed more than ${limits.maxFuture} seconds in the future`, options)
  }
}
