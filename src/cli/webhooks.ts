import { enableCompileCache } from 'node:module'

// Most of a start is reading modules: what was compiled once is kept in the temporary folder.
enableCompileCache()
const { run } = await import('./program.ts')
process.exitCode = await run(process.argv.slice(2))
