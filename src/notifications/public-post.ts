import { lookup } from 'node:dns'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { PermanentError } from './send.ts'

const TIMEOUT = 10_000

/** The IPv6 range that is assigned to hosts; the rest is for other uses, or not assigned yet. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Whether an address belongs to one host of the public internet: with any other, a stranger could reach into our
 * network. Addresses that stand for an IPv4 address behind a translator or a tunnel (6to4, Teredo, NAT64) do not count
 * as public.
 */
export const isPublicAddress = (address: string): boolean => {
  if (isIP(address) === 0) return false
  const parsed = ipaddr.process(address)
  return parsed.range() === 'unicast' && (parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_IPV6))
}

const isLoopback = (address: string): boolean =>
  isIP(address) !== 0 && ipaddr.process(address).range() === 'loopback'

export interface PublicPostOptions {
  headers: Record<string, string | number>
  body: Buffer
  signal: AbortSignal
  /** Services on this machine are allowed too, also over plain http. */
  thisMachine: boolean
}

/**
 * Posts to a URL that came from outside: https only, no redirects, a time-out for every wait, and never into a private
 * network. The address is checked when the connection is made (a new one each time), so no DNS answer can change in
 * between.
 *
 * @returns the status of the answer; its body is dropped.
 * @throws {PermanentError} when the address is not one to post to; any other error is the network's.
 */
export const publicPost = (url: URL, options: PublicPostOptions): Promise<number> => {
  const { thisMachine } = options
  const isAllowed = (address: string) => isPublicAddress(address) || (thisMachine && isLoopback(address))
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.protocol !== 'https:' && !(thisMachine && url.protocol === 'http:')) throw refused()
  // A host given as an IP address is connected to without a look-up.
  if (isIP(host) !== 0 && !isAllowed(host)) throw refused()

  const checkedLookup: LookupFunction = (hostname, lookupOptions, callback) =>
    lookup(hostname, { ...lookupOptions, all: true }, (error, found) => {
      const [first] = found ?? []
      if (error || first === undefined) return callback(error ?? refused(), [])
      if (!found.every(({ address }) => isAllowed(address))) return callback(refused(), [])
      return lookupOptions.all ? callback(null, found) : callback(null, first.address, first.family)
    })
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(TIMEOUT)])
    const sent = request(
      url,
      { method: 'POST', headers: options.headers, signal, lookup: checkedLookup, agent: false },
      (answer) => {
        answer.on('error', () => {}) // the status is known already
        answer.resume()
        resolve(answer.statusCode ?? 0)
      },
    )
    sent.on('error', reject)
    sent.end(options.body)
  })
}

const refused = () => new PermanentError('the URL is not that of a public https service')
