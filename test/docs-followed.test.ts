import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

// The two pages that say how to add something are followed to the letter, in a copy of the project. It must compile, and
// the tests that the pages write must pass.

vi.setConfig({ testTimeout: 900_000 }) // the compiler takes its time on a busy machine

const COPIED = [
  'src',
  'test',
  'harness',
  'migrations',
  'package.json',
  'vitest.config.ts',
  'drizzle.config.ts',
  '.env.example',
]

let copy: string
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'webhooks-docs-'))
  for (const name of COPIED) cpSync(name, join(copy, name), { recursive: true })
  const { compilerOptions } = JSON.parse(readFileSync('tsconfig.json', 'utf8'))
  writeFileSync(
    join(copy, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions,
      include: ['src', 'test/global-setup.ts', 'test/providers/calendar', 'test/providers/sendgrid'],
    }),
  )
  symlinkSync(resolve('node_modules'), join(copy, 'node_modules'))
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))

/** The code in a page. */
const blocksOf = (page: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/^```(?:ts|sh)\n(.*?)^```$/gms)].map((match) => match[1] as string)

const change = (file: string, edit: (text: string) => string): void => {
  const path = join(copy, file)
  const before = readFileSync(path, 'utf8')
  const after = edit(before)
  expect(after, file).not.toBe(before)
  writeFileSync(path, after)
}

const write = (file: string, text: string): void => {
  mkdirSync(dirname(join(copy, file)), { recursive: true })
  writeFileSync(join(copy, file), text)
}

/** Puts the page's block that holds `part` where the page says, right behind `place`. */
const insert = (blocks: string[], part: string, file: string, place: string): void => {
  const block = blocks.find((one) => one.includes(part))
  expect(block, part).toBeDefined()
  change(file, (text) => text.replace(place, () => place + block))
}

/** Runs a program of the copy. @returns what it printed, also if it fails */
const run = async (program: string, ...args: string[]): Promise<{ code: number; printed: string }> => {
  const { HOME, PATH } = process.env
  const options = {
    cwd: copy,
    env: { HOME, PATH, NO_COLOR: '1' },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 600_000,
  }
  const { code, stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [join(copy, 'node_modules', program), ...args],
    options,
  ).then(
    (result) => ({ code: 0, ...result }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  )
  return { code, printed: stdout + stderr }
}

/** Two folders, and a change in three places. */
const addProvider = (): void => {
  const blocks = blocksOf('docs/adding-a-provider.md')
  for (const block of blocks) {
    const file = /^\/\/ (\S+\.ts)\n/.exec(block)?.[1]
    if (file !== undefined) write(file, block)
  }
  insert(blocks, "import { calendar } from './calendar/record.ts'\n", 'src/providers/index.ts', '')
  const line = blocks.find((block) => block.startsWith('export const providers'))
  change('src/providers/index.ts', (text) =>
    text.replace(/^export const providers = .*\n/m, () => line ?? ''),
  )
  insert(blocks, 'CALENDAR_MAX_AGE: age', 'src/config.ts', 'const verification = {\n')
  insert(blocks, 'CALENDAR_WEBHOOK_KEY=\n', '.env.example', '')
}

/** A handler and its name; what else it needs is a column. */
const addEventType = (): void => {
  const blocks = blocksOf('docs/adding-an-event-type.md')
  const sendgrid = 'src/providers/sendgrid/index.ts'
  const handler = blocks.find((block) => block.includes('export const deferred'))
  write('src/providers/sendgrid/deferred.ts', handler ?? '')
  insert(blocks, "import { deferred } from './deferred.ts'", sendgrid, '')
  insert(blocks, "['deferred', {", sendgrid, 'const rules = new Map<string, Rule>([\n')
  change(sendgrid, (text) => text.replace("const IGNORED = ['deferred', ", 'const IGNORED = ['))
  insert(blocks, 'deferredAt: time(),', 'src/db/schema.ts', '    clickedAt: time(),\n')
  insert(blocks, "      'deferredAt',", 'src/db/rights.ts', '  outreach: {\n    update: [\n')
  const tests = blocks.find((block) => block.startsWith("describe('deferred'"))
  expect(tests).toBeDefined()
  change('test/providers/sendgrid/rules.test.ts', (text) => text + tests)
  change('test/providers/sendgrid/rules.test.ts', (text) =>
    text.replace("['open', 'deferred', ", "['open', "),
  )
  const rows = blocks.find((block) => block.includes('select id, message_id'))
  change('test/providers/sendgrid/deliveries.ts', (text) =>
    text.replace(/^ +`select id, message_id.*from outreach.*\n/m, () => rows ?? ''),
  )
  expect(readFileSync('test/providers/sendgrid/order.test.ts', 'utf8')).toContain(
    blocks.find((block) => block.includes("{ event: 'deferred' }")),
  )
}

test('what the pages say to add compiles where they say to put it, and passes its tests', async () => {
  addProvider()
  addEventType()
  expect(await run('typescript/bin/tsc', '--noEmit', '--pretty', 'false')).toEqual({ code: 0, printed: '' })
  const { printed: migration } = await run('drizzle-kit/bin.cjs', 'generate', '--name', 'deferred_at')
  expect(migration).toContain('_deferred_at.sql')
  const places = ['test/providers/calendar', 'test/config.test.ts', 'test/providers/sendgrid/rules.test.ts']
  const { code, printed } = await run('vitest/vitest.mjs', 'run', '--reporter=verbose', ...places)
  expect(code, printed).toBe(0)
  expect(printed).toContain('deferred > keeps the latest time')
  expect(printed).toMatch(/Test Files +3 passed \(3\)/)
})
