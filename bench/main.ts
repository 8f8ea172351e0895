import { arch, cpus, platform, release, totalmem } from 'node:os'
import { parseArgs, styleText } from 'node:util'
import { backlog } from './backlog.ts'
import { comparison } from './comparison.ts'
import { createKeys } from './keys.ts'
import { startLoad } from './load/load.ts'
import { mail } from './mail.ts'
import type { Bench } from './measure.ts'
import type { Outcome } from './outcome.ts'
import { createProgress } from './progress.ts'
import { replicas } from './replicas.ts'
import { retention } from './retention.ts'
import { startBenchStack } from './stack.ts'
import { tableOf, targetsTable } from './table.ts'
import { isMet } from './targets.ts'
import { volume } from './volume.ts'

// How fast the service is, compared with what users would pick instead and with upper limits: see README.md.

interface Scenario {
  title: string
  run: (bench: Bench) => Promise<Outcome>
  /** Of Postgres. */
  settings?: string[]
}

const SCENARIOS: Record<string, Scenario> = {
  compare: { title: 'the service, peers and ceilings, in turn', run: comparison },
  replicas: { title: 'one replica and two, against one Postgres', run: replicas },
  backlog: { title: 'deliveries while a backlog of 500,000 events drains', run: backlog },
  mail: { title: 'mail that comes back, to a mailbox with 10,000 outreach', run: mail },
  retention: { title: 'deliveries while retention deletes', run: retention },
  volume: {
    title: 'an empty inbox and one of 10 million events (needs 20 GB of disk)',
    run: volume,
    // A quarter of the memory, as is usual for a database that does not fit into less.
    settings: [`shared_buffers=${Math.floor(totalmem() / 4 / 2 ** 20)}MB`],
  },
}
const USAGE = `npm run bench -- [scenario …] [--quick] [--json]

${Object.entries(SCENARIOS)
  .map(([name, { title }]) => `  ${name.padEnd(10)} ${title}`)
  .join('\n')}
All of them by default. Each starts a Postgres and a Redis of its own.

--quick  one round and fewer events
--json   the figures as JSON, on standard output
Exits with 1 when a floor is missed.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const unknown = positionals.filter((name) => SCENARIOS[name] === undefined)
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`There is no scenario ${unknown.join(', ')}; --help lists them.`)
  console.log(USAGE)
  process.exit(values.help ? 0 : 2)
}

const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${release()} ${arch()}, Node ${process.version}`
const progress = createProgress()
const outcomes: Record<string, Outcome & { postgres: string }> = {}
const names = positionals.length > 0 ? positionals : Object.keys(SCENARIOS)
const say = (text: string) => {
  progress.clear()
  if (!values.json) console.log(text)
}

say(`${machine}, ${new Date().toISOString().slice(0, 10)}${values.quick ? ', quick' : ''}`)
for (const name of names) {
  const scenario = SCENARIOS[name]
  if (scenario === undefined) continue
  say(styleText('bold', `\n${name}: ${scenario.title}`))
  const { keys, env } = createKeys()
  progress.show('starting Postgres and Redis')
  const servers = await startBenchStack(scenario.settings)
  say(`Postgres: ${servers.postgres}`)
  const load = startLoad(keys)
  try {
    const outcome = await scenario.run({
      servers,
      load,
      keys: env,
      progress: progress.show,
      quick: values.quick,
    })
    outcomes[name] = { postgres: servers.postgres, ...outcome }
    for (const [title, rows] of Object.entries(outcome.results)) {
      say(`\n${title}`)
      for (const line of tableOf(rows)) say(line)
    }
    say('')
    for (const line of targetsTable(outcome.targets)) say(line)
  } finally {
    await load.stop()
    await servers.stop()
  }
}
progress.clear()
if (values.json) {
  console.log(
    JSON.stringify(
      { machine, at: new Date().toISOString(), quick: values.quick, scenarios: outcomes },
      null,
      2,
    ),
  )
}
const missed = Object.values(outcomes).flatMap(({ targets }) =>
  targets.filter((target) => !isMet(target, target.floor)),
)
for (const { says } of missed) console.error(`below the floor: ${says}`)
process.exitCode = missed.length > 0 ? 1 : 0
