import { HMAC, type LocalPost } from '../local-post.ts'

export const stripeLocalPost: LocalPost = {
  keyVariable: 'STRIPE_WEBHOOK_SECRET',
  contentType: 'application/json; charset=utf-8',
  body: (kept) => kept,
  bodyOfOne: (payload) => payload,
  sign: [`v1=$({ printf '%s.' "$t"; cat "$body"; } | ${HMAC})`],
  headers: ['stripe-signature: t=$t,v1=$v1'],
}
