import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/global-setup.ts',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Files mostly wait for a server; vitest’s own choice on two cores is one.
    maxWorkers: 2,
    // Importing is most of the time, and no test changes what modules hold.
    isolate: false,
    // hot-shots reads these by itself, and tests compare packets.
    env: { DD_ENV: '', DD_SERVICE: '', DD_VERSION: '', DD_ENTITY_ID: '' },
  },
})
