import pg from 'pg'
import { type LoggerOptions, stdSerializers } from 'pino'
import { causeOf } from './db/transaction.ts'

/**
 * Structured logs: ids and reasons, never a body, an address or a key. Postgres's messages and Drizzle's can
 * quote values, so of a database error only what names its kind is kept.
 */
export const loggerOptions = (level: string): LoggerOptions => ({
  level,
  redact: {
    paths: ['req.headers', 'headers', 'payload', 'body', 'email', 'to', 'token', 'password'],
    censor: '[redacted]',
  },
  serializers: {
    err: (error: unknown) => {
      if (!(error instanceof Error)) return { type: typeof error }
      const cause = causeOf(error)
      if (cause instanceof pg.DatabaseError) {
        const { code, table, constraint, routine } = cause
        return { type: 'DatabaseError', code, table, constraint, routine, where: stackTop(error) }
      }
      const { type, message, stack } = stdSerializers.err(cause)
      const { code } = cause as { code?: unknown }
      return {
        type,
        ...(code === undefined ? {} : { code }),
        message: withoutAddresses(message),
        stack: withoutAddresses(stack),
      }
    },
    req: ({ method, url, id }: { method: string; url: string; id: string }) => ({
      method,
      url: url.split('?')[0],
      id,
    }),
  },
})

const ADDRESS = /[^\s<>"'(),;:]+@[^\s<>"'(),;:]+/g
const withoutAddresses = (text: string): string => text.replace(ADDRESS, '[address]')

const stackTop = (error: Error): string =>
  (error.stack ?? '')
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .slice(0, 3)
    .join('\n')
