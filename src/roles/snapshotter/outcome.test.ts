import { describe, expect, test } from 'vitest'
import type { JsonValue } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, ContractNumber } from '#domain/ids.ts'
import type { AnchoredBatch, BlockRef, MarketState, SnapshotStatus } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { canonicalJson } from '#wire/canonical-json.ts'
import { createHistoryCache } from './history-cache.ts'
import { createNews } from './news.ts'
import { concludeEpoch } from './outcome.ts'
import { openRecords, type Outcome } from './records.ts'
import { BASE_A, createComputes, createLoneCompute, createWorld, LONE, SUM_A, termsWith, type World } from './snapshotter.test-world.ts'
import { traceOf } from './trace.ts'

const EPOCH = 8 as EpochId
const A = 'base:0xaa:TEST' as ProjectId
const RELEASED = 10
const market = { snapshotWindowBlocks: 5, batchWindowBlocks: 40, attestationWindowBlocks: 60 } as MarketState
const range = { begin: 1 as BlockNumber, end: 2 as BlockNumber }
const [OWN, FINAL] = ['own', 'final'] as Cid[] as [Cid, Cid]
const blockOf = (number: number) => ({
  number: number as BlockNumber,
  contractNumber: number as ContractNumber,
  hash: `0x${number}` as Hash,
  parentHash: '0x' as Hash,
  timestamp: number,
})

/** A batch that holds votes of these slots for a CID. */
const fileOf = (slots: readonly number[], snapshotCid: Cid): string =>
  new TextDecoder().decode(
    encodeBatch({
      submissions: slots.map((slotId) => ({
        submissionId: `00000000-0000-4000-8000-00000000000${slotId}`,
        submission: {
          request: { slotId: slotId as SlotId, deadlineBlock: 99 as BlockNumber, snapshotCid, epochId: EPOCH, projectId: A },
          signature: `0x${'1'.repeat(130)}`,
          header: `0x${'2'.repeat(64)}` as Hash,
          dataMarket: `0x${'3'.repeat(40)}` as Address,
          protocolState: `0x${'4'.repeat(40)}` as Address,
          nodeVersion: 'v0.1.0',
        },
      })),
      submissionsRoot: `0x${'5'.repeat(64)}`,
      projectIds: [A],
      snapshotCids: [FINAL],
    } as Parameters<typeof encodeBatch>[0]),
  )

interface Scene {
  /** What the contract says from which block on. */
  statuses: readonly (readonly [number, SnapshotStatus])[]
  bytes: Readonly<Record<string, string>>
  /** Of the one batch, from the first status on. */
  isBatchFinal: boolean
  readonly own?: Cid | undefined
  /** Slots whose vote the collector took. */
  readonly handed: readonly number[]
  batches: readonly string[]
  /** How long each file takes. */
  readonly fileMs: number
}

/** An epoch that is done here, with one project that slots 1 and 2 have voted on. */
async function createScene(change: Partial<Scene>) {
  const scene: Scene = { statuses: [], bytes: {}, isBatchFinal: false, own: OWN, handed: [1, 2], batches: ['batch'], fileMs: 0, ...change }
  const [clock, news, cache, records] = [createVirtualClock(), createNews(), createHistoryCache(), openRecords(createFakeStore())]
  const told: string[] = []
  const counted: string[] = []
  const asked: string[] = []
  let head: BlockRef = blockOf(20)
  await records.saveEpoch(
    {
      epochId: EPOCH,
      ...range,
      release: { number: RELEASED as BlockNumber, contractNumber: RELEASED as ContractNumber, timestamp: 0 },
      state: 'done',
    },
    market,
  )
  const ended =
    scene.own === undefined
      ? ({ state: 'missed', reason: 'compute_failed' } as const)
      : ({ state: 'submitted', snapshotCid: scene.own } as const)
  await records.saveProject(EPOCH, { projectId: A, detail: '', ...range, ...ended })
  if (scene.own !== undefined) for (const slotId of scene.handed) await records.saveHandOver(EPOCH, A, slotId as SlotId, 15 as BlockNumber)
  const at = (block: number) => scene.statuses.findLast(([from]) => from <= block)?.[1]
  const stopping = new AbortController()
  const done = concludeEpoch(EPOCH, stopping.signal, {
    chain: {
      epochInfo: async () => ({ contractNumber: RELEASED as ContractNumber, timestamp: 0, end: 2 as BlockNumber }),
      isEpochEnded: async () => false,
      batchCids: async (_, block) => (at(block ?? head.number) === undefined ? [] : (scene.batches as Cid[])),
      batch: async (_, batchCid) => ({ batchCid, isFinalized: scene.isBatchFinal }) as AnchoredBatch,
      snapshotStatus: async (_, __, block) => at(block ?? head.number) ?? { status: 'absent', snapshotCid: '' },
    },
    terms: { termsAt: async () => termsWith(createLoneCompute()) },
    ipfs: {
      async get(cid) {
        asked.push(cid)
        if (scene.fileMs > 0) await clock.advance(scene.fileMs)
        const text = scene.bytes[cid] ?? (cid.startsWith('more') ? scene.bytes['batch'] : undefined)
        if (text === undefined) throw new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 0 })
        return new TextEncoder().encode(text)
      },
    },
    market,
    records,
    cache,
    clock,
    random: createSeededRandom(1),
    report: (event, facts) => told.push(`${event} ${facts?.['differences'] ?? facts?.['slots']}`),
    head: () => head,
    news: news.wait,
    onOutcome: ({ verdict }, votes) => counted.push(`${verdict} with ${votes} votes`),
  })
  return {
    scene,
    records,
    told,
    counted,
    asked,
    done,
    stop: () => stopping.abort(new WeftError('STOPPED', { what: 'test' })),
    outcome: () => records.outcome(EPOCH, A),
    async mine(number: number) {
      head = blockOf(number)
      news.tellBlock(head, [{ epochId: EPOCH }] as unknown as Parameters<typeof news.tellBlock>[1])
      await clock.advance(1)
    },
  }
}

const finalAs = (snapshotCid: Cid): SnapshotStatus => ({ status: 'finalized', snapshotCid })

describe('N19: how our own word fared', () => {
  test('of votes that the collector never took nobody says that a batch has them all', async () => {
    const { scene, mine, outcome, done } = await createScene({ handed: [] })
    scene.statuses = [[22, finalAs(OWN)]]
    scene.bytes = { batch: fileOf([1, 2], OWN) }
    await mine(22)
    await done
    expect(outcome()).toMatchObject({ verdict: 'same' })
    expect(outcome()).not.toHaveProperty('leftOut')
  })

  test('is not known before the network has decided, then it is what it decided', async () => {
    const { scene, mine, outcome, done, told } = await createScene({})
    await mine(21)
    scene.statuses = [[22, { status: 'pending', snapshotCid: OWN }]]
    await mine(22)
    expect(outcome()).toBeUndefined()
    scene.statuses = [[22, finalAs(OWN)]]
    scene.bytes = { batch: fileOf([1, 2], OWN) }
    await mine(23)
    await done
    expect(outcome()).toMatchObject({ verdict: 'same', finalizedCid: OWN, asOf: 23, leftOut: [] })
    expect(told).toEqual([])
  })

  test('names the slots whose votes no batch holds', async () => {
    const { outcome, done, told, counted } = await createScene({ statuses: [[11, finalAs(OWN)]], bytes: { batch: fileOf([2], OWN) } })
    await done
    expect(counted).toEqual(['same with 2 votes'])
    expect(outcome()).toMatchObject({ verdict: 'same', leftOut: [1] })
    expect(told).toEqual(['votes_left_out 1'])
  })

  test('says nothing of votes where the batch cannot be read', async () => {
    const { outcome, done, told } = await createScene({ statuses: [[11, finalAs(OWN)]] })
    await done
    expect(outcome()).not.toHaveProperty('leftOut')
    expect(told).toEqual([])
  })

  test.each([
    ['than any epoch has', { batches: Array.from({ length: 1_001 }, (_, index) => `more ${index}`) }, 0],
    ['than can be read in five minutes', { batches: Array.from({ length: 100 }, (_, index) => `more ${index}`), fileMs: 9_000 }, 34],
  ])('G11: says nothing of votes where there are more files %s', async (_, many, asks) => {
    const scene = { statuses: [[11, finalAs(OWN)]] as [number, SnapshotStatus][], bytes: { batch: fileOf([1, 2], OWN) } }
    const { outcome, done, asked } = await createScene({ ...scene, ...many })
    await done
    expect([outcome()?.verdict, asked.length]).toEqual(['same', asks])
    expect(outcome()).not.toHaveProperty('leftOut')
  })

  test.each<[string, Record<string, string>, string[]]>([
    ['field by field', { own: '{"a":1,"b":2.5}', final: '{"a":1,"b":2}' }, ['b: 2.5, not 2']],
    ['or that nobody serves it', { own: '{"a":1}' }, ['nobody served the finalized snapshot']],
    ['or that it is no snapshot', { own: '{"a":1}', final: '{' }, ['what was finalized is no snapshot']],
    ['or that ours is gone', { final: '{"a":1}' }, ['our own snapshot cannot be had any more']],
  ])('names what differs where another CID won, %s', async (_title, bytes, differences) => {
    const { outcome, done, told } = await createScene({
      statuses: [[11, finalAs(FINAL)]],
      bytes: { ...bytes, batch: fileOf([1, 2], OWN) },
    })
    await done
    expect(outcome()).toMatchObject({ verdict: 'other', finalizedCid: FINAL, differences, leftOut: [] })
    expect(told).toEqual([`outvoted ${differences}`])
  })

  test('is that others alone had it, or that nobody has', async () => {
    const alone = await createScene({ own: undefined, statuses: [[11, finalAs(FINAL)]] })
    await alone.done
    expect(alone.outcome()).toMatchObject({ verdict: 'only_finalized', finalizedCid: FINAL })
    const nobody = await createScene({})
    await nobody.mine(RELEASED + 41)
    await nobody.done
    expect(nobody.outcome()).toMatchObject({ verdict: 'none' })
  })

  /** What is pending for longer than the attestations of the release count. */
  async function disputed() {
    const world = await createScene({ statuses: [[22, { status: 'pending', snapshotCid: FINAL }]] })
    await world.mine(RELEASED + 61)
    return world
  }

  test('is that nothing is final for as long as a later round may make it so, and then what that made of it', async () => {
    const { scene, mine, outcome, done, counted } = await disputed()
    expect(outcome()).toMatchObject({ verdict: 'none', asOf: RELEASED + 61, openUntil: RELEASED + 4 * 60 })
    await mine(RELEASED + 100)
    expect([outcome()?.asOf, counted]).toEqual([RELEASED + 61, []])
    scene.statuses = [[RELEASED + 120, finalAs(OWN)]]
    await mine(RELEASED + 120)
    await done
    expect(outcome()).toMatchObject({ verdict: 'same', finalizedCid: OWN, asOf: RELEASED + 120 })
    expect(outcome()).not.toHaveProperty('openUntil')
    expect(counted).toEqual(['same with 2 votes'])
  })

  test('is for good once no round can bring anything, though nobody tells of it', async () => {
    const { mine, outcome, done, counted } = await disputed()
    await mine(RELEASED + 4 * 60 + 1)
    await done
    expect(outcome()).toMatchObject({ verdict: 'none', asOf: RELEASED + 4 * 60 + 1 })
    expect(outcome()).not.toHaveProperty('openUntil')
    expect(counted).toEqual(['none with 2 votes'])
  })

  test('of what no batch holds it is for good as soon as they are all final: nothing begins a round', async () => {
    const { scene, mine, outcome, done, counted } = await createScene({ statuses: [[11, { status: 'absent', snapshotCid: '' }]] })
    await mine(RELEASED + 41)
    expect(outcome()).toMatchObject({ verdict: 'none', openUntil: RELEASED + 4 * 60 })
    scene.isBatchFinal = true
    await mine(RELEASED + 42)
    await done
    expect(outcome()).not.toHaveProperty('openUntil')
    expect(counted).toEqual(['none with 2 votes'])
  })

  test('ends with the process, and nothing is written', async () => {
    const { stop, done, outcome } = await createScene({})
    stop()
    await expect(done).rejects.toMatchObject({ code: 'STOPPED' })
    expect(outcome()).toBeUndefined()
  })
})

const own = async (world: World, value: JsonValue): Promise<Cid> => world.ipfs.add(canonicalJson(value))

describe('N19: a snapshotter', () => {
  test('knows the outcome of each project, after a crash too, and forgets it with the block that it was decided in', async () => {
    const world = createWorld()
    await world.start(createComputes())
    const epochId = await world.release()
    await world.until(() => world.summaries.length === 1)
    world.kill()
    const again = await world.start(createComputes())
    const ours = again.projects(epochId).find(({ projectId }) => projectId === SUM_A)?.snapshotCid as Cid
    const other = await own(world, { source: '0xAA' })
    await world.anchor(epochId, { [SUM_A]: ours, [BASE_A]: other })
    expect(again.outcome(epochId, SUM_A)).toBeUndefined()
    const before = (await world.chain.head()).number
    await world.attest(epochId)
    await world.until(() => again.outcome(epochId, SUM_A) !== undefined && again.outcome(epochId, BASE_A) !== undefined)
    expect(again.outcome(epochId, SUM_A)).toMatchObject({ verdict: 'same', finalizedCid: ours })
    expect(again.outcome(epochId, BASE_A)).toMatchObject({ verdict: 'other', finalizedCid: other })
    expect(again.outcome(epochId, BASE_A)?.differences).toContainEqual(expect.stringMatching(/^epoch: 1, not nothing$/))
    world.chain.reorg((await world.chain.head()).number - before, { isLosingTransactions: true })
    world.chain.mine()
    await world.until(() => again.outcome(epochId, SUM_A) === undefined)
  })

  test('goes on after a crash with what a later round may still make final', async () => {
    const world = createWorld()
    const before = await world.start(createLoneCompute())
    const epochId = await world.release()
    await world.until(() => world.summaries.length === 1)
    await world.anchor(epochId, { [BASE_A]: await own(world, 1n) })
    await world.until(() => before.outcome(epochId, LONE) !== undefined)
    const { openUntil } = before.outcome(epochId, LONE) as Outcome
    const last = () => traceOf({ projectId: LONE, epochId }, world.store).at(-1)
    expect(last()).toMatchObject({ step: 'not finalized yet', detail: expect.stringContaining(`until block ${openUntil}`) })
    world.kill()
    const again = await world.start(createLoneCompute())
    await world.attest(epochId)
    await world.until(() => again.outcome(epochId, LONE)?.openUntil === undefined)
    expect(last()).toMatchObject({ step: 'not finalized', detail: expect.stringMatching(/^nothing, as of block \d+$/) })
  })

  test('that missed what others finalized knows that', async () => {
    const world = createWorld()
    const snapshotter = await world.start(createLoneCompute(() => Promise.reject(new Error('broken'))))
    const epochId = await world.release()
    await world.until(() => world.summaries.length === 1)
    await world.finalize(epochId, { [LONE]: await own(world, 1n) })
    await world.until(() => snapshotter.outcome(epochId, LONE) !== undefined)
    expect(snapshotter.outcome(epochId, LONE)?.verdict).toBe('only_finalized')
  })
})
