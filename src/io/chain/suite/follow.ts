import { describe, expect, test } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import type { ChainStep } from '#io/chain/port.ts'
import { blockOf, createScene, numberOf, SUITE_REORG_DEPTH_MAX, take } from './scene.ts'
import type { ChainWorld } from './scene.ts'

/** What `follow` promises. */
export function followSuite(name: string, open: () => Promise<ChainWorld>): void {
  const { opened, released } = createScene(open)

  describe(`follow: ${name}`, () => {
    const upTo = (number: number) => (taken: readonly ChainStep[]) => blockOf(taken.at(-1) as ChainStep).number === number

    test('every block once, in order, from far behind to the head and beyond', async () => {
      const { chain, mine, following, run } = await released()
      await mine(130)
      const from = await chain.deploymentBlock()
      const { number } = await chain.head()
      const steps = await run(
        (async () => {
          const taken: ChainStep[] = []
          for await (const step of following({ from })) {
            taken.push(step)
            if (blockOf(step).number === number) await mine(2)
            if (blockOf(step).number === number + 2) break
          }
          return taken
        })(),
      )
      expect(steps.map(numberOf)).toEqual(Array.from({ length: number + 3 - from }, (_, index) => String(from + index)))
      expect(
        steps.every(
          (step, index) => index === 0 || (step.kind === 'block' && step.block.parentHash === blockOf(steps[index - 1] as ChainStep).hash),
        ),
      ).toBe(true)
      expect(
        steps
          .flatMap((step) => (step.kind === 'block' ? step.events.map(({ kind }) => kind) : []))
          .filter((kind) => kind !== 'SnapshotterAddressChanged'),
      ).toEqual(['EpochReleased'])
    })

    test('a rewrite is one rollback to the last common block, then the new blocks with their events', async () => {
      const { chain, mine, reorg, following, run } = await opened()
      await mine(5)
      const { number } = await chain.head()
      const before = await chain.block((number - 3) as BlockNumber)
      const steps = await run(
        (async () => {
          const taken: ChainStep[] = []
          let isRewritten = false
          for await (const step of following({ from: number - 4 })) {
            taken.push(step)
            if (blockOf(step).number === number && !isRewritten) {
              isRewritten = true
              await reorg(3)
              await mine(1)
            }
            if (blockOf(step).number === number + 1) break
          }
          return taken
        })(),
      )
      const all = [-4, -3, -2, -1, 0].map((offset) => String(number + offset))
      expect(steps.map(numberOf)).toEqual([...all, `back to ${number - 3}`, ...all.slice(2), String(number + 1)])
      expect(blockOf(steps[5] as ChainStep)).toEqual(before)
      expect(
        new Set(steps.slice(2, 5).map((step) => blockOf(step).hash)).isDisjointFrom(
          new Set(steps.slice(6).map((step) => blockOf(step).hash)),
        ),
      ).toBe(true)
    })

    test('a rewrite while the caller was away is found from the blocks it knows', async () => {
      const { chain, mine, reorg, following, run } = await opened()
      await mine(6)
      const { number } = await chain.head()
      const known = (await run(take(following({ from: number - 5 }), upTo(number)))).map(blockOf)
      await reorg(2)
      await mine(2)
      const steps = await run(take(following({ from: number + 1, known }), upTo(number + 2)))
      expect(steps.map(numberOf)).toEqual([
        `back to ${number - 2}`,
        String(number - 1),
        String(number),
        String(number + 1),
        String(number + 2),
      ])
    })

    test('nothing is repeated for a caller whose blocks still stand', async () => {
      const { chain, mine, following, run } = await opened()
      await mine(4)
      const { number } = await chain.head()
      const known = (await run(take(following({ from: number - 3 }), upTo(number)))).map(blockOf)
      await mine(1)
      expect((await run(take(following({ from: number + 1, known }), upTo(number + 1)))).map(numberOf)).toEqual([String(number + 1)])
    })

    test('a rewrite deeper than the caller remembers stops it', async () => {
      const { chain, mine, reorg, following, run } = await opened()
      await mine(12)
      const { number } = await chain.head()
      const known = (await run(take(following({ from: number - 2 }), upTo(number)))).map(blockOf)
      await reorg(5)
      await mine(1)
      await expect(run(take(following({ from: number + 1, known }), upTo(number + 1)))).rejects.toMatchObject({
        code: 'CHAIN_REORG_TOO_DEEP',
        facts: { depth: 3, depthMax: SUITE_REORG_DEPTH_MAX },
      })
    })

    test('it ends when the signal aborts, also while it waits', async () => {
      const { chain, following, run } = await opened()
      const stop = new AbortController()
      const { number } = await chain.head()
      const following1 = take(following({ from: number, signal: stop.signal }), () => {
        queueMicrotask(() => stop.abort())
        return false
      })
      expect((await run(following1)).map(numberOf)).toEqual([String(number)])
      expect(await run(take(following({ from: number, signal: AbortSignal.abort() }), () => true))).toEqual([])
    })
  })
}
