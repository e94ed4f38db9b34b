import { describe, expect, test } from 'vitest'
import type { WeftError } from '#domain/errors.ts'
import type { Point } from '#wire/api.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { type Host, json, netOf, refused } from './api.test-world.ts'
import { type ClientOptions, createClient } from './client.ts'
import { BLOCK_HASH, DATA_MARKET, OTHER, PENDING, PROVEN, provingApi, rpcOf, toldOf } from './proven.test-world.ts'

/** One liar after the other: each is caught by the reader, and named. Nothing that it said is given out. */

const { projectId, epochId } = PROVEN
const ANOTHER_HASH = `0x${'11'.repeat(32)}`
const LIE = '{"epochId":1,"price":9.5,"project":"pair:0x08:PROOF"}'
const LIE_CID = await snapshotCidOf(new TextEncoder().encode(LIE))
const truth = provingApi([toldOf(PROVEN)], PROVEN)
const RPC = { rpc1: rpcOf(BLOCK_HASH), rpc2: rpcOf(BLOCK_HASH), rpc3: rpcOf(BLOCK_HASH) }

function clientOf(hosts: Readonly<Record<string, Host>>, options: Partial<ClientOptions> = {}) {
  const net = netOf({ ...RPC, ...hosts })
  const problems: WeftError[] = []
  const client = createClient({
    api: Object.keys(hosts)
      .filter((name) => !name.startsWith('rpc'))
      .map((name) => `http://${name}`),
    rpc: Object.keys(RPC).map((name) => `http://${name}`),
    market: { dataMarket: DATA_MARKET, anchorChainId: 31337 },
    verify: 'proof',
    fetch: net.fetch,
    onProblem: (problem) => problems.push(problem),
    ...options,
  })
  return { project: client.project(projectId), asked: net.asked, problems }
}

/** What a point is, and what is shown for it. */
const liar = (told: Partial<Point>, proof: unknown = PROVEN): Host => provingApi([toldOf(PROVEN, told)], proof)
const changed = (fields: Readonly<Record<string, unknown>>) => ({ ...PROVEN, ...fields })
const flipped = (text: string): string => text.slice(0, -1) + (text.endsWith('0') ? '1' : '0')

test('the truth is proved', async () => {
  const { project, asked, problems } = clientOf({ api: truth })
  expect(await project.at(epochId)).toEqual({
    ...toldOf(PROVEN),
    value: { epochId: 1n, price: 1.5, project: projectId },
    verified: 'proof',
  })
  expect(await Array.fromAsync(project.range())).toMatchObject([{ verified: 'proof' }])
  expect(asked).toContain(`api/v1/proofs/${projectId}/1`)
  expect(problems).toEqual([])
})

describe.each(['cid', 'proof'] as const)('verify: %s catches a liar', (verify) => {
  test.each<[string, Partial<Point>, string]>([
    ['about the value', { text: LIE }, 'cid'],
    ['about the CID', { snapshotCid: LIE_CID }, 'cid'],
    ['that has no CID for it', { snapshotCid: undefined } as Partial<Point>, 'cid'],
    ['about the epoch', { epochId: 2 }, 'asked'],
    ['about the project', { projectId: 'pair:0x09:PROOF' }, 'asked'],
  ])('%s', async (_, told, step) => {
    const { project } = clientOf({ api: () => json(toldOf(PROVEN, told)) }, { verify })
    await expect(project.at(epochId)).rejects.toMatchObject({ code: 'VERIFICATION_FAILED', facts: { step, endpoint: 'http://api' } })
  })
})

describe('verify: proof catches a liar', () => {
  test.each<[string, Host, string]>([
    ['about the value and its CID', liar({ text: LIE, snapshotCid: LIE_CID }), 'snapshot_cid'],
    ['about the batch', liar({ batchCid: LIE_CID }), 'batch_cid'],
    ['with the proof of another epoch', liar({}, OTHER), 'asked'],
    ['with the proof of another project', liar({}, changed({ projectId: 'pair:0x09:PROOF' })), 'asked'],
    ['with a market of its own', liar({}, changed({ dataMarket: `0x${'11'.repeat(20)}` })), 'asked'],
    ['with another chain', liar({}, changed({ anchorChainId: 1 })), 'asked'],
    ['with a block of its own', liar({}, changed({ header: flipped(PROVEN.header) })), 'block'],
    ['without a block', liar({}, changed({ header: '0x' })), 'block'],
    ['with state of its own', liar({}, changed({ nodes: PROVEN.nodes.map(flipped) })), 'contract'],
    ['with a batch of its own', liar({}, changed({ record: flipped(PROVEN.record) })), 'batch'],
    ['with another root', liar({}, changed({ cidSiblings: [...PROVEN.cidSiblings.slice(1), PROVEN.cidSiblings[0]] })), 'cids_root'],
    ['with other bytes', liar({}, changed({ snapshot: OTHER.snapshot })), 'cid'],
    ['with no proof', liar({}, { hello: 'world' }), 'block'],
  ])('%s', async (_, host, step) => {
    const { project } = clientOf({ api: host })
    await expect(project.at(epochId)).rejects.toMatchObject({
      code: 'VERIFICATION_FAILED',
      kind: 'operator',
      facts: { step, expected: expect.any(String), got: expect.any(String), endpoint: 'http://api' },
    })
  })

  test('about the status, which calls final what is pending', async () => {
    const { project } = clientOf({ api: provingApi([toldOf(PENDING)], PENDING) })
    await expect(project.at(PENDING.epochId)).rejects.toMatchObject({ facts: { step: 'final', got: 'the batch is not final' } })
  })

  test('of one data point in a range', async () => {
    const host = provingApi([toldOf(PROVEN), toldOf(OTHER, { text: LIE, snapshotCid: LIE_CID })], PROVEN)
    await expect(Array.fromAsync(clientOf({ api: host }).project.range())).rejects.toMatchObject({ facts: { step: 'asked' } })
  })

  test('that gives epochs which were not asked for, or one of them twice', async () => {
    const page = (...points: readonly Point[]) => clientOf({ api: () => json({ items: points }) }, { verify: 'none' }).project
    const [first, second] = [toldOf(PROVEN), toldOf(OTHER)]
    await expect(Array.fromAsync(page(first).range({ from: 2 }))).rejects.toMatchObject({ facts: { step: 'asked' } })
    await expect(Array.fromAsync(page(second).range({ to: 1 }))).rejects.toMatchObject({ facts: { step: 'asked' } })
    await expect(Array.fromAsync(page(first, second, second).range())).rejects.toMatchObject({ facts: { step: 'asked', got: '2' } })
  })

  test('that refuses to prove what it calls final: nothing of it is given out', async () => {
    const host: Host = (path, asking) => (path.startsWith('/v1/proofs') ? refused(404, 'NOT_BATCHED') : truth(path, asking))
    await expect(clientOf({ api: host }).project.at(epochId)).rejects.toMatchObject({ code: 'API_REFUSED' })
  })
})

test('what is not final is told without a value, where only proofs count', async () => {
  const { project } = clientOf({ api: provingApi([toldOf(PENDING, { status: 'pending' })], PENDING) })
  const point = await project.at(PENDING.epochId)
  expect(point).toMatchObject({ status: 'pending', verified: 'cid', snapshotCid: PENDING.snapshotCid })
  expect(point).not.toHaveProperty('value')
  expect(point).not.toHaveProperty('text')
})

test('a liar beside an honest endpoint does not hurt, and is named', async () => {
  const { project, problems } = clientOf({ liar: liar({ text: LIE, snapshotCid: LIE_CID }), honest: truth })
  expect(await project.at(epochId)).toMatchObject({ verified: 'proof' })
  expect(problems).toMatchObject([{ code: 'VERIFICATION_FAILED', facts: { step: 'snapshot_cid', endpoint: 'http://liar' } }])
})

test('a liar beside silent endpoints is named rather than the silence', async () => {
  const { project } = clientOf({ liar: liar({ text: LIE }), silent: () => refused(503, 'QUEUE_FULL') })
  await expect(project.at(epochId)).rejects.toMatchObject({ code: 'VERIFICATION_FAILED', facts: { endpoint: 'http://liar' } })
})

describe('an RPC endpoint', () => {
  test('is asked once of a block that several proofs are of', async () => {
    const { project, asked } = clientOf({ api: truth })
    await Promise.all([project.at(epochId), project.latest()])
    expect(asked.filter((each) => each.startsWith('rpc'))).toHaveLength(3)
  })

  test('that lies, or is gone, or is behind, does not hurt where most do not, and is named', async () => {
    const nonsense: Host = () => json({ error: [['no']] })
    for (const rpc1 of [rpcOf(ANOTHER_HASH), rpcOf(null), () => refused(500, 'x'), nonsense]) {
      const { project, problems } = clientOf({ api: truth, rpc1 })
      expect(await project.at(epochId)).toMatchObject({ verified: 'proof' })
      expect(problems).toMatchObject([
        { code: 'VERIFICATION_FAILED', facts: { step: 'block', expected: BLOCK_HASH, endpoint: 'http://rpc1' } },
      ])
    }
  })

  test.each([
    [{ error: { message: 'header not found' } }, 'header not found'],
    // Written out again, what nests without a bottom takes seconds, and all of the stack.
    [{ error: [['no']] }, 'no result'],
    [{ result: undefined }, 'no result'],
  ])('is told of in its own words where it has some: %j', async (answer, words) => {
    const { project, problems } = clientOf({ api: truth, rpc1: () => json(answer) })
    await project.at(epochId)
    expect(problems).toMatchObject([{ facts: { got: `eth_getBlockByNumber: ${words}` } }])
  })

  test('whose lie most tell fails the proof', async () => {
    const { project } = clientOf({ api: truth, rpc1: rpcOf(ANOTHER_HASH), rpc2: rpcOf(ANOTHER_HASH) })
    await expect(project.at(epochId)).rejects.toMatchObject({ code: 'VERIFICATION_FAILED', facts: { step: 'block' } })
  })

  test('is one of as many as must agree, and they do not', async () => {
    const { project } = clientOf({ api: truth, rpc1: rpcOf(ANOTHER_HASH) }, { agree: 3 })
    await expect(project.at(epochId)).rejects.toMatchObject({
      code: 'ENDPOINTS_DISAGREE',
      facts: { agreeing: 2, needed: 3, about: expect.stringContaining(`: http://rpc1: ${ANOTHER_HASH}; http://rpc2: ${BLOCK_HASH}`) },
    })
  })
})
