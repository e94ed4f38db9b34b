import { expect, test } from 'vitest'
import type { Cid } from '#domain/ids.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { BATCH_BYTES_MAX } from '#wire/batch-json.ts'
import { createBatchFiles } from './batch-files.ts'
import { A, batchOf } from './serve.test-world.ts'

const NAMES = Array.from({ length: 10 }, (_, index) => `bafybatch${index}` as Cid)

/** Files of which each says to have so many bytes, and how often they were fetched, and how many at once. */
function openFiles(bytes: number) {
  const fetched: Cid[] = []
  let [underWay, mostAtOnce] = [0, 0]
  const files = createBatchFiles({
    ipfs: {
      async get(batchCid) {
        fetched.push(batchCid)
        underWay += 1
        mostAtOnce = Math.max(mostAtOnce, underWay)
        await new Promise((resolve) => setImmediate(resolve))
        underWay -= 1
        return batchOf([[A, batchCid]])
      },
    },
    clock: createVirtualClock(),
  })
  return { fetched, mostAtOnce: () => mostAtOnce, read: (batchCid: Cid) => files.read({ batchCid, file: 'read', bytes }) }
}

test('A11: files are remembered as far as their bytes fit, the last asked for longest', async () => {
  const [first, second, third] = NAMES as [Cid, Cid, Cid]
  const small = openFiles(1_000)
  for (const batchCid of [first, second, third, first, second]) await small.read(batchCid)
  expect(small.fetched).toEqual([first, second, third])
  const large = openFiles(BATCH_BYTES_MAX / 2)
  for (const batchCid of [first, second, first, third, first, second]) await large.read(batchCid)
  expect(large.fetched).toEqual([first, second, third, second])
})

test('A11: of files that many ask for at once a few are read at a time', async () => {
  const { read, fetched, mostAtOnce } = openFiles(1_000)
  await Promise.all([...NAMES, ...NAMES].map(read))
  expect([fetched.length, mostAtOnce()]).toEqual([NAMES.length, 4])
})
