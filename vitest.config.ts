import { defineConfig } from 'vitest/config'
import type { Vitest } from 'vitest/node'
import { patience } from './test/patience.ts'

const limits = patience()

/** Processes without a network of many: two at a time. */
const APART = ['bad-input', 'command-line', 'deploy', 'deploy-meanwhile', 'forged', 'kills', 'peers', 'record', 'relays', 'within'].map(
  (name) => `test/e2e/${name}.test.ts`,
)

export default defineConfig({
  plugins: [
    {
      name: 'weft:patience',
      // Not in `reporters`, which the command line replaces; called once for every project.
      configureVitest({ vitest }: { readonly vitest: Vitest }) {
        const { reporters } = vitest.config as { reporters: unknown[] }
        if (!reporters.includes(limits)) reporters.push(limits)
      },
    },
  ],
  test: {
    testTimeout: 30_000,
    // Of the hooks that have none of their own; whatever ends later than its test file is ended.
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['src/**/*.test.ts', 'computes/**/*.test.ts', 'dashboard/**/*.test.ts', 'test/**/*.test.ts'],
          // What `weft new` copies has tests of its own kind, which a test of that runs.
          exclude: ['test/e2e/**', 'computes/templates/**'],
          // Two cores are what CI has; more workers only fight over them.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'apart',
          include: APART,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: APART,
          // One network at a time, after everything else: windows are chain time, and a starved machine would miss them.
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
          // Room for two waits of `test/e2e/within.ts`, which say what was awaited, where this would not.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
