import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import * as schema from '../src/db/schema.ts'

// Compares the schema with the newest migration: drizzle-kit's own check looks at the journal only, and its
// generate exits 0 when it fails.

const folder = fileURLToPath(new URL('../migrations/meta', import.meta.url))
const newest = readdirSync(folder)
  .filter((name) => name.endsWith('_snapshot.json'))
  .sort()
  .at(-1)
if (newest === undefined) throw new Error('migrations/meta holds no snapshot: run npm run db:generate')

const before = JSON.parse(readFileSync(`${folder}/${newest}`, 'utf8'))
const statements = await generateMigration(
  before,
  generateDrizzleJson(schema, before.id, undefined, 'snake_case'),
)
if (statements.length > 0) {
  console.error(
    `src/db/schema.ts and the migrations differ. Run npm run db:generate, which must write these statements:\n`,
  )
  console.error(statements.join('\n'))
  process.exitCode = 1
} else {
  console.log('The migrations match src/db/schema.ts.')
}
