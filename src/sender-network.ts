import { isIPv6 } from 'node:net'

/** What counts as one sender: an IPv4 address, or the whole /64 that an IPv6 sender has to choose from. */
export const senderNetwork = (address: string): string =>
  isIPv6(address) && !address.includes('.') ? expand(address).slice(0, 4).join(':') : address

const expand = (address: string): string[] => {
  const [head = '', tail = ''] = address.split('%')[0]?.split('::') ?? []
  const before = head === '' ? [] : head.split(':')
  const after = tail === '' ? [] : tail.split(':')
  return [...before, ...Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0'), ...after]
}
