import { lookup } from 'node:dns'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { PermanentError } from './send.ts'

const TIMEOUT = 10_000

/** Networks that no public service has: a stranger who names an address there wants into ours. */
const PRIVATE = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  ['::', 127],
  ['64:ff9b::', 96],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv6')
}
const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

export interface PublicPostOptions {
  headers: Record<string, string | number>
  body: Buffer
  signal: AbortSignal
  /** Services on this machine are allowed too, also over plain http. */
  thisMachine: boolean
}

/**
 * Posts to an address that came from outside: https only, no redirects, an end to every wait, and never into a
 * private network. The address is looked at when the connection is made (a new one each time), so no DNS answer can
 * change in between.
 *
 * @returns the status of the answer; its body is dropped.
 * @throws {PermanentError} when the address is not one to post to; any other error is the network's.
 */
export const publicPost = (url: URL, options: PublicPostOptions): Promise<number> => {
  const { thisMachine } = options
  const isAllowed = (address: string): boolean => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    return !PRIVATE.check(address, family) || (thisMachine && LOOPBACK.check(address, family))
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.protocol !== 'https:' && !(thisMachine && url.protocol === 'http:')) throw refused()
  // An address is connected to without a look-up.
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

const refused = () => new PermanentError('the address is none of a public https service')
