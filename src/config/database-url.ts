import { parseIntoClientConfig } from 'pg-connection-string'
import { z } from 'zod'

/** The parameters about TLS and their values. The client reads the files, so their names are not checked here. */
const TLS: Record<string, RegExp> = {
  sslmode: /^(disable|prefer|require|verify-ca|verify-full|no-verify)$/,
  ssl: /^(true|1|0|no-verify)$/,
  sslrootcert: /./,
  sslcert: /./,
  sslkey: /./,
  sslnegotiation: /^(postgres|direct)$/,
}

const EXAMPLE = 'expected a URL like postgres://user:password@host:5432/roleferry'

const LIST_EXAMPLE =
  'expected several hosts before the path, each with a name: postgres://user:password@a:5432,b:5432/roleferry'

/** The names of libpq for a server that takes writes. */
const WRITABLE = /^(read-write|primary)$/

/** A `DATABASE_URL`, taken apart. */
interface DatabaseUrl {
  /** One URL for each server that it names, without the parameter about writing. */
  servers: string[]
  /** Whether the server that takes writes has to be looked for; always true with several servers. */
  mustWrite: boolean
}

/**
 * `postgres://user:password@a:5432,b:5432/database?target_session_attrs=read-write`: libpq's form for several servers, of
 * which one takes writes. The client knows neither, so both are read here.
 */
export const takeApart = (text: string): DatabaseUrl => {
  const [, scheme = '', authority = '', rest = ''] = /^([^:/?#]*:\/\/)?([^/?#]*)(.*)$/s.exec(text) ?? []
  const at = authority.lastIndexOf('@') + 1
  const [path = '', query] = rest.split(/\?(.*)/s)
  const parameters = (query ?? '').split('&')
  const kept = parameters.filter((parameter) => !parameter.startsWith('target_session_attrs='))
  const parametersKept = kept.join('&') === '' ? '' : `?${kept.join('&')}`
  const hosts = authority.slice(at).split(',')
  return {
    servers: hosts.map((host) => scheme + authority.slice(0, at) + host + path + parametersKept),
    mustWrite: hosts.length > 1 || kept.length < parameters.length,
  }
}

/**
 * `postgres://user:password@host:5432/database`, or several hosts. The client ignores a parameter that it does not
 * know, so TLS parameters are checked here: a misspelt one would leave the connection unencrypted.
 */
export const databaseUrl = z.string().superRefine((text, context) => {
  const { servers } = takeApart(text)
  const problem =
    problemOfTarget(text) ?? servers.map((server) => problemOf(server, servers.length)).find((one) => one)
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
})

const problemOfTarget = (text: string): string | undefined => {
  const targets = [...text.matchAll(/[?&]target_session_attrs=([^&#]*)/g)]
  if (targets.every(([, value = '']) => WRITABLE.test(value))) return undefined
  return 'has a target_session_attrs that is not known; expected read-write: the service writes'
}

/** What is wrong with the URL of one server among `count`. */
const problemOf = (text: string, count: number): string | undefined => {
  const url = URL.parse(text)
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) return EXAMPLE
  const host = url.searchParams.get('host')
  if (host?.includes(',') || (count > 1 && (host !== null || url.hostname === ''))) return LIST_EXAMPLE
  for (const [name, value] of url.searchParams) {
    if (/ssl|tls/i.test(name) && name !== 'uselibpqcompat' && !(TLS[name]?.test(value) ?? false)) {
      const shown = /^\w{1,40}$/.test(name) ? ` ${name}` : ''
      return `has the parameter${shown} with a name or value that is not known; expected sslmode=verify-full, or another TLS parameter of libpq`
    }
  }
  try {
    parseIntoClientConfig(text)
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall === undefined)
      return 'expected a URL in which %, @ and / of the password are written as %25, %40 and %2F'
    return `names a file for TLS that cannot be read (${code})`
  }
  return undefined
}
