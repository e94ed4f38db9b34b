import { describe, expect, test } from 'vitest'
import { floatSum, seriesInWindow } from '#domain/compute.ts'
import { createHistoryCache } from './history-cache.ts'
import { createLongWindow, PROJECT } from './long-window.test-world.ts'

/** A day of epochs each second. */
const DAY = 86_400
const FIELDS = ['volume'] as const
const snapshotOf = (epochId: number) => ({ volume: epochId * 1.1, other: 'x' })

/** Added up by hand in the protocol's order, the epochs before `present`. */
function sumBefore(present: number, windowEpochs: number): number {
  let sum = 0
  for (let epochId = present - windowEpochs; epochId < present; epochId += 1) sum += snapshotOf(epochId).volume
  return sum
}

describe('N18: a snapshotter that has nothing yet, in a market of a day and more', () => {
  test('has the whole day in its first epoch, in bounded requests at a time and bounded memory, tells how far it is, and reads none of it again', async () => {
    // As much as a day of the field needs, and snapshots for a hundredth of it.
    const cache = createHistoryCache(256 * 1_024, 86 * (1_024 * 17 + 128))
    const { at, asked, told } = createLongWindow(snapshotOf, { cache, waitMs: 1 })
    const first = at(DAY + 1)
    const day = await seriesInWindow(first.history, { projectId: PROJECT, epochId: DAY + 1, windowEpochs: DAY, fields: FIELDS })
    expect(day.isWhole).toBe(true)
    expect(floatSum(day.columns[0] ?? [], 'volume')).toBe(sumBefore(DAY + 1, DAY))
    expect(first.builtOn()).toMatchObject({ count: DAY })
    expect(asked.ipfs).toBe(DAY)
    // Of each epoch its release, its end, its batches and its project, and of the project its first epoch.
    expect(asked.chain).toBe(4 * DAY + 1)
    expect(asked.atOnceMax).toBeLessThanOrEqual(64)
    // Every ten seconds, of which one thousandth passed with each snapshot.
    const read = told.map(([event, facts]) => [event, (facts as { readonly read: number }).read])
    expect(read.length).toBeGreaterThanOrEqual(8)
    expect(read.every(([event, epochs], index) => event === 'history_read' && (epochs as number) >= 10_000 * (index + 1))).toBe(true)

    const before = { ...asked }
    const next = at(DAY + 2)
    const again = await seriesInWindow(next.history, { projectId: PROJECT, epochId: DAY + 2, windowEpochs: DAY, fields: FIELDS })
    expect(floatSum(again.columns[0] ?? [], 'volume')).toBe(sumBefore(DAY + 2, DAY))
    expect(next.builtOn()).toMatchObject({ count: DAY })
    expect([asked.ipfs - before.ipfs, asked.chain - before.chain]).toEqual([1, 5])
  }, 120_000)
})
