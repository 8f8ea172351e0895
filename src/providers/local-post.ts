/**
 * How a kept delivery is posted to the reader's own service. The provider's signature cannot be used again: it was made
 * with the provider's key, and it expires. So the shell signs again, with the key of that service.
 */
export interface LocalPost {
  /** The variable with the key to sign with; without it the key of `npm run dev` is taken. */
  keyVariable: string
  contentType: string
  /** The body to post, from the one that is kept. */
  body: (kept: Buffer) => Buffer
  /** What a delivery of one event is kept as. */
  bodyOfOne: (payload: string) => string
  /** Shell lines: of `$key`, `$t` (Unix seconds) and the file `$body` they make what {@link headers} names. */
  sign: string[]
  /** Of the signature; in double quotes, so that the shell fills in what `sign` made. */
  headers: string[]
}

/** The HMAC in hex of what comes in. */
export const HMAC = `openssl dgst -sha256 -hmac "$key" -r | cut -d' ' -f1`
