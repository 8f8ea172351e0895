import { BlockList } from 'node:net'

// Loaded into the service with --import by the scenario `notify`, whose push service is on this machine: the service
// posts to no private address, and no setting of its own can change that.

const LOOPBACK = new Set(['127.0.0.1', '::1'])
const check = BlockList.prototype.check
BlockList.prototype.check = function (this: BlockList, ...args: Parameters<typeof check>) {
  const [address] = args
  return !LOOPBACK.has(String(address)) && check.apply(this, args)
} as typeof check
