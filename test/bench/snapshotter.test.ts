import { expect, test } from 'vitest'
import { measure } from './snapshotter/epoch.ts'

test('a project in bulk mode has a snapshot of every pair, in far fewer requests than pairs', async () => {
  const done = await measure({ pairs: 600, awayMs: 0, isBulk: true })
  expect(done.snapshots).toBe(600)
  expect(done.posts).toBeLessThan(600 / 5)
})

test('one of a folder asks as much at once: from its isolate come the same bytes, in as few requests', async () => {
  const [here, isolated] = [
    await measure({ pairs: 600, awayMs: 0, isBulk: true }),
    await measure({ pairs: 600, awayMs: 0, isBulk: true, isIsolated: true }),
  ]
  expect(isolated.sha256).toBe(here.sha256)
  expect(isolated.posts).toBeLessThan(3 * here.posts)
})

test('every base snapshot is computed, the same bytes as with a request for each value, in requests whose number does not grow with the pairs', async () => {
  const [few, more, naive] = [
    await measure({ pairs: 4, awayMs: 0 }),
    await measure({ pairs: 24, awayMs: 0 }),
    await measure({ pairs: 24, awayMs: 0, isNaive: true }),
  ]
  expect([few.snapshots, more.snapshots]).toEqual([8, 48])
  expect(more.sha256).toBe(naive.sha256)
  expect(more.posts).toBeLessThan(2 * few.posts)
  expect(more.posts).toBeLessThan(naive.posts / 10)
})
