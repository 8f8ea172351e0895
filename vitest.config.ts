import { defineConfig } from 'vitest/config'

// The tests choose their own agent; what a developer or CI has set for Datadog must not add tags to it.
for (const name of Object.keys(process.env)) if (name.startsWith('DD_')) delete process.env[name]

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    // Each file has its own database and Redis, so only modules are shared; importing them again for every
    // file is most of a run.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
