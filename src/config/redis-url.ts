import { z } from 'zod'

/** Where one Redis server, or one sentinel, listens. */
export interface Address {
  host: string
  port: number
}

/** A `REDIS_URL`, taken apart. */
export type RedisPlace =
  /** The client reads the URL of one server by itself. */
  | { kind: 'server'; url: string }
  | ({ kind: 'cluster'; nodes: Address[] } & Login)
  | ({ kind: 'sentinel'; sentinels: Address[]; name: string; database: number } & Login & SentinelLogin)

interface Login {
  username?: string
  password?: string
  tls: boolean
}

/** The sentinels have passwords of their own. */
interface SentinelLogin {
  sentinelUsername?: string
  sentinelPassword?: string
}

const EXAMPLE = 'expected a URL like redis://host:6379/0'
const CLUSTER_EXAMPLE =
  'expected the nodes of a Redis Cluster, and no database: redis+cluster://user:password@a:7001,b:7002'
const SENTINEL_EXAMPLE =
  'expected sentinels and the name of what they watch: redis+sentinel://user:password@a:26379,b:26379/mymaster'

const FORM = /^(rediss?)(\+cluster|\+sentinel)?:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/s
const PORTS = { cluster: 6_379, sentinel: 26_379 }
const SENTINEL_PARAMETERS = ['sentinel_username', 'sentinel_password']

/**
 * Takes apart the forms of `REDIS_URL`; `rediss` is TLS in each of them:
 *
 * - `redis://user:password@host:6379/0`, one server;
 * - `redis+cluster://user:password@a:7001,b:7002`, some nodes of a Redis Cluster, which name the others. Several hosts after
 *   `redis://` are a cluster, too;
 * - `redis+sentinel://user:password@a:26379,b:26379/mymaster/0`, sentinels. The login is that of the servers, and
 *   `?sentinel_password=` (with `sentinel_username=`) that of the sentinels.
 *
 * @throws {RedisUrlError} with what is expected.
 */
export const takeApartRedisUrl = (text: string): RedisPlace => {
  const [, scheme = '', form, authority = '', path = '', query = ''] = FORM.exec(text) ?? []
  const at = authority.lastIndexOf('@') + 1
  const hosts = authority.slice(at).split(',')
  if (scheme === '' || (form === undefined && hosts.length === 1))
    return { kind: 'server', url: asServer(text) }
  const kind = form === '+sentinel' ? 'sentinel' : 'cluster'
  const example = kind === 'sentinel' ? SENTINEL_EXAMPLE : CLUSTER_EXAMPLE
  try {
    const login = { ...loginIn(authority.slice(0, at)), tls: scheme === 'rediss' }
    const addresses = hosts.map((host) => addressIn(host, PORTS[kind]))
    if (kind === 'sentinel') {
      return { kind, sentinels: addresses, ...watchedIn(path), ...login, ...sentinelLoginIn(query) }
    }
    if (!/^0?$/.test(path) || query !== '') throw new Error('a cluster has no databases')
    return { kind, nodes: addresses, ...login }
  } catch (cause) {
    throw new RedisUrlError(example, { cause })
  }
}

/** A `REDIS_URL` of no known form. Its message says what was expected and holds nothing of the URL. */
class RedisUrlError extends Error {}

const asServer = (text: string): string => {
  const url = URL.parse(text)
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '')
    throw new RedisUrlError(EXAMPLE)
  try {
    decodeURIComponent(url.username + url.password) // the client does so when it connects, and throws
  } catch (cause) {
    throw new RedisUrlError(EXAMPLE, { cause })
  }
  return text
}

const addressIn = (text: string, port: number): Address => {
  const url = new URL(`tcp://${text}`)
  if (url.hostname === '' || text !== url.host) throw new Error('not a host and a port')
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port === '' ? port : Number(url.port) }
}

/** @param text `user:password@`, or less */
const loginIn = (text: string): { username?: string; password?: string } => {
  const { username, password } = new URL(`tcp://${text}host`)
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  }
}

/** @param path `mymaster`, or `mymaster/0` */
const watchedIn = (path: string): { name: string; database: number } => {
  const [, name = '', database = '0'] = /^([^/]+)(?:\/(\d{1,5})?)?$/.exec(path) ?? []
  if (name === '') throw new Error('no name')
  return { name: decodeURIComponent(name), database: Number(database) }
}

const sentinelLoginIn = (query: string): SentinelLogin => {
  const parameters = new URLSearchParams(query)
  if ([...parameters.keys()].some((name) => !SENTINEL_PARAMETERS.includes(name))) {
    throw new Error('a parameter that is not known')
  }
  const username = parameters.get('sentinel_username')
  const password = parameters.get('sentinel_password')
  return {
    ...(username === null ? {} : { sentinelUsername: username }),
    ...(password === null ? {} : { sentinelPassword: password }),
  }
}

/** A `REDIS_URL` in one of the forms above; it stays a text. */
export const redisUrl = z.string().superRefine((text, context) => {
  try {
    takeApartRedisUrl(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
  }
})
