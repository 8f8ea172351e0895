import { run } from '../../src/cli/program.ts'

// Runs one command after the other in one process, each with its own environment and output. Loading the program takes
// longer than most commands.

interface Asked {
  number: number
  args: string[]
  env: Record<string, string>
}

const captured = { stdout: '', stderr: '' }
for (const name of ['stdout', 'stderr'] as const) {
  process[name].write = ((chunk: string | Uint8Array, encoding?: unknown, done?: () => void) => {
    captured[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
    const end = typeof encoding === 'function' ? encoding : done
    end?.()
    return true
  }) as typeof process.stdout.write
}

const answer = async ({ number, args, env }: Asked): Promise<void> => {
  for (const name of Object.keys(process.env)) if (name !== 'PATH') delete process.env[name]
  Object.assign(process.env, env)
  Object.assign(captured, { stdout: '', stderr: '' })
  const code = await run(args)
  process.send?.({ number, code, ...captured })
}

let last = Promise.resolve()
process.on('message', (asked: Asked) => {
  last = last.then(() => answer(asked))
})
process.on('disconnect', () => process.exit())
