import { describe, expect, test } from 'vitest'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, SubmissionId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import type { AnchorChain, AnchoredBatch, BlockRef } from '#io/chain/port.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { signReceipts } from '#wire/receipt.ts'
import { encodeReceiptFile, parseReceiptFile, type SignedReceipt } from '#wire/receipt-file.ts'
import { cidOf, epoch, epochId, idOf, type Spoil } from './inclusion.test-world.ts'
import { type JudgedReceipt, judgeReceipt } from './receipt.ts'

const sequencer = createSigner(parsePrivateKey('55'.repeat(32)))
const stranger = createSigner(parsePrivateKey('66'.repeat(32)))
const place = { chainId: 1, protocolState: `0x${'aa'.repeat(20)}` as Address, dataMarket: `0x${'bb'.repeat(20)}` as Address }
const hasher = createSubmissionHasher(place)
const hashAt = (number: number): Hash => `0x${String(number).padStart(64, '0')}` as Hash
const RELEASE = 100
const WINDOW_BLOCKS = 5

interface Vote {
  readonly slotId?: number
  readonly project?: number
  readonly snapshotCid?: Cid
  readonly epochId?: number
  /** The block that it names. */
  readonly header?: number
  readonly code?: Extract<ReceiptCode, SignedReceipt['code']>
  readonly signer?: typeof sequencer
}

/** A receipt of a vote that the epoch of `inclusion.test-world.ts` holds, or does not. */
async function receiptOf({ slotId = 1, project = 0, signer = sequencer, code = 'accepted', header = RELEASE + 2, ...vote }: Vote = {}) {
  const request = {
    slotId: slotId as SlotId,
    deadlineBlock: 600 as BlockNumber,
    snapshotCid: vote.snapshotCid ?? (await cidOf(`won ${project}`)),
    epochId: (vote.epochId ?? epochId) as EpochId,
    projectId: `pairs:${project}:TEST` as ProjectId,
  }
  const said = { submissionId: idOf(project, slotId) as SubmissionId, header: hashAt(header), code }
  const others = [1, 2, 3].map((digit) => ({ ...said, digest: new Uint8Array(32).fill(digit) }))
  const group = [...others, { ...said, digest: hasher.digest(request) }]
  const [, , , proof] = await signReceipts(group, (RELEASE + 3) as BlockNumber, { hasher, dataMarket: place.dataMarket, signer })
  if (proof === undefined) return expect.fail('no proof')
  const { chainId: anchorChainId, ...contracts } = place
  return { anchorChainId, ...contracts, ...said, request, proof } satisfies SignedReceipt
}

interface World extends Spoil {
  readonly sequencers?: readonly Address[]
  readonly headBlock?: number
  /** Of the chain as its batches are read. */
  readonly headBefore?: number
  readonly releaseBlock?: number
}

/** Judged on a chain where the epoch's windows end 40 blocks after its release. */
async function judge(
  receipt: SignedReceipt,
  { sequencers = [sequencer.address], headBlock = 400, headBefore = headBlock, releaseBlock = RELEASE, ...spoil }: World = {},
): Promise<JudgedReceipt> {
  const { chain: batches, ipfs, clock } = await epoch(spoil)
  const blockAt = (number: number): BlockRef =>
    ({ number, contractNumber: number, hash: hashAt(number), parentHash: hashAt(number - 1), timestamp: number }) as unknown as BlockRef
  const windows = { snapshotWindowBlocks: WINDOW_BLOCKS, batchWindowBlocks: 20, attestationWindowBlocks: 40 }
  let areRead = false
  const chain = {
    ...batches,
    ...place,
    async batchCids(epochOf: EpochId) {
      areRead = true
      return batches.batchCids(epochOf)
    },
    market: async () => ({ sequencers, ...windows }),
    epochInfo: async () => ({ contractNumber: releaseBlock, timestamp: RELEASE, end: 0 }),
    release: async () => (releaseBlock === 0 ? undefined : blockAt(releaseBlock)),
    head: async () => blockAt(areRead ? headBlock : headBefore),
    block: async (number: number) => (number > headBlock ? undefined : blockAt(number)),
  } as unknown as AnchorChain
  const rules = async () => ({ windowUnit: 'blocks' as const })
  return judgeReceipt(receipt, { rules, signal: new AbortController().signal }, { chain, ipfs, clock, recoverer })
}

/** Slot 9 has no vote in any batch. */
const MISSING = { slotId: 9 }
const open = (batch: AnchoredBatch): AnchoredBatch => ({ ...batch, isFinalized: false })

describe('G8: a signed receipt', () => {
  test('of a vote that a batch holds was kept, whatever its submission is called there', async () => {
    const judged = await judge(await receiptOf())
    expect(judged).toMatchObject({ verdict: 'included', signer: sequencer.address, inclusion: { slotId: 1, status: 'finalized' } })
    const renamed = { ...(await receiptOf({ slotId: 2 })) }
    expect(await judge(renamed)).toMatchObject({ verdict: 'included' })
    expect(await judge(await receiptOf({ code: 'duplicate' }))).toMatchObject({ verdict: 'included' })
  })

  test('of a vote in no batch, whose project has a final result, proves a fault', async () => {
    expect(await judge(await receiptOf(MISSING))).toMatchObject({
      verdict: 'fault',
      signer: sequencer.address,
      why: expect.stringMatching(/^none of the 3 batches of epoch 3 holds it, and batch bafk\w+ has a result for pairs:0:TEST$/),
    })
    expect((await judge(await receiptOf({ ...MISSING, code: 'duplicate' }))).verdict).toBe('fault')
  })

  test('comes from a file as it went in', async () => {
    const receipt = await receiptOf(MISSING)
    expect(parseReceiptFile(encodeReceiptFile(receipt))).toEqual(receipt)
    expect((await judge(parseReceiptFile(encodeReceiptFile(receipt)) as SignedReceipt)).verdict).toBe('fault')
  })
})

describe('P8: no fault is proved', () => {
  test.each<[string, Vote, World, JudgedReceipt['verdict'], RegExp]>([
    ['where another batch may still hold the vote', MISSING, { anchored: open, headBlock: RELEASE + 30 }, 'undecided', /none of the 3/],
    ['before the epoch has a batch of the project', { ...MISSING, project: 7 }, { headBlock: RELEASE + 30 }, 'undecided', /none of the 3/],
    ['where the project has no result for anybody', { ...MISSING, project: 7 }, {}, 'unjudged', /too few may have voted/],
    ['where not all batches can be read', MISSING, { missing: [1] }, 'unjudged', /as far as they can be read/],
    [
      'where none can be read: whether the project has a result nobody knows either',
      MISSING,
      { missing: [0, 1, 2] },
      'unjudged',
      /^none of the 3 batches of epoch 3 holds it, as far as they can be read: (?!.*too few may have voted)/,
    ],
    ['by a slot that signed two votes', { slotId: 3 }, {}, 'unjudged', /the slot has signed both/],
    ['when a reorganisation took the block that the vote names', { ...MISSING, header: 77 }, {}, 'unjudged', /a reorganisation voided it/],
    [
      'when the block lies past the window of the release that there is now',
      { ...MISSING, header: RELEASE + 6 },
      {},
      'unjudged',
      /voided it/,
    ],
    ['when the release is gone', MISSING, { releaseBlock: 0 }, 'unjudged', /no release of epoch 3/],
    [
      'where another sequencer may have made the batch',
      MISSING,
      { sequencers: [sequencer.address, stranger.address] },
      'unjudged',
      /2 sequencers/,
    ],
    ['by what counts nowhere', { ...MISSING, code: 'simulated' }, {}, 'simulated', /simulation/],
    ['by what is of epoch 0', { ...MISSING, epochId: 0 }, {}, 'simulated', /simulation/],
    ['by the signature of somebody else', { ...MISSING, signer: stranger }, {}, 'unproved', /which is no sequencer of the market/],
  ])('%s', async (_what, vote, world, verdict, why) => {
    expect(await judge(await receiptOf(vote), world)).toMatchObject({ verdict, why: expect.stringMatching(why) })
  })

  test('by what the epoch had before the chain went on: another batch may have come meanwhile', async () => {
    const judged = await judge(await receiptOf(MISSING), { anchored: open, headBefore: RELEASE + 30 })
    expect(judged).toMatchObject({ verdict: 'undecided' })
  })

  test('where a refused batch is never corrected it is proved after all', async () => {
    expect((await judge(await receiptOf(MISSING), { anchored: open })).verdict).toBe('fault')
  })

  const other = { slotId: 8 as SlotId }
  test.each<[string, (receipt: SignedReceipt) => SignedReceipt]>([
    ['of another market', (receipt) => ({ ...receipt, dataMarket: `0x${'bc'.repeat(20)}` as Address })],
    ['of another chain', (receipt) => ({ ...receipt, anchorChainId: 2 })],
    ['of another contract', (receipt) => ({ ...receipt, protocolState: `0x${'ab'.repeat(20)}` as Address })],
    ['of another epoch', (receipt) => ({ ...receipt, request: { ...receipt.request, epochId: 4 as EpochId } })],
    ['of another slot', (receipt) => ({ ...receipt, request: { ...receipt.request, ...other } })],
    ['of another block', (receipt) => ({ ...receipt, header: hashAt(RELEASE + 1) })],
    ['of another deadline', (receipt) => ({ ...receipt, request: { ...receipt.request, deadlineBlock: 601 as BlockNumber } })],
    [
      'with a shorter way',
      (receipt) => ({ ...receipt, proof: { ...receipt.proof, siblings: receipt.proof.siblings.subarray(32), index: 1 } }),
    ],
    ['with a huge index', (receipt) => ({ ...receipt, proof: { ...receipt.proof, index: Number.MAX_SAFE_INTEGER } })],
  ])('by a receipt %s', async (_what, change) => {
    expect(await judge(change(await receiptOf(MISSING)))).toMatchObject({ verdict: 'unproved' })
  })
})

test('G7: what is no receipt is told as what is wrong with it', async () => {
  const file = JSON.parse(encodeReceiptFile(await receiptOf())) as Record<string, unknown>
  for (const [change, what] of [
    [{ format: 'weft-proof' }, /format/],
    [{ version: 2 }, /version/],
    [{ siblings: Array(33).fill('0'.repeat(64)) }, /siblings/],
    [{ siblings: ['00'] }, /siblings\.0/],
    [{ index: 1.5 }, /index/],
    [{ anchorBlock: -1 }, /anchorBlock/],
    [{ code: 'window_closed' }, /code/],
    [{ signature: '00' }, /signature/],
    [{ more: 1 }, /more/],
  ] as const)
    expect(parseReceiptFile(JSON.stringify({ ...file, ...change }))).toMatch(what)
  expect(parseReceiptFile('{')).toBe('it is no signed receipt: no JSON object, or not the whole of one')
})
