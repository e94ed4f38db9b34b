import { describe, expect, test } from 'vitest'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Cid, EpochId, ProjectId } from '#domain/ids.ts'
import type { CallOutcome, IntentJournal } from '#io/chain/port.ts'
import {
  attest,
  BATCH,
  BATCH_2,
  CIDS,
  createMemoryJournal,
  createScene,
  end,
  NEVER,
  OTHER_ROOT,
  PROJECTS,
  release,
  ROOT,
  submit,
} from './scene.ts'
import type { ChainWorld } from './scene.ts'

const EPOCH = 1 as EpochId

/** What every sender promises. */
export function senderSuite(name: string, open: () => Promise<ChainWorld>): void {
  const { opened, released } = createScene(open)

  describe(`sender: ${name}`, () => {
    test('the same intent again is the same transaction', async () => {
      const { sender, untilPending, mine, run, transactionCount, address } = await opened()
      const journal = createMemoryJournal()
      const first = sender('epochManager', { journal })
      expect(first.address).toBe(address('epochManager'))
      const settled = first.send('release/100', release(100, 109), NEVER)
      await untilPending(1)
      await mine()
      const outcome = await run(settled)
      expect(outcome).toMatchObject({ kind: 'done' })
      // In whichever process has the journal, and in no other.
      const { transactionHash } = outcome as Extract<CallOutcome, { readonly kind: 'done' }>
      const others = [sender('epochManager', { journal }), sender('epochManager', { journal: createMemoryJournal() })]
      expect([first, ...others].map((each) => each.hasSigned(transactionHash))).toEqual([true, true, false])
      expect(await run(first.send('release/100', release(100, 109), NEVER))).toEqual(outcome)
      expect(await run(sender('epochManager', { journal }).send('release/100', release(100, 109), NEVER))).toEqual(outcome)
      expect(await transactionCount('epochManager')).toBe(1)
    })

    test('killed between journal and broadcast: one transaction', async () => {
      const { sender, untilPending, mine, run, transactionCount } = await opened()
      const reached = Promise.withResolvers<void>()
      // The write is durable and the process gone before it hears of it.
      let isAlive = true
      const journal = createMemoryJournal(async () => {
        if (!isAlive) return
        reached.resolve()
        await new Promise(() => undefined)
      })
      void sender('epochManager', { journal }).send('release/100', release(100, 109), NEVER)
      await run(reached.promise)
      isAlive = false
      const settled = sender('epochManager', { journal }).send('release/100', release(100, 109), NEVER)
      await untilPending(1)
      await mine()
      expect(await run(settled)).toMatchObject({ kind: 'done' })
      expect(await transactionCount('epochManager')).toBe(1)
    })

    test('killed between broadcast and receipt: one transaction', async () => {
      const { sender, untilPending, mine, run, transactionCount, chain } = await opened()
      const journal = createMemoryJournal()
      const killed = new AbortController()
      const lost = sender('epochManager', { journal }).send('release/100', release(100, 109), killed.signal)
      await untilPending(1)
      killed.abort(new Error('killed'))
      await expect(run(lost)).rejects.toThrow('killed')
      await mine()
      const outcome = await run(sender('epochManager', { journal }).send('release/100', release(100, 109), NEVER))
      expect(outcome).toMatchObject({ kind: 'done', blockNumber: (await chain.head()).number })
      expect(await transactionCount('epochManager')).toBe(1)
    })

    test('not mined in time is not lost: the next call goes on with it', async () => {
      const { sender, untilPending, mine, run, transactionCount } = await opened()
      const journal = createMemoryJournal()
      const impatient = sender('epochManager', { journal, settleTimeoutMs: 30 })
      const failure = await run(impatient.send('release/100', release(100, 109), NEVER).catch((cause: unknown) => cause))
      expect(isWeftError(failure, 'CALL_NOT_SETTLED')).toBe(true)
      await untilPending(1)
      await mine()
      expect(await run(impatient.send('release/100', release(100, 109), NEVER))).toMatchObject({ kind: 'done' })
      expect(await transactionCount('epochManager')).toBe(1)
    })

    test('lost by a rewrite, it is broadcast again, not made again', async () => {
      const { sender, untilPending, mine, reorg, run, transactionCount, chain } = await opened()
      const journal = createMemoryJournal()
      await mine(2)
      const settle = async () => {
        const settled = sender('epochManager', { journal }).send('release/100', release(100, 109), NEVER)
        await untilPending(1)
        await mine()
        return run(settled)
      }
      const first = await settle()
      await reorg(2)
      expect(await chain.currentEpoch()).toMatchObject({ epochId: 0 })
      const second = await settle()
      expect([first.kind, second.kind]).toEqual(['done', 'done'])
      expect(first.kind === 'done' && second.kind === 'done' && first.transactionHash === second.transactionHash).toBe(true)
      expect(await transactionCount('epochManager')).toBe(1)
    })

    test('calls sent together are mined in their order', async () => {
      const { sender, untilPending, mine, run, eventsSince, chain } = await released()
      const { number } = await chain.head()
      const sequencer = sender('sequencer')
      const batches = [BATCH, BATCH_2].map((batchCid, index) =>
        submit({ batchCid, projectIds: [PROJECTS[index]] as ProjectId[], snapshotCids: [CIDS[index]] as Cid[] }),
      )
      const outcomes = Promise.all([...batches, end].map((call, index) => sequencer.send(`call/${index}`, call, NEVER)))
      await untilPending(3)
      await mine()
      expect((await run(outcomes)).map(({ kind }) => kind)).toEqual(['done', 'done', 'done'])
      expect((await eventsSince(number + 1)).map(({ kind }) => kind)).toEqual([
        'SnapshotBatchSubmitted',
        'SnapshotBatchSubmitted',
        'BatchSubmissionsCompleted',
      ])
    })

    test('twenty batches are with the node together, and one block takes them in their order', async () => {
      const { sender, untilPending, mine, run, chain, transactionCount } = await released()
      const batchCids = Array.from({ length: 20 }, (_, index) => `batch ${index}` as Cid)
      const intents = batchCids.map((batchCid, index) => ({
        intentId: `batch/${index}`,
        call: submit({ batchCid, projectIds: [`pairs:${index}:SUITE` as ProjectId], snapshotCids: [CIDS[0] as Cid] }),
      }))
      const outcomes = sender('sequencer').sendInOrder(intents, NEVER)
      await untilPending(20)
      await mine()
      const blocks = (await run(outcomes)).map((outcome) => outcome.kind === 'done' && outcome.blockNumber)
      expect(blocks).toEqual(Array(20).fill((await chain.head()).number))
      expect(await chain.batchCids(EPOCH)).toEqual(batchCids)
      expect(await transactionCount('sequencer')).toBe(20)
    })

    test('in order: behind a call that cannot be journalled nothing is sent, and the same list again goes on', async () => {
      const { sender, untilPending, mine, run, eventsSince, transactionCount, chain } = await released()
      const { number } = await chain.head()
      const memory = createMemoryJournal()
      let isDiskFull = true
      const journal: IntentJournal = {
        ...memory,
        async commit(writes) {
          // Keys and values both: adapters name their entries as they like.
          const text = writes.map(({ key, value }) => `${key} ${value === undefined ? '' : new TextDecoder().decode(value)}`).join(' ')
          if (isDiskFull && text.includes('batch/1')) throw new WeftError('STORE_FAILED', { path: 'memory', doing: 'commit' })
          await memory.commit(writes)
        },
      }
      const intents = [BATCH, BATCH_2].map((batchCid, index) => ({
        intentId: `batch/${index}`,
        call: submit({ batchCid, projectIds: [PROJECTS[index]] as ProjectId[], snapshotCids: [CIDS[index]] as Cid[] }),
      }))
      const list = [...intents, { intentId: 'end', call: end }]
      const failure = await run(
        sender('sequencer', { journal })
          .sendInOrder(list, NEVER)
          .catch((cause: unknown) => cause),
      )
      expect(isWeftError(failure, 'STORE_FAILED')).toBe(true)
      await untilPending(1)
      await mine()
      expect((await eventsSince(number + 1)).map(({ kind }) => kind)).toEqual(['SnapshotBatchSubmitted'])

      isDiskFull = false
      const outcomes = sender('sequencer', { journal }).sendInOrder(list, NEVER)
      await untilPending(2)
      await mine()
      expect((await run(outcomes)).map(({ kind }) => kind)).toEqual(['done', 'done', 'done'])
      expect(await chain.batchCids(EPOCH)).toEqual([BATCH, BATCH_2])
      expect(await transactionCount('sequencer')).toBe(3)
    })

    test('what a rewrite has taken back goes out again, ahead of the next call', async () => {
      const { sender, untilPending, mine, run, reorg, transactionCount, chain } = await released()
      const sequencer = sender('sequencer')
      const batch = sequencer.send('batch', submit(), NEVER)
      await untilPending(1)
      await mine()
      expect(await run(batch)).toMatchObject({ kind: 'done' })
      await reorg(1)
      expect(await chain.batchCids(EPOCH)).toEqual([])
      const ended = sequencer.send('end', end, NEVER)
      await untilPending(2)
      await mine()
      expect(await run(ended)).toMatchObject({ kind: 'done' })
      expect(await chain.batchCids(EPOCH)).toEqual([BATCH])
      expect(await transactionCount('sequencer')).toBe(2)
    })

    test('a call whose predecessor a rewrite has taken back waits until that is in the chain again', async () => {
      const { sender, untilPending, until, mine, run, reorg, chain } = await opened()
      const manager = sender('epochManager')
      await mine(2)
      const first = manager.send('release/100', release(100, 109), NEVER)
      await untilPending(1)
      await mine()
      expect(await run(first)).toMatchObject({ kind: 'done' })
      const second = manager.send('release/110', release(110, 119), NEVER)
      await untilPending(1)
      // Mined alone it would be the market's first epoch, which may begin anywhere.
      await reorg(2)
      await mine()
      expect(await chain.currentEpoch()).toMatchObject({ epochId: 0 })
      const both = Promise.all([
        manager.send('release/100', release(100, 109), NEVER),
        manager.send('release/110', release(110, 119), NEVER),
        second,
      ])
      await until(async () => {
        await mine()
        return (await chain.currentEpoch()).epochId === 2
      })
      expect((await run(both)).map(({ kind }) => kind)).toEqual(['done', 'done', 'done'])
      expect(await chain.currentEpoch()).toMatchObject({ epochId: 2, begin: 110, end: 119 })
    })

    test('a call that another one overtakes is refused with the contract’s reason', async () => {
      const { sender, untilPending, mine, run } = await released()
      const outcomes = Promise.all([
        sender('sequencer').send('mine', submit(), NEVER),
        sender('otherSequencer').send('mine', submit({ batchCid: BATCH_2 }), NEVER),
      ])
      await untilPending(2)
      await mine()
      expect((await run(outcomes)).map((outcome) => (outcome.kind === 'refused' ? outcome.reason : outcome.kind)).sort()).toEqual([
        'E25',
        'done',
      ])
    })

    test('two processes with one key: of calls that exclude each other one is done, none twice, and whoever lost its nonce is told', async () => {
      const { sender, untilPending, until, mine, run, transactionCount, chain, address } = await released()
      const anchored = sender('sequencer').send('batch', submit(), NEVER)
      await untilPending(1)
      await mine()
      await run(anchored)
      const told: number[] = []
      const twin = () => sender('validator1', { journal: createMemoryJournal(), onShared: (nonce) => told.push(nonce) })
      const outcomes: string[] = []
      const note = (sending: Promise<CallOutcome>) =>
        sending.then((outcome) => void outcomes.push(outcome.kind === 'refused' ? outcome.reason : outcome.kind))
      const both = Promise.all([note(twin().send('a', attest(ROOT), NEVER)), note(twin().send('a', attest(OTHER_ROOT), NEVER))])
      await untilPending(1)
      await mine()
      await until(async () => told.length > 0)
      await until(async () => {
        await mine(10)
        return outcomes.length === 2
      })
      await run(both)
      expect(outcomes.sort()).toEqual(['E40', 'done'])
      expect(await chain.hasAttested(EPOCH, BATCH, address('validator1'))).toBe(true)
      // The one that was done, and the other, made anew once.
      expect([await transactionCount('validator1'), new Set(told)]).toEqual([2, new Set([0])])
    })

    test('two processes with one key and one call: it is done once, and both know', async () => {
      const { sender, untilPending, mine, run, transactionCount } = await released()
      const twin = () => sender('sequencer', { journal: createMemoryJournal() }).send('a', submit(), NEVER)
      const both = Promise.all([twin(), twin()])
      await untilPending(1)
      await mine()
      const [first, second] = await run(both)
      expect([first?.kind, second]).toEqual(['done', first])
      expect(await transactionCount('sequencer')).toBe(1)
    })

    test('whoever sends after somebody else with the key is told, and goes on behind', async () => {
      const { sender, untilPending, mine, run, chain } = await released()
      const told: number[] = []
      const mined = async (sending: Promise<CallOutcome>): Promise<string> => {
        await untilPending(1)
        await mine()
        return (await run(sending)).kind
      }
      const one = sender('sequencer', { journal: createMemoryJournal(), onShared: (nonce) => told.push(nonce) })
      expect(await mined(one.send('a', submit(), NEVER))).toBe('done')
      const other = sender('sequencer', { journal: createMemoryJournal() })
      expect(
        await mined(
          other.send(
            'b',
            submit({ batchCid: BATCH_2, projectIds: ['pairs:0x03:SUITE'] as ProjectId[], snapshotCids: CIDS.slice(0, 1) }),
            NEVER,
          ),
        ),
      ).toBe('done')
      expect(told).toEqual([])
      expect(await mined(one.send('end', end, NEVER))).toBe('done')
      expect([told, await chain.isEpochEnded(EPOCH)]).toEqual([[1], true])
    })

    test('an aborted signal sends nothing', async () => {
      const { sender, run, transactionCount, mine } = await opened()
      await expect(
        run(sender('epochManager').send('release/100', release(100, 109), AbortSignal.abort(new Error('stopping')))),
      ).rejects.toThrow('stopping')
      await mine()
      expect(await transactionCount('epochManager')).toBe(0)
    })
  })
}
