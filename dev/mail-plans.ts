import { fileURLToPath } from 'node:url'
import { parseArgs, styleText } from 'node:util'
import pg from 'pg'
import { cpuSeconds } from '../bench/usage.ts'
import { fillOutreach, measureCpu, measureMatching } from '../harness/mail-volume.ts'
import { startPostgres } from '../harness/postgres.ts'
import { migrate } from '../src/migrate.ts'

// What finding the outreach that a mail answers costs Postgres, with ten million outreach, 20,000 of them of the
// mailbox that the mail comes to: by plan, and as CPU time.

const { values } = parseArgs({ options: { outreach: { type: 'string', default: '10000000' } } })
const outreach = Number(values.outreach)

/** Kept, so that it is filled once: 4 GB for ten million. */
const folder = fileURLToPath(new URL(`../.data/mail-plans-${outreach}`, import.meta.url))
const FOR_FILLING = [
  'max_wal_size=16GB',
  'wal_level=minimal',
  'max_wal_senders=0',
  'maintenance_work_mem=1GB',
  'synchronous_commit=off',
]
const postgres = await startPostgres(folder, { settings: ['shared_buffers=1GB', ...FOR_FILLING] })
try {
  await migrate(postgres.url)
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  const { rows } = await client.query('select exists (select from outreach) as filled')
  if (!rows[0]?.filled) {
    console.log(`Filling ${folder} with ${outreach.toLocaleString('en')} outreach, once …`)
    await fillOutreach(client, outreach)
  }
  await client.end()
  console.log(`${''.padEnd(60)}    ms  pages`)
  for (const { what, milliseconds, pages, whole } of await measureMatching(postgres.url)) {
    const note = whole.length > 0 ? styleText('yellow', `  reads all of ${whole.join(', ')}`) : ''
    console.log(`${what.padEnd(58)}${milliseconds.toFixed(3).padStart(8)}${String(pages).padStart(7)}${note}`)
  }
  console.log(`\n${"CPU of Postgres's session for matching one mail".padEnd(60)}    µs`)
  for (const { what, microseconds } of await measureCpu(postgres.url, cpuSeconds)) {
    console.log(`${what.padEnd(58)}${microseconds.toFixed(0).padStart(8)}`)
  }
} finally {
  await postgres.stop()
}
