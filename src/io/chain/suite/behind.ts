import { describe, expect, test } from 'vitest'
import { isWeftError } from '#domain/errors.ts'
import type { ChainStep } from '#io/chain/port.ts'
import { attest, BATCH, BATCH_2, blockOf, CIDS, CONTENT, createScene, EPOCH_1, NEVER, PROJECTS, ROOT, submit } from './scene.ts'
import type { ChainWorld, Scene } from './scene.ts'

/** A world in which some of what is asked is answered by a node that has not come so far. */
export interface BehindWorld extends ChainWorld {
  lag(blocks: number): void
}

/** Which of the nodes answers changes from one question to the next: so many are enough to meet each. */
const LOOKS = 12

/** What a connection that knows of a block is told, some of whose answers come from nodes that have not come so far. */
export function behindSuite(name: string, open: () => Promise<BehindWorld>): void {
  let world: BehindWorld
  const { anchored } = createScene(async () => {
    world = await open()
    return world
  })

  /** Follows to the head, and goes on to. */
  async function followed(scene: Scene): Promise<void> {
    const { number } = await scene.chain.head()
    const steps = scene.following({ from: 1 })[Symbol.asyncIterator]()
    for (;;) {
      const { value } = await scene.run(steps.next())
      if (blockOf(value as ChainStep).number >= number) return
    }
  }
  /** A node that has not come so far says so, and another look finds one that has. */
  async function looks<Value>(scene: Scene, work: () => Promise<Value>): Promise<readonly Value[]> {
    const seen: Value[] = []
    while (seen.length < LOOKS) {
      const answer = await scene.run(
        work().then(
          (value) => ({ value }),
          (failure: unknown) => ({ failure }),
        ),
      )
      if ('value' in answer) seen.push(answer.value)
      else if (!isWeftError(answer.failure, 'CHAIN_ANSWER_INVALID')) throw answer.failure
    }
    return seen
  }

  describe(`nodes that are behind: ${name}`, () => {
    test('what lies in a block that was followed is never absent', async () => {
      const scene = await anchored()
      await followed(scene)
      world.lag(1)
      const { chain } = scene
      expect(new Set(await looks(scene, () => chain.batchCids(EPOCH_1).then(String)))).toEqual(new Set([BATCH]))
      const batches = await looks(scene, () => chain.batch(EPOCH_1, BATCH))
      expect(batches.map((batch) => batch?.batchCid)).toEqual(Array(LOOKS).fill(BATCH))
    })

    test('nor is a call refused for want of what lies in it', async () => {
      const scene = await anchored()
      await followed(scene)
      world.lag(1)
      const sender = scene.sender('validator1')
      let outcome: unknown
      const sending = looks(scene, () => sender.send('vote', attest(ROOT, BATCH, CONTENT), NEVER)).then((outcomes) => {
        outcome = outcomes.at(-1)
      })
      await scene.untilPending(1)
      await scene.mine(3)
      await scene.run(sending)
      expect(outcome).toMatchObject({ kind: 'done' })
      // Asked anew each time, under a name of its own.
      let vote = 0
      const again = await looks(scene, () => sender.send(`vote again ${vote++}`, attest(ROOT, BATCH, CONTENT), NEVER))
      expect(again).toEqual(Array(LOOKS).fill({ kind: 'refused', reason: 'E40' }))
    })

    test('nor is what a call of one’s own has done', async () => {
      const scene = await anchored()
      const [projectIds, snapshotCids] = [[PROJECTS[1] as never], [CIDS[1] as never]]
      await scene.mine()
      expect(
        await scene.perform('otherSequencer', submit({ batchCid: BATCH_2, projectIds: ['pairs:0x03:SUITE' as never], snapshotCids })),
      ).toMatchObject({
        kind: 'done',
      })
      world.lag(1)
      const { chain } = scene
      expect(new Set(await looks(scene, () => chain.batchCids(EPOCH_1).then(String)))).toEqual(new Set([`${BATCH},${BATCH_2}`]))
      expect(projectIds).toHaveLength(1)
    })

    test('a rewrite that was followed is the chain: nothing waits for what is gone', async () => {
      const scene = await anchored()
      await scene.mine(2)
      const { number } = await scene.chain.head()
      const steps = scene.following({ from: 1 })[Symbol.asyncIterator]()
      const until = async (isReached: (step: ChainStep) => boolean) => {
        for (;;) {
          const { value } = await scene.run(steps.next())
          if (isReached(value as ChainStep)) return
        }
      }
      await until((step) => blockOf(step).number === number)
      await scene.reorg(3)
      await until((step) => step.kind === 'rollback')
      expect(await scene.run(scene.chain.batchCids(EPOCH_1))).toEqual([])
      await until((step) => blockOf(step).number === number)
      expect(await scene.run(scene.chain.batchCids(EPOCH_1))).toEqual([])
    })
  })
}
