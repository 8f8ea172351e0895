import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPublicAddress } from '../../src/notifications/public-post.ts'

/** An address in hex with this many fixed leading bits, the others any. */
const within = (network: string, prefix: number) =>
  fc.bigInt({ min: 0n, max: (1n << BigInt(128 - prefix)) - 1n }).map((host) => {
    const all = (BigInt(`0x${network.padEnd(32, '0')}`) | host).toString(16).padStart(32, '0')
    return all.match(/.{4}/g)?.join(':') ?? ''
  })
const ipv4Within = (network: string, prefix: number) =>
  fc.nat({ max: 2 ** (32 - prefix) - 1 }).map((host) => {
    const base = network.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
    return [24, 16, 8, 0].map((shift) => Math.floor((base + host) / 2 ** shift) % 256).join('.')
  })

describe('no address is public in', () => {
  test.each([
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
  ] as const)('%s/%i, written as IPv4 or mapped into IPv6', (network, prefix) => {
    fc.assert(
      fc.property(ipv4Within(network, prefix), (address) => {
        expect(isPublicAddress(address), address).toBe(false)
        expect(isPublicAddress(`::ffff:${address}`)).toBe(false)
      }),
    )
  })
  test.each([
    ['00000000000000000000', 96, '::/96, which stood for IPv4'],
    ['00000000000000000000ffff', 112, 'mapped 0.0.0.0/16'],
    ['0000000000000000ffff0000', 96, '::ffff:0:0:0/96, translated'],
    ['0064ff9b000000000000', 96, '64:ff9b::/96, NAT64'],
    ['0064ff9b0001', 48, '64:ff9b:1::/48, NAT64 of one’s own'],
    ['0100', 64, '100::/64, thrown away'],
    ['20010000', 32, '2001::/32, Teredo'],
    ['20010002', 48, '2001:2::/48, benchmarks'],
    ['20010db8', 32, '2001:db8::/32, documentation'],
    ['2002', 16, '2002::/16, 6to4'],
    ['3fff0', 20, '3fff::/20, documentation'],
    ['4', 4, '4000::/4, not given to anybody'],
    ['fc', 7, 'fc00::/7, local'],
    ['fe8', 10, 'fe80::/10, this link'],
    ['fec', 10, 'fec0::/10, this site'],
    ['ff', 8, 'ff00::/8, many at once'],
  ] as const)('%s/%i (%s)', (network, prefix, _what) => {
    fc.assert(
      fc.property(within(network, prefix), (address) => {
        expect(isPublicAddress(address), address).toBe(false)
      }),
    )
  })
  test.each(['::', '::1', 'fe80::1%eth0', '', 'localhost', '1', '0x7f.1', '8.8.8.8.example'])(
    '%j',
    (address) => {
      expect(isPublicAddress(address)).toBe(false)
    },
  )
})

test.each([
  '8.8.8.8',
  '1.1.1.1',
  '100.128.0.1',
  '172.32.0.1',
  '2606:4700::1111',
  '2a00:1450:4001::200e',
  '::ffff:8.8.8.8',
])('%s is public', (address) => expect(isPublicAddress(address)).toBe(true))
