import type { IncomingHttpHeaders } from 'node:http'

/**
 * Whether a request that changes something was sent by one of the console's pages. Browsers say so in `Sec-Fetch-Site`,
 * older ones in `Origin`; what says neither is refused, since a browser's login is sent along with whatever it posts.
 * @param host as the client named it, with its port.
 */
export const isSameOrigin = (headers: IncomingHttpHeaders, host: string): boolean => {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  const { origin } = headers
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host
}
