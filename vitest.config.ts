import { defineConfig } from 'vitest/config'

// The suite runs the sources; only tests that start processes of their own need `dist`, which the global setup builds.
const conditions = ['raftgen-source', 'node', 'import', 'module', 'default']
/** Tests that hold a time against the clock: they come last, one at a time, so that they measure raftgen and not each other. */
const timed = 'test/**/*.timed.test.ts'

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    pool: 'forks',
    testTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'suite',
          include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: [timed, '**/node_modules/**'],
          // Two: many tests wait for processes of their own, and by default a machine with two cores would run one file at a time.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'timed', include: [timed], maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
})
