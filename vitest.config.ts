import { defineConfig } from 'vitest/config'

// The suite runs the sources; only tests that start processes of their own need `dist`, which the global setup builds.
const conditions = ['raftgen-source', 'node', 'import', 'module', 'default']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    pool: 'forks',
    // Two: many tests wait for processes of their own, and by default a machine with two cores would run one file at a time.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
})
