import { join } from 'node:path'
import { expect, test } from 'vitest'
import { faultyText, readFaults } from '../../tools/mutation/fault.ts'
import { runTests } from '../../tools/mutation/judge.ts'

const root = join(import.meta.dirname, '../..')

test('every planted fault says what it breaks and still applies; `./weft mutate` shows that each is noticed', () => {
  const faults = readFaults(join(root, 'test/faults'))
  expect(faults.length).toBeGreaterThanOrEqual(150)
  const stale = faults.flatMap((fault) => {
    try {
      faultyText(root, fault)
      return []
    } catch (failure) {
      return [(failure as Error).message]
    }
  })
  expect(stale).toEqual([])
})

test('a run that was stopped while the project was copied starts no tests', async () => {
  const signal = AbortSignal.abort(new Error('stopped'))
  await expect(runTests({ copy: join(root, 'nowhere'), paths: [], limitMs: 1_000, signal })).rejects.toThrow('stopped')
})
