import { globSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { runInNewContext } from 'node:vm'
import { parse, type Token } from 'acorn'
import { check } from 'recheck'

// Fails when a regular expression of the service may take more than linear time. Senders' texts go through them, so a
// quadratic one would let a long mail stop the process.

/** Milliseconds to prove that a pattern is linear. If that is not enough, the pattern is attacked instead. */
const PROVEN_WITHIN = 10_000
const ATTACKED_WITHIN = 30_000
/** Characters and milliseconds of the proof that an attack is one: a linear pattern takes a hundredth of the time. */
const ATTACK = { length: 500_000, mostTime: 2_000 }

/** The attacker counts steps of an engine of its own, which is slower than V8 with some patterns. */
const succeeds = (pattern: string, flags: string, attack: string): boolean => {
  const text = attack.repeat(Math.ceil(ATTACK.length / attack.length))
  const regexp = new RegExp(pattern, flags.replace('g', ''))
  try {
    runInNewContext('regexp.test(text)', { regexp, text }, { timeout: ATTACK.mostTime })
    return false
  } catch {
    return true
  }
}

/** Where each pattern first appears, by its source. */
const places = new Map<string, { pattern: string; flags: string; place: string }>()
for (const file of globSync('src/**/*.ts')) {
  const code = stripTypeScriptTypes(readFileSync(file, 'utf8'))
  const onToken = ({ type, value, start }: Token & { value?: { pattern: string; flags: string } }) => {
    if (type.label !== 'regexp' || value === undefined) return
    const { pattern, flags } = value
    const line = code.slice(0, start).split('\n').length
    places.set(`/${pattern}/${flags}`, { pattern, flags, place: `${file}:${line}` })
  }
  parse(code, { ecmaVersion: 'latest', sourceType: 'module', onToken })
}

let wrong = 0
let proven = 0
await Promise.all(
  [...places].map(async ([source, { pattern, flags, place }]) => {
    // JavaScript's flag v is u with sets, which the checker does not know.
    const known = flags.replace('v', 'u')
    let isProven = true
    let found = await check(pattern, known, { checker: 'automaton', timeout: PROVEN_WITHIN })
    if (found.status === 'unknown') {
      isProven = false
      found = await check(pattern, known, { checker: 'fuzz', timeout: ATTACKED_WITHIN })
    }
    if (isProven) proven++
    if (found.status === 'safe') return
    if (found.status === 'vulnerable' && !isProven && !succeeds(pattern, flags, found.attack.string)) return
    wrong++
    const why = found.status === 'vulnerable' ? found.complexity.summary : found.error.kind
    console.log(
      `${place}  ${source}\n  ${why}${found.status === 'vulnerable' ? `: ${found.attack.pattern}` : ''}`,
    )
  }),
)
console.log(`${places.size} patterns: ${proven} judged by proof, the others by attack; ${wrong} not linear`)
process.exitCode = wrong === 0 ? 0 : 1
