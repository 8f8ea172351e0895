import { parseArgs, styleText } from 'node:util'
import { linePrefix, say } from '../harness/say.ts'
import { sayResult, saySummary } from './report.ts'
import { type Result, runScenario, type Scenario } from './scenario.ts'
import { cluster } from './scenarios/cluster.ts'
import { crash } from './scenarios/crash.ts'
import { deploy } from './scenarios/deploy.ts'
import { failover } from './scenarios/failover.ts'
import { flood } from './scenarios/flood.ts'
import { idle } from './scenarios/idle.ts'
import { kill } from './scenarios/kill.ts'
import { notify } from './scenarios/notify.ts'
import { overload } from './scenarios/overload.ts'
import { poison } from './scenarios/poison.ts'
import { postgres } from './scenarios/postgres.ts'
import { redis } from './scenarios/redis.ts'
import { replicas } from './scenarios/replicas.ts'
import { createWorld } from './world.ts'

// Breaks the real stack under load and counts what is lost and what is applied twice: see README.md, "Proof".

const SCENARIOS: Record<string, Scenario> = {
  kill,
  crash,
  replicas,
  redis,
  postgres,
  deploy,
  failover,
  cluster,
  poison,
  overload,
  notify,
  idle,
  flood,
}
/** Most of a scenario is waiting for its faults to begin and to end. */
const AT_ONCE = 2
const USAGE = `npm run chaos -- [scenario …] [--seconds N] [--seed N] [--quick]
scenarios: ${Object.keys(SCENARIOS).join(', ')}; all of them by default
--seconds  how long the faults of a scenario go on
--seed     the same deliveries again; when they meet which fault is up to the machine
--quick    a smaller version of those that need no machine of their own, about two minutes`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string' },
    seed: { type: 'string' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const unknown = positionals.filter((name) => SCENARIOS[name] === undefined)
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`There is no scenario ${unknown.join(', ')}; --help lists them.`)
  say(USAGE)
  process.exit(values.help ? 0 : 1)
}

const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed)
const seconds = values.seconds === undefined ? undefined : Number(values.seconds)
const standard = Object.keys(SCENARIOS).filter((name) => !values.quick || SCENARIOS[name]?.alone !== true)
const names = positionals.length > 0 ? positionals : standard
const results = new Map<string, Result>()
let failed = false

const run = async (name: string): Promise<void> => {
  const scenario = SCENARIOS[name] as Scenario
  say(styleText('bold', `${name}: ${scenario.title}`) + styleText('dim', `   --seed ${seed}`))
  const world = await createWorld(seed, scenario)
  try {
    const result = await runScenario(name, scenario, world, { seconds, quick: values.quick })
    sayResult(result)
    results.set(name, result)
    if (result.faults.length > 0) failed = true
  } catch (error) {
    failed = true
    say(styleText('red', `  ✗ ${error instanceof Error ? error.stack : error}`))
    for (const service of world.services) for (const line of service.log().slice(-20)) say(`  log: ${line}`)
  } finally {
    await world.end()
  }
}

const [together, alone] = [false, true].map((by) =>
  names.filter((name) => (SCENARIOS[name]?.alone ?? false) === by),
) as [string[], string[]]
const atOnce = Math.min(AT_ONCE, together.length)
const waiting = [...together]
const worker = async (): Promise<void> => {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const next = name
    await linePrefix.run(atOnce > 1 ? `${next.padEnd(9)}` : '', () => run(next))
  }
}
await Promise.all(Array.from({ length: atOnce }, worker))
for (const name of alone) await run(name)
if (results.size > 1) saySummary(names.flatMap((name) => results.get(name) ?? []))
// Ends the process explicitly: the load of a scenario that broke off would keep running.
process.exit(failed ? 1 : 0)
