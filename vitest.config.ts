import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'computes/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/bench/**', 'node_modules/**'],
    // Two cores are what CI has; more workers only fight over them.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
})
