import ipaddr from 'ipaddr.js'

// Loaded into the service with --import by the scenario `notify`, whose push service is on this machine: the service
// posts to no private address, and no setting of its own can change that.

const { range: range4 } = ipaddr.IPv4.prototype
const { range: range6, match: match6 } = ipaddr.IPv6.prototype

ipaddr.IPv4.prototype.range = function () {
  const found = range4.call(this)
  return found === 'loopback' ? 'unicast' : found
}
ipaddr.IPv6.prototype.range = function () {
  const found = range6.call(this)
  return found === 'loopback' ? 'unicast' : found
}
/**
 * The service asks whether an address is one of the internet's; inside the library, `range` compares with smaller
 * networks.
 */
const INTERNET = 3
ipaddr.IPv6.prototype.match = function (this: ipaddr.IPv6, ...args: unknown[]) {
  const [network] = args
  const asked = Array.isArray(network) && network[1] === INTERNET
  return (asked && this.range() === 'unicast') || Reflect.apply(match6, this, args)
} as typeof match6
