import { defineConfig } from 'vitest/config'

/** The tests that judge mutants of `src/domain` and `src/wire`: those that need no process, socket or disk. */
export default defineConfig({
  test: {
    include: ['src/domain/**/*.test.ts', 'src/wire/**/*.test.ts', 'test/vectors/**/*.test.ts', 'test/docs/codes.test.ts'],
    testTimeout: 60_000,
  },
})
