import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, styleText } from 'node:util'
import { say, shown } from '../harness/say.ts'
import { startStack } from '../harness/stack.ts'
import { migrate } from '../src/migrate.ts'
import { textTable } from '../src/text-table.ts'
import { fuzzConfiguration } from './configuration.ts'
import { type FuzzCounts, fuzz } from './run.ts'

// Sends mutated deliveries to the production entry point and checks that it keeps its promises: see SECURITY.md.

const USAGE = `npm run fuzz -- [--seconds N] [--seed S] [--case N]
--seconds  how long; 60 by default
--seed     the same cases again, in the same order
--case     one case of the seed alone`

const SERVICE_ROLE = 'roleferry_service'
/** The promised limit for blocking the event loop, in milliseconds. */
const MAX_BLOCKED = 500
const PROGRESS_EVERY = 5_000
const FINDINGS = 'test-artifacts/fuzz'
/** Mangled settings that are read before the first delivery is sent. */
const CONFIGURATIONS = 5_000
const FINDINGS_SHOWN = 10

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    case: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)
const seconds = Number(values.seconds)
if (values.help || !Number.isSafeInteger(seed) || !(seconds > 0)) {
  say(USAGE)
  process.exit(values.help ? 0 : 2)
}

function* numbers(): Generator<number> {
  if (values.case !== undefined) return yield Number(values.case)
  const until = Date.now() + seconds * 1_000
  for (let number = 0; Date.now() < until; number++) yield number
}

let saidAt = Date.now()
const onProgress = ({ cases, accepted, longestBlocked, findings }: FuzzCounts) => {
  if (Date.now() - saidAt < PROGRESS_EVERY) return
  saidAt = Date.now()
  say(
    `  ${shown(cases)} cases, ${shown(accepted)} events accepted, longest block ${Math.round(longestBlocked)} ms, ${findings.length} findings`,
  )
}

const onFinding = ({ case: one, problem }: FuzzCounts['findings'][number]) => {
  const file = `${FINDINGS}/${seed}-${one.number}.http`
  mkdirSync(FINDINGS, { recursive: true })
  writeFileSync(file, one.bytes)
  say(styleText('red', `✗ case ${one.number}, ${one.provider}, ${one.kind}: ${one.what}`))
  say(`  ${problem}`)
  say(`  repeat: npm run fuzz -- --seed ${seed} --case ${one.number}    as it was sent: ${file}`)
}

say(styleText('bold', `fuzzing with --seed ${seed}`))
const configuration = fuzzConfiguration(seed, CONFIGURATIONS)
for (const finding of configuration.findings.slice(0, FINDINGS_SHOWN)) say(styleText('red', `✗ ${finding}`))
const folder = join(tmpdir(), `webhooks-fuzz-${crypto.randomUUID()}`)
const stack = await startStack(folder, { temporary: true })
try {
  await migrate(stack.postgres.url, { name: SERVICE_ROLE })
  const result = await fuzz({
    seed,
    numbers: numbers(),
    maxBlocked: MAX_BLOCKED,
    ownerUrl: stack.postgres.url,
    databaseUrl: stack.postgres.url.replace('postgres://postgres:', `postgres://${SERVICE_ROLE}:`),
    redisUrl: stack.redis.url,
    onFinding,
    onProgress,
  })
  const rows: [string, string][] = [
    ['mangled configurations', shown(configuration.cases)],
    ['  accepted', shown(configuration.accepted)],
    ['  findings', shown(configuration.findings.length)],
    ['cases', shown(result.cases)],
    ['  signed, hostile or valid', shown(result.byKind.signed)],
    ['  forged', shown(result.byKind.forged)],
    ['  of odd form', shown(result.byKind.odd)],
    ...[...result.byStatus]
      .toSorted(([a], [b]) => String(a).localeCompare(String(b)))
      .map(([status, n]): [string, string] => [`answered ${status}`, shown(n)]),
    ['events accepted and stored', shown(result.accepted)],
    ['event loop blocked at most', `${Math.round(result.longestBlocked)} ms`],
    ['memory at the end', `${Math.round(result.memory / 1024 / 1024)} MiB`],
    ['findings', shown(result.findings.length)],
  ]
  for (const line of textTable(rows, (column) => column > 0)) say(`  ${line}`)
  process.exitCode = result.findings.length + configuration.findings.length > 0 ? 1 : 0
} finally {
  await stack.stop()
  rmSync(folder, { recursive: true, force: true })
}
