import { describe, expect, test } from 'vitest'
import { type AnnouncedBatch, createAnchorView } from '#domain/anchor-view.ts'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, SlotId, ContractNumber } from '#domain/ids.ts'
import type { AnchorChain, BlockRef, ChainStep, MarketState, ProtocolEvent, SlotState } from '#io/chain/port.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { createJournal } from './journal.ts'
import { CID_A, EPOCH_1, honest, judged, openWorld, storeWithCursor, VALIDATORS } from './validator.test-world.ts'
import { createValidator, type ValidatorDeps } from './validator.ts'
import { watch } from './watch.ts'

/** Longer than any stride in which the cursor is written, so that no margin hides where it is. */
const WINDOW = 100
const NEVER = new AbortController().signal
const [ALICE, BOB] = ['a', 'b'].map((digit) => `0x${digit.repeat(40)}` as Address) as [Address, Address]
const SLOT_1 = 1 as SlotId

const block = (number: number, fork = ''): BlockRef => ({
  number: number as BlockNumber,
  contractNumber: number as ContractNumber,
  hash: `0xblock${number}${fork}` as Hash,
  parentHash: `0xblock${number - 1}` as Hash,
  timestamp: number * 10,
})
type Told =
  | { readonly kind: 'EpochReleased'; readonly epochId: number }
  | { readonly kind: 'SnapshotBatchSubmitted'; readonly epochId: number; readonly batchCid: string }
  | { readonly kind: 'SnapshotterAddressChanged'; readonly slotId: SlotId; readonly signer: Address }
const step = (number: number, ...events: Told[]): ChainStep => ({
  kind: 'block',
  block: block(number),
  events: events.map((event) => event as unknown as ProtocolEvent),
})
const steps = (from: number, to: number): ChainStep[] => Array.from({ length: to - from + 1 }, (_, index) => step(from + index))
const released = (epochId: number): Told => ({ kind: 'EpochReleased', epochId })

/** Lets `watch` follow the steps given, from a chain whose head is `head`. */
function open(
  options: {
    readonly head?: number
    readonly headOf?: () => BlockRef
    readonly cursor?: number
    readonly slots?: () => readonly SlotState[] | Promise<readonly SlotState[]>
  } = {},
) {
  const store = createFakeStore()
  const journal = createJournal({ store })
  const view = createAnchorView()
  const followed: { readonly from: number; readonly known: readonly BlockRef[] }[] = []
  const cursors: number[] = []
  const announced: AnnouncedBatch[] = []
  const log: string[] = []
  const pauses: number[] = []
  const busy = new Set<EpochId>()
  const slots = options.slots ?? (() => [{ slotId: SLOT_1, signer: ALICE, isActive: true }])
  const run = async (given: readonly ChainStep[], saveCursor = journal.saveCursor) => {
    if (options.cursor !== undefined) await journal.saveCursor(options.cursor as BlockNumber)
    await watch(
      {
        chain: {
          head: async () => options.headOf?.() ?? block(options.head ?? 0),
          firstSeeing: async (number: number) => number,
          slots: async () => slots(),
          // Of the past; what `slots` says is of the head.
          slot: async (slotId: SlotId) => ({ slotId, signer: ALICE, isActive: true }),
          async *follow({ from, known }: Parameters<AnchorChain['follow']>[0]) {
            followed.push({ from, known })
            yield* given
          },
        } as unknown as AnchorChain,
        clock: { sleep: async (pauseMs) => void pauses.push(pauseMs) },
        random: { fraction: () => 1 },
        report: (event, { doing }) => void log.push(`${event} ${doing}`),
        contract: { attestationWindowBlocks: WINDOW } as MarketState,
        view,
        journal: {
          ...journal,
          async saveCursor(number) {
            cursors.push(number)
            await saveCursor(number)
          },
        },
        onBlock: () => undefined,
        lanes: {
          announce: (batch) => void announced.push(batch),
          rollback(to, ready) {
            log.push(`rollback to ${to}, head ${view.head?.number}`)
            ready.then(
              () => log.push('turns go on'),
              () => log.push('no more turns'),
            )
          },
          isBusy: (epochId) => busy.has(epochId),
          forget: (epochId) => void log.push(`forget ${epochId}`),
          idle: async () => undefined,
        },
      },
      NEVER,
    )
  }
  return { run, view, journal, followed, cursors, announced, log, busy, pauses }
}

describe('where it starts', () => {
  test.each([
    ['at the oldest release whose batches may still be attested', 500, undefined, 400],
    ['at the first block of a young chain', 60, undefined, 0],
    ['V5: as far below its own cursor as a reorganisation may have moved a release', 500, 223, 96],
    ['V5: at its own cursor, be it 0', 500, 0, 0],
  ])('%s', async (_, head, cursor, from) => {
    const { run, followed } = open({ head, ...(cursor === undefined ? {} : { cursor }) })
    await run([])
    expect(followed).toEqual([{ from, known: [] }])
  })
})

test('V5, V6: of what is read again below the cursor, batches whose window is over are left alone, and one whose release was moved there is not', async () => {
  const batch = (epochId: number): Told => ({ kind: 'SnapshotBatchSubmitted', epochId, batchCid: `batch ${epochId}` })
  const { run, announced } = open({ head: 250, cursor: 200 })
  await run([
    step(140, released(1)),
    step(141, batch(1)),
    step(160, released(2)),
    step(161, batch(2)),
    step(205, released(3)),
    step(206, batch(3)),
  ])
  expect(announced.map(({ batchCid }) => batchCid)).toEqual(['batch 2', 'batch 3'])
})

describe('the cursor', () => {
  test('G9, V6: stays at the oldest release whose window is open, however far the head is', async () => {
    const { run, cursors } = open()
    await run([...steps(1, 39), step(40, released(1)), ...steps(41, 59), step(60, released(2)), ...steps(61, 140)])
    expect(cursors).toEqual([16, 32])
  })

  test('G9, V6: goes on with the first block after the window, and no earlier', async () => {
    const { run, cursors } = open()
    await run([step(40, released(1)), ...steps(41, 59), step(60, released(2)), ...steps(61, 140)])
    expect(cursors.at(-1)).toBe(40)
    const later = open()
    await later.run([step(40, released(1)), ...steps(41, 59), step(60, released(2)), ...steps(61, 141)])
    expect(later.cursors.at(-1)).toBe(60)
  })

  test('G9, V6: waits for a batch that is under work, whatever the window says', async () => {
    const { run, cursors, busy } = open()
    busy.add(1 as EpochId)
    await run([step(40, released(1)), ...steps(41, 300)])
    expect(cursors.at(-1)).toBe(40)
  })

  test('G9: of several epochs under work the oldest holds it', async () => {
    const { run, cursors, busy, view } = open()
    busy.add(2 as EpochId)
    await run([
      step(40, released(1)),
      ...steps(41, 79),
      step(80, released(2)),
      ...steps(81, 119),
      step(120, released(3)),
      ...steps(121, 300),
    ])
    expect(cursors.at(-1)).toBe(80)
    expect([...view.epochs()].map(({ epochId }) => epochId)).toEqual([2, 3])
  })

  test('G9: a reorganisation takes it back below what took the place of the void blocks', async () => {
    const { run, cursors, journal } = open()
    await run([...steps(1, 16), { kind: 'rollback', to: block(12) }, step(13, released(1)), ...steps(14, 18)])
    expect([cursors, journal.cursor()]).toEqual([[16, 12], 12])
    const above = open({ cursor: 5 })
    await above.run([...steps(5, 16), { kind: 'rollback', to: block(12) }])
    expect(above.cursors).toEqual([])
  })

  test('is written every so many blocks, not with each, and never goes back', async () => {
    const { run, cursors } = open({ cursor: 100 })
    await run(steps(101, 150))
    expect(cursors).toEqual([116, 132, 148])
  })

  test('a disk that cannot keep it ends the watch', async () => {
    const { run } = open()
    const failing = () => Promise.reject(new WeftError('STORE_FAILED', { path: '/', doing: 'writing' }))
    await expect(run(steps(1, 40), failing)).rejects.toMatchObject({ code: 'STORE_FAILED' })
  })
})

describe('what is let go of', () => {
  test('G8, V1: headers from the release on stay until the epoch is over, older ones go', async () => {
    const { run, view, log } = open()
    await run([...steps(1, 39), step(40, released(1)), ...steps(41, 140)])
    expect([39, 40, 45].map((number) => view.header(`0xblock${number}`)?.number)).toEqual([undefined, 40, 45])
    expect(log).toEqual([])
  })

  test('an epoch that is over goes with its headers and its lane', async () => {
    const { run, view, log } = open()
    await run([...steps(1, 39), step(40, released(1)), ...steps(41, 141)])
    expect([...view.epochs()]).toEqual([])
    expect(view.header('0xblock40')).toBeUndefined()
    expect(view.head?.number).toBe(141)
    expect(log).toEqual(['forget 1'])
  })
})

describe('what is told on', () => {
  test('each batch, with its release and the block that announced it', async () => {
    const { run, announced, view } = open()
    const batch = (epochId: number, batchCid: string): Told => ({ kind: 'SnapshotBatchSubmitted', epochId, batchCid })
    await run([step(40, released(1), batch(1, 'same block')), step(41, batch(1, 'next')), step(42, batch(9, 'release unseen'))])
    expect(announced).toEqual([
      { epochId: 1, batchCid: 'same block', epoch: view.epoch(EPOCH_1), blockNumber: 40, contractNumber: 40 },
      { epochId: 1, batchCid: 'next', epoch: view.epoch(EPOCH_1), blockNumber: 41, contractNumber: 41 },
      { epochId: 9, batchCid: 'release unseen', epoch: undefined, blockNumber: 42, contractNumber: 42 },
    ])
    expect(view.epoch(EPOCH_1)).toMatchObject({ epochId: 1, release: { number: 40, hash: '0xblock40', timestamp: 400 } })
  })

  test('V3: a reorganisation, once the view has undone what it took away', async () => {
    const { run, log, view } = open()
    await run([step(1, released(1)), step(2), step(3, released(2)), { kind: 'rollback', to: block(2) }])
    expect(log).toEqual(['rollback to 2, head 2', 'turns go on'])
    expect([view.epoch(2 as EpochId), view.header('0xblock3'), view.epoch(EPOCH_1)?.epochId]).toEqual([undefined, undefined, 1])
  })

  test('V1: slots are those of the chain, from the start and after every change; who signed before still counts for headers before', async () => {
    let signer = ALICE
    const { run, view } = open({ slots: () => [{ slotId: SLOT_1, signer, isActive: true }] })
    const signers: (Address | undefined)[] = []
    const given = function* () {
      yield step(10)
      signers.push(view.signerAt(SLOT_1, 10 as BlockNumber))
      signer = BOB
      yield step(11, { kind: 'SnapshotterAddressChanged', slotId: SLOT_1, signer: BOB })
      signers.push(...[10, 11].map((number) => view.signerAt(SLOT_1, number as BlockNumber)))
    }
    await run(given() as unknown as ChainStep[])
    expect(signers).toEqual([ALICE, ALICE, BOB])
  })

  test('V1: a slot that the change has made inactive signs for nothing from that block on', async () => {
    const nobody = `0x${'0'.repeat(40)}` as Address
    let isActive = true
    const { run, view } = open({ slots: () => [{ slotId: SLOT_1, signer: ALICE, isActive }] })
    const given = function* () {
      yield step(10)
      isActive = false
      yield step(11, { kind: 'SnapshotterAddressChanged', slotId: SLOT_1, signer: nobody })
    }
    await run(given() as unknown as ChainStep[])
    expect([10, 11].map((number) => view.signerAt(SLOT_1, number as BlockNumber))).toEqual([ALICE, undefined])
  })
})

describe('G12: an endpoint that does not answer', () => {
  const down = (method: string) => new WeftError('CHAIN_UNREACHABLE', { endpoint: 'test', method })
  /** Answers at the third time. */
  function late<Answer>(method: string, answer: Answer) {
    let asked = 0
    return () => {
      asked += 1
      if (asked % 3 !== 0) throw down(method)
      return answer
    }
  }
  const slots = [{ slotId: SLOT_1, signer: ALICE, isActive: true }]

  test('at the start is asked again', async () => {
    const { run, log, pauses, followed, view } = open({ headOf: late('head', block(500)), slots: late('slots', slots) })
    await run([step(400)])
    expect([log, pauses]).toEqual([
      ['read_head', 'read_head', 'read_slots', 'read_slots'].map((doing) => `will_try_again ${doing}`),
      [250, 500, 250, 500],
    ])
    expect([followed[0]?.from, view.signerAt(SLOT_1, 400 as BlockNumber)]).toEqual([400, ALICE])
  })

  test('when a slot changes hands is asked again, before the next block', async () => {
    const { run, log, view } = open({ slots: late('slots', slots) })
    await run([step(10), step(11, { kind: 'SnapshotterAddressChanged', slotId: SLOT_1, signer: ALICE }), step(12)])
    expect(log).toEqual(Array(4).fill('will_try_again read_slots'))
    expect(view.head?.number).toBe(12)
  })

  test('is given up when it says what no waiting makes good', async () => {
    const wrong = new WeftError('CHAIN_WRONG', { endpoint: 'test', expectedChainId: 1, gotChainId: 2 })
    const failing = open({
      slots: () => {
        throw wrong
      },
    })
    await expect(failing.run([])).rejects.toBe(wrong)
  })

  test.each(['market', 'head', 'slots'] as const)(
    '`%s` neither ends a validator that starts nor keeps it from stopping',
    async (method) => {
      const world = await openWorld()
      let isUp = true
      let refused = 0
      let given: ValidatorDeps | undefined
      const spoil = (deps: ValidatorDeps) => {
        const ask = async () => {
          if (isUp) return deps.chain[method]()
          refused += 1
          throw down(method)
        }
        given = { ...deps, chain: { ...deps.chain, [method]: ask } as AnchorChain }
        return given
      }
      isUp = false
      const starting = world.start({ spoil })
      await world.clock.runUntil(() => refused > 2, { limitMs: 5_000 })
      isUp = true
      const running = await starting
      const batchCid = await world.anchor(honest(world))
      expect(await judged(world, running)).toMatchObject({ batchCid, state: 'attested' })
      await running.stop()
      isUp = false
      refused = 0
      const stop = new AbortController()
      const options = { level: 'tally', epochsKept: 10, ipfsEpochsKept: 1_000 } as const
      const again = createValidator(options, { ...(given as ValidatorDeps), store: createFakeStore() }).run(stop.signal)
      await world.clock.runUntil(() => refused > 0, { limitMs: 5_000 })
      stop.abort(new Error('stopped'))
      expect(await world.clock.runUntil(again, { limitMs: 1_000 })).toBeUndefined()
    },
  )
})

describe('V1: a reorganisation', () => {
  test('V2: lets no batch have its turn before the slots are read again, be the endpoint silent', async () => {
    const answer = Promise.withResolvers<void>()
    let asked = 0
    const slots = [{ slotId: SLOT_1, signer: ALICE, isActive: true }]
    const { run, log, cursors } = open({ slots: () => (++asked === 2 ? answer.promise.then(() => slots) : slots) })
    const running = run([...steps(1, 16), { kind: 'rollback', to: block(12) }])
    for (let turn = 0; turn < 100 && cursors.length < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect([log.length, cursors]).toEqual([1, [16, 12]])
    answer.resolve()
    await running
    expect(log.slice(1)).toEqual(['turns go on'])
  })

  test('V2: after which the slots cannot be read ends the watch', async () => {
    const wrong = new WeftError('CHAIN_WRONG', { endpoint: 'test', expectedChainId: 1, gotChainId: 2 })
    let asked = 0
    const { run, log } = open({ slots: () => (++asked === 1 ? [] : Promise.reject(wrong)) })
    await expect(run([step(1), step(2), { kind: 'rollback', to: block(1) }])).rejects.toBe(wrong)
    expect(log.slice(1)).toEqual(['no more turns'])
  })

  test('has the slots read again: a change read ahead of the blocks and taken back is no change', async () => {
    let signer = ALICE
    const { run, view } = open({ slots: () => [{ slotId: SLOT_1, signer, isActive: true }] })
    const changed: Told = { kind: 'SnapshotterAddressChanged', slotId: SLOT_1, signer: BOB }
    const given = function* () {
      yield step(10)
      // The head has the change of slot 1 when that of another slot is met.
      signer = BOB
      yield step(11, { kind: 'SnapshotterAddressChanged', slotId: 2 as SlotId, signer: ALICE })
      yield step(12, changed)
      signer = ALICE
      yield { kind: 'rollback', to: block(11) }
      yield step(12)
    }
    await run(given() as unknown as ChainStep[])
    expect([11, 12].map((number) => view.signerAt(SLOT_1, number as BlockNumber))).toEqual([ALICE, ALICE])
  })
})

describe('a validator that was away', () => {
  test('G9, V6: takes up the batch of a window longer than every margin, found unfinished before it stopped', async () => {
    const world = await openWorld({ attestationWindowBlocks: WINDOW, batchWindowBlocks: WINDOW })
    const running = await world.start()
    const batch = honest(world)
    const batchCid = await world.anchor(batch, { isHidden: true })
    await world.mine(70)
    const disk = running.store.crash()
    await running.stop()
    const again = await world.start({ store: disk })
    await world.ipfs.node('sequencer').add(encodeBatch(batch))
    expect(await judged(world, again)).toMatchObject({ batchCid, state: 'attested', isLate: false, isDivergent: false })
    await again.stop()
  })

  test('G9, V6: finds what was announced while it was away', async () => {
    const world = await openWorld({ attestationWindowBlocks: WINDOW, batchWindowBlocks: WINDOW })
    const running = await world.start()
    await world.mine(40)
    const disk = running.store.crash()
    await running.stop()
    const batchCid = await world.anchor(honest(world))
    world.chain.mine(30)
    const again = await world.start({ store: disk })
    expect(await judged(world, again)).toMatchObject({ batchCid, state: 'attested', isLate: false, isDivergent: false })
    await again.stop()
  })

  test('G8, V1: headers stay while the batch that needs them is still being fetched, or honest votes would count for nothing', async () => {
    const world = await openWorld()
    const running = await world.start()
    const batch = honest(world)
    await world.anchor(batch, { isHidden: true })
    await world.clock.advance(100)
    // All of it within one attempt to fetch: the window closes meanwhile.
    for (let mined = 0; mined < 60; mined += 1) {
      world.chain.mine()
      await world.clock.advance(20)
    }
    await world.ipfs.node('sequencer').add(encodeBatch(batch))
    expect(await judged(world, running)).toMatchObject({
      state: 'attested',
      isLate: true,
      isDivergent: false,
      failureCount: 0,
      root: publishedRoot([CID_A]),
    })
    await running.stop()
  })

  test('V6: says of a batch whose release it never saw that it cannot be judged, and the batch stays without its word', async () => {
    const world = await openWorld()
    const batchCid = (await world.anchor(honest(world))) as Cid
    // The release is one block too old, the batch is not.
    world.chain.mine(world.release.number + 31 - (await world.chain.head()).number)
    const running = await world.start()
    expect(await judged(world, running)).toMatchObject({ state: 'withheld', reason: 'epoch_unseen', root: undefined })
    expect(await world.chain.hasAttested(EPOCH_1, batchCid, VALIDATORS[0])).toBe(false)
    await running.stop()
  })

  test('V6: does not wait for a batch whose release it never saw and that nobody serves', async () => {
    const world = await openWorld()
    const running = await world.start({ store: await storeWithCursor() })
    await world.anchor(honest(world), { isHidden: true })
    world.chain.mine(world.release.number + 31 - (await world.chain.head()).number)
    const fresh = await world.start({ who: 1 })
    await world.clock.advance(11_000)
    expect(fresh.records).toMatchObject([{ state: 'missed', reason: 'not_fetched', root: undefined }])
    await running.stop()
    await fresh.stop()
  })

  test('V6: on a fresh disk it still judges a batch in the last block of its window', async () => {
    const world = await openWorld()
    await world.anchor(honest(world))
    world.chain.mine(world.release.number + 29 - (await world.chain.head()).number)
    const running = await world.start()
    expect(await judged(world, running)).toMatchObject({ state: 'attested', isLate: false })
    await running.stop()
  })
})
