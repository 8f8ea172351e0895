import { domainToASCII } from 'node:url'
import { z } from 'zod'

/** The mail server, in the form of nodemailer's options. */
export interface SmtpServer {
  host: string
  port: number
  /** TLS from the first byte (`smtps:`). */
  secure: boolean
  /** STARTTLS is required: no password and no address is sent before it. */
  requireTLS: boolean
  ignoreTLS: boolean
  auth?: { user: string; pass: string }
}

const EXAMPLE = 'a URL like smtp://user:password@host:587'
/** The ports of RFC 8314 for submission. */
const PORTS: Record<string, number> = { 'smtp:': 587, 'smtps:': 465 }

/**
 * `smtp://user:password@host:587`, or `smtps:`. With a user STARTTLS is required, unless `?tls=off` says that the
 * password and the mail may travel in clear. Any other parameter is a mistake: a misspelt one would be ignored.
 */
export const smtpUrl = z.string().transform((text, context): SmtpServer => {
  const wrong = (message: string): never => {
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  }
  const url = URL.parse(text)
  const port = url === null ? undefined : PORTS[url.protocol]
  const host = hostOf(url?.hostname ?? '')
  if (url === null || port === undefined || host === '' || !/^\/?$/.test(url.pathname) || url.hash) {
    return wrong(`expected ${EXAMPLE}`)
  }
  const user = decoded(url.username)
  const pass = decoded(url.password)
  if (user === undefined || pass === undefined || (user === '' && pass !== '')) {
    return wrong(`expected ${EXAMPLE}, with % and @ in the user and the password written as %25 and %40`)
  }
  const secure = url.protocol === 'smtps:' || url.port === '465'
  const required = new Set<boolean>()
  for (const [name, value] of url.searchParams) {
    if (name === 'tls' && value === 'off' && !secure) required.add(false)
    else if (name === 'ignoreTLS' && value === 'true' && user === '' && !secure) required.add(false)
    else if (name === 'requireTLS' && value === 'true') required.add(true)
    else return wrong(unknownParameter(name, secure))
  }
  if (required.size > 1) return wrong('says tls=off and requireTLS=true; expected one of them')
  const [requireTLS = user !== ''] = required
  return {
    host,
    port: url.port === '' ? port : Number(url.port),
    secure,
    requireTLS: requireTLS && !secure,
    ignoreTLS: required.has(false),
    ...(user === '' ? {} : { auth: { user, pass } }),
  }
})

const unknownParameter = (name: string, secure: boolean): string => {
  const shown = /^[\w.-]{1,40}$/.test(name) ? ` ${name}` : ''
  if (secure) return `has the parameter${shown}, but smtps: always uses TLS; expected no parameter`
  return `has the parameter${shown} with a name or value that is not known; expected tls=off, requireTLS=true or no parameter`
}

/** Empty when it is not a host name. */
const hostOf = (hostname: string): string =>
  hostname.startsWith('[') ? hostname.slice(1, -1) : domainToASCII(decoded(hostname) ?? '')

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
