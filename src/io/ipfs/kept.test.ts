import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EpochId } from '#domain/ids.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { openKept } from './kept.ts'

const epoch = (number: number): EpochId => number as EpochId

test('G3, G10: nothing that is needed goes, and nothing else stays, in any order of notes, steps and crashes', async () => {
  const cids = ['a', 'b', 'c', 'd', 'e']
  // Epochs come again, and lower ones: a reorganisation releases what was released before.
  const doing = fc.oneof(
    fc.record({ kind: fc.constant('note' as const), cid: fc.constantFrom(...cids), epochId: fc.option(fc.nat(12), { nil: undefined }) }),
    fc.record({ kind: fc.constant('letGo' as const), oldest: fc.nat(12), countMax: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ kind: fc.constant('crash' as const) }),
  )
  const seed = process.env.FUZZ_SEED
  await fc.assert(
    fc.asyncProperty(fc.array(doing, { maxLength: 60 }), async (steps) => {
      let store = createFakeStore()
      let kept = openKept(store)
      /** The newest epoch that each needs, as somebody would keep it who never forgets. */
      const needed = new Map<string, number>()
      let newest = 0
      for (const step of steps) {
        if (step.kind === 'crash') {
          store = store.crash()
          kept = openKept(store)
        } else if (step.kind === 'note') {
          await kept.note(step.cid, step.epochId === undefined ? undefined : epoch(step.epochId))
          newest = Math.max(newest, step.epochId ?? 0)
          needed.set(step.cid, Math.max(needed.get(step.cid) ?? 0, step.epochId ?? newest))
        } else {
          const due = [...needed].filter(([, epochId]) => epochId < step.oldest).sort(([, left], [, right]) => left - right)
          const gone: string[] = []
          const count = await kept.letGo(epoch(step.oldest), step.countMax, (cid) => gone.push(cid))
          expect(count).toBe(Math.min(due.length, step.countMax))
          const goneEpochs = gone.map((cid) => needed.get(cid))
          expect(goneEpochs).toEqual(due.slice(0, count).map(([, epochId]) => epochId))
          for (const cid of gone) needed.delete(cid)
        }
        expect(cids.filter(kept.has)).toEqual(cids.filter((cid) => needed.has(cid)))
        expect(kept.newest()).toBe(newest)
      }
      expect(await kept.letGo(epoch(100), 100, () => undefined)).toBe(needed.size)
    }),
    { numRuns: 300, ...(seed === undefined ? {} : { seed: Number(seed) }) },
  )
})

test('a note counts at once, and the same again waits for the disk', async () => {
  const store = createFakeStore()
  const kept = openKept(store)
  void kept.note('a', epoch(1))
  expect(kept.has('a')).toBe(true)
  await kept.note('a', epoch(1))
  expect(store.durable('ipfs-of/a')).toBeDefined()
})

test('what goes is called in the turn in which it is forgotten', () => {
  const kept = openKept(createFakeStore())
  void kept.note('a', epoch(1))
  void kept.letGo(epoch(2), 10, (cid) => expect(kept.has(cid)).toBe(true))
  expect(kept.has('a')).toBe(false)
})
