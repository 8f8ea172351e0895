/** A delivery as a provider puts it on the wire: what a provider's `sign.ts` makes. */
export interface SignedRequest {
  headers: Record<string, string>
  body: Buffer
}
