import { defineConfig } from 'vitest/config'

/** The tests that judge mutants: those beside the code that need no process or socket, and those that compare it with what others made of it. */
const JUDGES: Readonly<Record<string, readonly string[]>> = {
  'src/domain': ['src/domain/**/*.test.ts', 'test/docs/codes.test.ts'],
  'src/wire': ['src/wire/**/*.test.ts', 'test/vectors/**/*.test.ts'],
}

export default defineConfig({
  test: {
    include: Object.entries(JUDGES).flatMap(([folder, tests]) => (folder === (process.env['WEFT_MUTATED'] ?? folder) ? [...tests] : [])),
    // One process for all files of one mutant; the next mutant gets a new one. This is what makes thousands of them affordable.
    isolate: false,
    testTimeout: 60_000,
  },
})
