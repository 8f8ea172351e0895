import fc from 'fast-check'
import pg from 'pg'
import { pino } from 'pino'
import { describe, expect, test as plain } from 'vitest'
import { loggable, loggerOptions } from '../src/logger.ts'
import { test } from './database.ts'

const logged = (err: unknown): Record<string, never> => {
  let line = ''
  const write = (text: string) => {
    line = text
  }
  pino(loggerOptions('info'), { write }).info({ err }, 'x')
  return JSON.parse(line).err
}

/** Texts that patterns stumble over: one letter for ever, almost an address, quotes without an end. */
const LONG = ['a', '@', 'a@', '"', ' ', '\n', '    at ', ': "', '<a@b', '.', ':'].map((text) =>
  text.repeat(2_000_000 / text.length),
)

describe('whatever an error holds', () => {
  plain(
    'its line is short, and made before the test is over: a pattern that looks twice would take hours',
    () => {
      for (const text of LONG) {
        for (const error of [
          new Error(text),
          Object.assign(new Error('x'), { response: text, code: text, stack: text }),
          text,
          { message: text, stack: text, name: text, code: '22P02' },
          Object.assign(new pg.DatabaseError(text, 1, 'error'), { code: '23505' }),
        ]) {
          expect(JSON.stringify(logged(error)).length).toBeLessThan(20_000)
        }
      }
    },
  )

  plain('no address of it is logged', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 })
    fc.assert(
      fc.property(
        text,
        text,
        fc.constantFrom('ana@acme.example', 'o’neil+x@a.b'),
        (before, after, address) => {
          const message = `${before} <${address}> ${after}`
          for (const error of [
            new Error(message),
            message,
            { message },
            new Error('x', { cause: new Error(message) }),
          ]) {
            expect(JSON.stringify(logged(error))).not.toContain(address)
          }
        },
      ),
    )
  })
})

plain.each([
  [
    'an object, as pg-boss emits them',
    { message: 'queue is gone', queue: 'notify-slack', stack: 'Error: queue is gone\n    at x (y.js:1:1)' },
    'queue is gone',
  ],
  ['a text', 'it broke', 'it broke'],
  ['null', null, 'null'],
  ['a number', 7, '7'],
  ['an object without a message', { queue: 'x' }, ''],
  ['a message that is not a text', { message: 7n }, '7'],
])('%s is logged with its message', (_what, thrown, message) => {
  expect(logged(thrown)).toMatchObject({ message })
})

plain('the innermost error is logged, and no statement with its parameters', () => {
  const query = (cause?: Error) =>
    new Error('Failed query: insert into users values ($1)\nparams: ana, secret', { cause })
  const refused = new Error('connect ECONNREFUSED')
  for (const error of [query(refused), new Error('x', { cause: query(refused) })]) {
    expect(logged(error)).toMatchObject({ message: 'connect ECONNREFUSED' })
  }
  expect(JSON.stringify(logged(query()))).not.toContain('secret')
  const circle: Error & { cause?: unknown } = new Error('round')
  circle.cause = circle
  expect(logged(circle)).toMatchObject({ message: 'round' })
})

plain('a socket’s error is not taken for one of Postgres, though its code has five letters', () => {
  expect(loggable(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))).toMatchObject({
    type: 'Error',
    code: 'EPIPE',
    message: 'write EPIPE',
  })
})

const VALUE = 'Ana Torres, born 1990'
test.for<[statement: string, values: unknown[], message: string]>([
  ['select $1::text::int', [VALUE], 'invalid input syntax for type integer'],
  ['select $1::text::int', [`"${VALUE}" x" y`], 'invalid input syntax for type integer'],
  ['select $1::text::timestamptz', [VALUE], 'invalid input syntax for type timestamp with time zone'],
  ['select $1::text::jsonb', [VALUE], 'invalid input syntax for type json'],
  ['select $1::text::outreach_status', [VALUE], 'invalid input value for enum outreach_status'],
  [
    'insert into users (email, subscription_tier) values ($1, $1)',
    [VALUE],
    'violates check constraint "users_subscription_tier_check"',
  ],
  [
    'insert into mailboxes (email) values ($1), ($1)',
    [VALUE],
    'duplicate key value violates unique constraint "mailboxes_email',
  ],
  [
    'insert into users (email) select null::text where $1::text is not null',
    [VALUE],
    'null value in column "email" of relation "users"',
  ],
  ["select * from nowhere where $1::text = ''", [VALUE], 'relation "nowhere" does not exist'],
])(
  'a Postgres error shows its code and message without the values: %s',
  async ([statement, values, message], { pool }) => {
    const error = await pool.query(statement, values).catch((thrown: unknown) => thrown)
    for (const thrown of [
      error,
      new Error('Failed query', { cause: error }),
      { ...(error as object), message: (error as Error).message },
    ]) {
      const line = logged(thrown)
      expect(line).toMatchObject({ type: 'DatabaseError', code: (error as { code: string }).code })
      expect(line.message).toContain(message)
      for (const part of ['Ana', 'Torres', '1990']) expect(JSON.stringify(line)).not.toContain(part)
    }
  },
)
