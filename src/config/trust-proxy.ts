import { isIP } from 'node:net'
import proxyAddr from '@fastify/proxy-addr'
import { z } from 'zod'
import { withoutPort } from '../sender-network.ts'

/** Whether `X-Forwarded-For` is believed from this address, `hop` machines in front of the service (from 0). */
export type TrustProxy = boolean | ((address: string, hop: number) => boolean)

/** `true`, `false`, a number of hops, or addresses and networks. */
export const trustProxy = z.string().transform((text, context): TrustProxy => {
  if (text === 'true' || text === 'false') return text === 'true'
  if (/^\d{1,3}$/.test(text)) return (_address, hop) => hop < Number(text)
  const networks = text.split(/[\s,]+/).filter((part) => part !== '')
  try {
    if (!networks.every(isWritten)) throw new TypeError('an address in an old form, like 10.1')
    const trusts = proxyAddr.compile(networks)
    // Some proxies add the port.
    return (address, hop) => trusts(withoutPort(address), hop)
  } catch {
    context.addIssue({
      code: 'custom',
      message: 'expected true, false, the number of proxies, or their addresses and networks (10.0.0.0/8,…)',
    })
    return z.NEVER
  }
})

/** The package also accepts `1.5` as an address. */
const isWritten = (network: string): boolean =>
  /^(loopback|linklocal|uniquelocal)$/.test(network) || isIP(network.split('/')[0] ?? '') !== 0
