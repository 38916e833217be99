import { defineConfig } from 'vitest/config'

// The suite runs the sources; only tests that start processes of their own need `dist`, which the global setup builds.
const conditions = ['raftgen-source', 'node', 'import', 'module', 'default']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 30_000,
  },
})
