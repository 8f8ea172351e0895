import { Cluster, Redis } from 'ioredis'
import { type Address, takeApartRedisUrl } from '../config/redis-url.ts'

/** A connection to one server, which sentinels may name, or to the nodes of a Redis Cluster. */
export type RedisConnection = Redis | Cluster

/** In milliseconds. */
interface RedisLimits {
  connectTimeout: number
  /** For an answer to one command. */
  commandTimeout: number
  /** Ends a link that owes an answer for so long, so that its queue cannot grow. */
  socketTimeout: number
}

interface Login {
  username: string | undefined
  password: string | undefined
}

/** Milliseconds at least for an answer of a cluster: the commands of a delivery are spread over all of its masters. */
const CLUSTER_COMMAND = 250
/** Of a command whose node is away or no longer has its key; it has to fail in time. */
const REDIRECTIONS = 2
const REDIRECTION_DELAY = 20
/** Milliseconds after which a node that is back is found, also if none of its keys is asked for. */
const NODES_LOOKED_FOR_EVERY = 2_000

/**
 * Opens a connection that queues nothing: while Redis is away a command fails at once.
 *
 * @param url in one of the forms of `REDIS_URL`
 */
export const openRedis = (url: string, connectionName: string, limits: RedisLimits): RedisConnection => {
  const place = takeApartRedisUrl(url)
  const link = {
    ...limits,
    connectionName,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  }
  const alone = { ...link, enableOfflineQueue: false, retryStrategy: again }
  if (place.kind === 'server') return new Redis(place.url, alone)
  const { username, password, tls } = place
  const login = { username, password, ...(tls && { tls: {} }) }
  if (place.kind === 'cluster') return openCluster(place.nodes, { ...link, ...login })
  const { sentinels, name, database, sentinelUsername, sentinelPassword } = place
  return new Redis({
    ...alone,
    ...login,
    name,
    db: database,
    sentinels,
    sentinelUsername,
    sentinelPassword,
    enableTLSForSentinelMode: tls,
    ...(tls && { sentinelTLS: {} }),
    sentinelCommandTimeout: limits.connectTimeout,
    sentinelRetryStrategy: again,
    // Hears from the sentinels that another server is the master now, should the old one hang.
    failoverDetector: true,
  })
}

const again = (attempt: number): number => Math.min(attempt * 100, 2_000)

const openCluster = (nodes: Address[], link: RedisLimits & Login): Cluster =>
  new Cluster(nodes, {
    redisOptions: { ...link, commandTimeout: Math.max(link.commandTimeout, CLUSTER_COMMAND) },
    enableOfflineQueue: false,
    clusterRetryStrategy: again,
    slotsRefreshInterval: NODES_LOOKED_FOR_EVERY,
    maxRedirections: REDIRECTIONS,
    retryDelayOnFailover: REDIRECTION_DELAY,
    retryDelayOnClusterDown: REDIRECTION_DELAY,
    retryDelayOnTryAgain: REDIRECTION_DELAY,
    // Names stay names: certificates are for them.
    dnsLookup: (address, found) => found(null, address),
  })
