import { expect, test } from 'vitest'
import { fuzzConfiguration } from '../fuzz/configuration.ts'
import { fuzz } from '../fuzz/run.ts'
import { asService, cloneDatabase } from './database.ts'
import { freshRedis } from './redis.ts'

test('settings that are mangled are refused by name, or the service can start with them', () => {
  const { accepted, findings } = fuzzConfiguration(1, 1_000)
  expect(findings).toEqual([])
  // Both happened.
  expect(accepted).toBeGreaterThan(20)
  expect(accepted).toBeLessThan(900)
})

// A short run of `npm run fuzz`. The limit on the event loop is generous: the command has the real one.
test('the first mutated deliveries of a fixed seed do no harm', async () => {
  const database = await cloneDatabase()
  try {
    const { findings, byKind, byStatus, accepted } = await fuzz({
      seed: 1,
      numbers: Array.from({ length: 240 }, (_, number) => number),
      maxBlocked: 5_000,
      ownerUrl: database.url,
      databaseUrl: asService(database.url),
      redisUrl: await freshRedis(),
    })
    expect(findings.map(({ case: { number, what }, problem }) => `${number}, ${what}: ${problem}`)).toEqual(
      [],
    )
    // It did what it is for: all kinds were sent, some were accepted, others refused.
    expect(Math.min(...Object.values(byKind))).toBeGreaterThan(20)
    for (const status of [200, 400, 401]) expect(byStatus.get(status)).toBeGreaterThan(10)
    expect(accepted).toBeGreaterThan(50)
  } finally {
    await database.drop()
  }
}, 120_000)
