import { encodeFunctionData } from 'viem'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Cid, EpochId, ProjectId } from '#domain/ids.ts'
import { hashOf, hex, refuse } from '#io/chain/rpc/scripted.test-node.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import { contentHashOf } from '#wire/content-hash.ts'
import { connectAnchorChain } from './anchor.ts'
import { createMarketNode, logOf, MARKET, OTHER_MARKET, STATE } from './scene.test-chain.ts'
import type { LogFilter, ScriptedLog } from './scene.test-chain.ts'

/** G8: what was anchored is told from the call that anchored it, and from no other. */

const EPOCH = 7 as EpochId
const [BATCH, OTHER] = ['bafkbatch', 'bafkother'] as [Cid, Cid]
const [ROOT, OLD_ROOT, KEPT_ROOT] = ['aa', 'bb', 'cc'].map((byte) => `0x${byte.repeat(32)}` as const) as [
  `0x${string}`,
  `0x${string}`,
  `0x${string}`,
]

afterEach(() => {
  vi.unstubAllGlobals()
})

interface Submission {
  readonly block: number
  readonly index?: number
  readonly batchCid?: Cid
  readonly epochId?: number
  readonly projectIds?: readonly string[]
  readonly snapshotCids?: readonly string[]
  readonly root?: `0x${string}`
  /** What the transaction called; the protocol state unless said. */
  readonly to?: string
  readonly input?: `0x${string}`
}

/** A vote in the same block and in a transaction of its own, after the submissions there. */
interface Vote {
  readonly block: number
  readonly root?: `0x${string}`
  readonly content?: `0x${string}`
  readonly to?: string
  readonly input?: `0x${string}`
}

const votes: Vote[] = []
afterEach(() => void votes.splice(0))

async function open(...submissions: readonly Submission[]) {
  /** As the deployed contracts, unless a test answers: without the function. */
  const content = { answer: (..._args: readonly unknown[]): unknown => refuse(3, 'execution reverted', '0x') }
  const node = createMarketNode({
    head: 110,
    state: {
      epochInfo: () => [1n, 100n, 9n],
      batchSubmissionWindow: () => 20n,
      epochIdToBatchCids: (_market: string, epochId: bigint) => (epochId === BigInt(EPOCH) ? [BATCH, OTHER] : []),
      batchCidToProjects: () => ['kept:B'],
      batchCidSequencerAttestation: () => KEPT_ROOT,
      attestationSubmissionWindow: () => 30n,
      snapshotStatus: (_market: string, projectId: string) => [1, projectId === 'a:B' ? 'bafka' : `cid of ${projectId}`, 0n],
      batchCidContentHash: (...args: readonly unknown[]) => content.answer(...args),
    },
  })
  const transactions = new Map<string, object>()
  for (const submission of submissions) {
    const { block, index = 0, batchCid = BATCH, epochId = EPOCH, projectIds = ['a:B'], snapshotCids = ['bafka'], root = ROOT } = submission
    const transaction = hashOf(`transaction ${block} ${index}`)
    const args = { dataMarketAddress: MARKET, epochId: BigInt(EPOCH), batchCid, timestamp: 1n }
    node.world.logs.push(logOf({ block, index, transaction }, { of: STATE, name: 'SnapshotBatchSubmitted', args }))
    const call = {
      functionName: 'submitSubmissionBatch',
      args: [MARKET as `0x${string}`, batchCid, BigInt(epochId), projectIds, snapshotCids, root],
    } as const
    const input = submission.input ?? encodeFunctionData({ abi: protocolStateAbi, ...call })
    transactions.set(transaction, { to: submission.to ?? STATE.toUpperCase().replace('0X', '0x'), input })
  }
  for (const [index, { block, root = ROOT, content, ...sent }] of votes.entries()) {
    const transaction = hashOf(`vote ${block} ${index}`)
    const validatorAddr = `0x${String(index + 1).repeat(40)}`
    const args = { dataMarketAddress: MARKET, epochId: BigInt(EPOCH), batchCid: BATCH, timestamp: 1n, validatorAddr }
    const place = { block, index: 10 + index, transaction }
    node.world.logs.push(logOf(place, { of: STATE, name: 'SnapshotBatchAttestationSubmitted', args }))
    const call = [MARKET as `0x${string}`, BATCH, BigInt(EPOCH), root] as const
    const input =
      content === undefined
        ? encodeFunctionData({ abi: protocolStateAbi, functionName: 'submitBatchAttestation', args: call })
        : encodeFunctionData({ abi: protocolStateAbi, functionName: 'submitContentAttestation', args: [...call, content] })
    transactions.set(transaction, { to: STATE, input, ...sent })
  }
  node.scripts['eth_getTransactionByHash'] = (hash: string) => transactions.get(hash) ?? null
  vi.stubGlobal('fetch', node.fetch)
  const clock = createVirtualClock()
  const chain = await connectAnchorChain({
    rpcUrl: 'http://node.test',
    chainId: 1,
    protocolState: STATE,
    dataMarket: MARKET,
    pollMs: 500,
    reorgDepthMax: 8,
    clock,
  })
  return { node, chain, content, clock }
}
const found = { batchCid: BATCH, projectIds: ['a:B'], snapshotCids: ['bafka'], rootHash: ROOT, isFinalized: true, attestationCount: 0 }
const kept = { ...found, projectIds: ['kept:B'], snapshotCids: ['cid of kept:B'], rootHash: KEPT_ROOT }

describe('G8: the arguments of a batch', () => {
  test('are those of its own call, beside another batch in the same block', async () => {
    const { chain } = await open(
      { block: 105, index: 1, batchCid: OTHER, projectIds: ['o:B'], snapshotCids: ['bafko'], root: OLD_ROOT },
      { block: 105, index: 2 },
      { block: 105, index: 3, batchCid: OTHER, projectIds: ['p:B'], snapshotCids: ['bafkp'], root: OLD_ROOT },
    )
    expect(await chain.batch(EPOCH, BATCH)).toEqual(found)
    expect(await chain.batch(EPOCH, OTHER)).toMatchObject({ projectIds: ['p:B'], rootHash: OLD_ROOT })
  })

  test('submitted again are the later ones', async () => {
    const { chain } = await open({ block: 103, projectIds: ['old:B'], snapshotCids: ['bafkold'], root: OLD_ROOT }, { block: 106 })
    expect(await chain.batch(EPOCH, BATCH)).toEqual(found)
  })

  test.each<[string, Partial<Submission>]>([
    ['a contract of its own called', { to: OTHER_MARKET }],
    ['another function called', { input: '0x12345678' }],
    [
      'a call for another batch',
      {
        batchCid: BATCH,
        input: encodeFunctionData({
          abi: protocolStateAbi,
          functionName: 'submitSubmissionBatch',
          args: [MARKET as `0x${string}`, OTHER, 7n, ['x:B'], ['bafkx'], OLD_ROOT],
        }),
      },
    ],
    ['a call for another epoch', { epochId: 6 }],
  ])('%s are read from the contract instead', async (_name, submission) => {
    const { chain } = await open({ block: 105, ...submission })
    expect(await chain.batch(EPOCH, BATCH)).toEqual(kept)
  })

  test('whose transaction or log the node does not have are read from the contract', async () => {
    const { node, chain } = await open({ block: 105 })
    node.scripts['eth_getTransactionByHash'] = () => null
    expect(await chain.batch(EPOCH, BATCH)).toEqual(kept)
    node.world.logs.splice(0)
    expect(await chain.batch(EPOCH, BATCH)).toEqual(kept)
  })

  test('that cannot be decoded are no answer', async () => {
    const { chain, node } = await open({ block: 105 })
    const [hash] = [hashOf('transaction 105 0')]
    const whole = (node.scripts['eth_getTransactionByHash'] as (hash: string) => { readonly input: string })(hash as string)
    node.scripts['eth_getTransactionByHash'] = () => ({ ...whole, to: STATE, input: whole.input.slice(0, 200) })
    await expect(chain.batch(EPOCH, BATCH)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
  })
})

test('G8: a batch of another epoch, or of none, is not there', async () => {
  const { chain, node } = await open({ block: 105 })
  node.calls.splice(0)
  expect(await chain.batch(8 as EpochId, BATCH)).toBeUndefined()
  expect(await chain.batch(EPOCH, 'bafknone' as Cid)).toBeUndefined()
  expect(node.asked('eth_getLogs')).toEqual([])
})

test('G8: the log of a batch is looked for from the release to the end of the last round, and not above the head', async () => {
  const { chain, node } = await open({ block: 105 })
  const asked = () =>
    (node.asked('eth_getLogs') as [LogFilter & ScriptedLog][]).map(([{ fromBlock, toBlock, topics }]) => [
      fromBlock,
      toBlock,
      topics.at(-1),
    ])
  await chain.batch(EPOCH, BATCH)
  node.world.head = 500
  await chain.batch(EPOCH, BATCH)
  const epoch = `0x${'7'.padStart(64, '0')}`
  expect(asked()).toEqual([
    [hex(100), hex(110), epoch],
    [hex(100), hex(110), epoch],
    [hex(100), hex(240), epoch],
    [hex(100), hex(240), epoch],
  ])
})

test('G11: texts that are no UTF-8 are told as far as they can be: reading them again would not help', async () => {
  const call = { abi: protocolStateAbi, functionName: 'submitSubmissionBatch' } as const
  const args = [MARKET as `0x${string}`, BATCH, BigInt(EPOCH), ['a:B'], ['bafkÿ'], ROOT] as const
  const input = encodeFunctionData({ ...call, args }).replace('c3bf', 'fffe') as `0x${string}`
  const { chain, content } = await open({ block: 105, input })
  content.answer = () => `0x${'11'.repeat(31)}`
  expect(await chain.batch(EPOCH, BATCH)).toMatchObject({ snapshotCids: ['bafk\ufffd\ufffd'], rootHash: ROOT, isFinalized: false })
})

describe('G8: the attestations of a batch', () => {
  const CONTENT = `0x${'00'.repeat(31)}` as const
  const count = async (...cast: readonly Vote[]) => {
    votes.push(...cast)
    const { chain } = await open({ block: 103, root: OLD_ROOT }, { block: 105 })
    return (await chain.batch(EPOCH, BATCH))?.attestationCount
  }

  test('are those cast since it was submitted last, by either function, for its root', async () => {
    const [old, other] = [{ block: 104 }, { block: 106, root: OLD_ROOT }]
    expect(await count(old, { block: 105 }, { block: 106, content: CONTENT }, other)).toBe(2)
  })

  test.each<[string, Partial<Vote>]>([
    ['a contract of its own cast', { to: OTHER_MARKET }],
    ['is cut off', { input: '0x88535485' }],
    ['is another call', { input: '0x12345678' }],
  ])('do not count one that %s: what it says cannot be told', async (_name, sent) => {
    expect(await count({ block: 106 }, { block: 107, ...sent })).toBe(1)
  })
})

test('G8: what only views by CID would tell is not told when they tell of another epoch’s batch', async () => {
  const { chain, node } = await open({ block: 105, to: OTHER_MARKET })
  const args = { dataMarketAddress: MARKET, epochId: 8n, batchCid: BATCH, timestamp: 1n }
  node.world.logs.push(logOf({ block: 107, index: 1 }, { of: STATE, name: 'SnapshotBatchSubmitted', args }))
  expect(await chain.batch(EPOCH, BATCH)).toBeUndefined()
})

describe('G6: what the contract keeps of a batch’s content', () => {
  const CONTENT = contentHashOf(['a:B'] as ProjectId[], ['bafka'] as Cid[])

  test('is told with the batch, of this epoch and no other', async () => {
    const { chain, content } = await open({ block: 105 })
    const asked: unknown[] = []
    content.answer = (...args: readonly unknown[]) => {
      asked.push(args)
      return CONTENT
    }
    expect(await chain.batch(EPOCH, BATCH)).toEqual({ ...found, contentHash: CONTENT })
    expect(asked).toEqual([[expect.stringMatching(new RegExp(MARKET, 'i')), BATCH, 7n]])
  })

  test('is nothing where the contract lacks the function, as the deployed ones, or kept nothing of an older batch', async () => {
    const { chain, content } = await open({ block: 105 })
    expect(await chain.batch(EPOCH, BATCH)).toEqual(found)
    content.answer = () => `0x${'00'.repeat(31)}`
    expect(await chain.batch(EPOCH, BATCH)).toEqual(found)
  })

  test('is no answer from a node that fails: that is no contract without the function', async () => {
    const { chain, content, clock } = await open({ block: 105 })
    content.answer = () => refuse(-32_005, 'too many requests')
    await expect(clock.runUntil(chain.batch(EPOCH, BATCH), { limitMs: 60_000 })).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
  })

  test('and what the batch’s own call says are read of one batch: otherwise it is read again', async () => {
    const { chain, content } = await open({ block: 105 })
    content.answer = () => contentHashOf(['a:B'] as ProjectId[], ['bafkb'] as Cid[])
    await expect(chain.batch(EPOCH, BATCH)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
  })
})
