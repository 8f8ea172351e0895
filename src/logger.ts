import pg from 'pg'
import type { LoggerOptions } from 'pino'

/**
 * Structured logs: ids and reasons, never a body, an address or a key. Text from outside is cut before any pattern is
 * applied, and every pattern runs in linear time: one long answer of a mail server must not stop the process for
 * seconds.
 */
export const loggerOptions = (level: string): LoggerOptions => ({
  level,
  redact: {
    paths: ['req.headers', 'headers', 'payload', 'body', 'email', 'to', 'token', 'password'],
    censor: '[redacted]',
  },
  serializers: {
    err: loggable,
    req: ({ method, url, id }: { method: string; url: string; id: string }) => ({
      method,
      url: url.slice(0, MAX_URL).split('?')[0],
      id,
    }),
  },
})

const MAX_MESSAGE = 500
const MAX_STACK = 4_000
const MAX_URL = 200
/** Errors wrap errors: Drizzle's wraps Postgres's, a refusal wraps Drizzle's. */
const MAX_CAUSES = 5

/** What is logged of an error, or of any other value that was thrown or emitted as one. */
interface LoggedError {
  type: string
  code?: string | number
  message: string
  stack?: string
  /** For a Postgres error: the table, column and constraint concerned. */
  table?: string
  constraint?: string
}

/** An error as it may be logged: pg-boss emits plain objects, others throw texts. */
export function loggable(thrown: unknown): LoggedError {
  const error = innermost(thrown)
  if (typeof error !== 'object' || error === null)
    return { type: typeof error, message: shown(String(error)) }
  const { name, code, message, stack, table, constraint } = error as Record<string, unknown>
  const isDatabaseError = error instanceof pg.DatabaseError || isSqlState(code)
  return {
    type: isDatabaseError ? 'DatabaseError' : typeof name === 'string' ? name.slice(0, 100) : 'Object',
    ...(typeof code === 'string' ? { code: code.slice(0, 100) } : typeof code === 'number' ? { code } : {}),
    message: isDatabaseError ? withoutValues(String(message), String(code)) : shown(String(message ?? '')),
    ...(typeof stack === 'string' ? { stack: framesOf(stack, String(message ?? '')) } : {}),
    ...(isDatabaseError && typeof table === 'string' ? { table } : {}),
    ...(isDatabaseError && typeof constraint === 'string' ? { constraint } : {}),
  }
}

/** The innermost cause: a wrapper's message may hold the statement with all its parameters. */
const innermost = (thrown: unknown): unknown => {
  let error = thrown
  for (let depth = 0; depth < MAX_CAUSES; depth++) {
    const cause = (error as { cause?: unknown } | null | undefined)?.cause
    if (typeof cause !== 'object' || cause === null) break
    error = cause
  }
  // Drizzle's error without a cause, or too deep to find it.
  return error instanceof Error && /^Failed query/.test(error.message.slice(0, 20))
    ? { name: error.name, message: 'a query failed', stack: error.stack }
    : error
}

const isSqlState = (code: unknown): boolean => typeof code === 'string' && /^[0-9FHPX][0-9A-Z]{4}$/.test(code)

/**
 * Postgres's message without the values of rows, which it quotes: in data errors (class 22) after a quotation mark,
 * which depends on the server's language, elsewhere after a colon. Only names of the schema stay quoted.
 */
const withoutValues = (message: string, code: string): string => {
  const cut = message.slice(0, MAX_MESSAGE)
  const end = code.startsWith('22') ? cut.search(/[:"'`«»„“”‘’]/) : cut.search(/: ?["'«„“]/)
  return shown(end < 0 ? cut : `${cut.slice(0, end)} […]`)
}

const shown = (text: string): string => {
  const cut = text.slice(0, MAX_MESSAGE)
  return `${withoutAddresses(cut)}${text.length > MAX_MESSAGE ? ` […] ${text.length} characters` : ''}`
}

/** Each run of letters is looked at once. */
const withoutAddresses = (text: string): string =>
  text.replace(/[^\s<>"'(),;:]+/g, (word) => (word.includes('@') ? '[address]' : word))

/** The stack frames, without the message in front of them. */
const framesOf = (stack: string, message: string): string => {
  const after = stack.indexOf(message.slice(0, MAX_MESSAGE))
  return stack
    .slice(after < 0 ? 0 : after + message.length)
    .slice(0, MAX_STACK)
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .map((line) => line.slice(4))
    .join('\n')
}
