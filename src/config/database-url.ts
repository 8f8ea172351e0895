import { parseIntoClientConfig } from 'pg-connection-string'
import { z } from 'zod'

/** What of TLS a URL may say, and how. The files are read by the client, so their names may be any. */
const TLS: Record<string, RegExp> = {
  sslmode: /^(disable|prefer|require|verify-ca|verify-full|no-verify)$/,
  ssl: /^(true|1|0|no-verify)$/,
  sslrootcert: /./,
  sslcert: /./,
  sslkey: /./,
  sslnegotiation: /^(postgres|direct)$/,
}

/**
 * `postgres://user:password@host:5432/database`. The client takes a parameter that it does not know for none, so what
 * is about TLS is checked here: misspelt, it would leave the connection open to be read.
 */
export const databaseUrl = z.string().superRefine((text, context) => {
  const wrong = (message: string) => context.addIssue({ code: 'custom', message })
  const url = URL.parse(text)
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) {
    return wrong('expected a URL like postgres://user:password@host:5432/roleferry')
  }
  for (const [name, value] of url.searchParams) {
    if (/ssl|tls/i.test(name) && name !== 'uselibpqcompat' && !(TLS[name]?.test(value) ?? false)) {
      const shown = /^\w{1,40}$/.test(name) ? ` ${name}` : ''
      return wrong(
        `has the parameter${shown} or a value of it that is not known; expected sslmode=verify-full, or another of libpq’s`,
      )
    }
  }
  try {
    parseIntoClientConfig(text)
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall === undefined)
      wrong('expected a URL in which %, @ and / of the password are written as %25, %40 and %2F')
    else wrong(`names a file for TLS that cannot be read (${code})`)
  }
})
