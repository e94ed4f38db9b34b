import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber, Cid, ContentHash, EpochId, Hash, ContractNumber } from '#domain/ids.ts'
import type { AnchorChain, AnchoredBatch, CallOutcome, ProtocolCall } from '#io/chain/port.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { type AttestDeps, attest, guardedAttestation } from './attest.ts'

const batch = { epochId: 7 as EpochId, batchCid: 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid }
const [ROOT, OTHER] = [publishedRoot(['a']), publishedRoot(['b'])]
const [CONTENT, OTHER_CONTENT] = ['c0', 'c1'].map((byte) => `0x${byte.repeat(31)}`) as [ContentHash, ContentHash]
const DIFFERS = `BatchContentDiffers anchored=${OTHER_CONTENT}`
const ME = `0x${'0a'.repeat(20)}` as Address
const NEVER = new AbortController().signal
const ANCHORED: AnchoredBatch = {
  batchCid: batch.batchCid,
  projectIds: [],
  snapshotCids: [],
  rootHash: ROOT,
  isFinalized: false,
  attestationCount: 0,
}

/** A chain and a sender that answer as told, and write down in which order they were asked and what was durable by then. */
function open(
  answers: {
    readonly hasAttested?: boolean | WeftError
    readonly outcomes?: readonly (CallOutcome | WeftError)[]
    readonly batch?: AnchoredBatch | undefined
    readonly store?: FakeStore
  } = {},
) {
  const store = answers.store ?? createFakeStore()
  const asked: string[] = []
  const sent: { readonly intentId: string; readonly call: ProtocolCall }[] = []
  const outcomes = [...(answers.outcomes ?? [])]
  const deps: AttestDeps = {
    store,
    chain: {
      async hasAttested(epochId: EpochId, batchCid: Cid, validator: Address) {
        asked.push(`hasAttested ${epochId} ${batchCid} ${validator}`)
        if (answers.hasAttested instanceof WeftError) throw answers.hasAttested
        return answers.hasAttested ?? false
      },
      batch: async () => ('batch' in answers ? answers.batch : ANCHORED),
    } as unknown as AnchorChain,
    sender: {
      address: ME,
      async send(intentId, call) {
        asked.push('send')
        sent.push({ intentId, call })
        const outcome = outcomes.shift() ?? { kind: 'refused', reason: 'E99' }
        if (outcome instanceof WeftError) throw outcome
        return outcome
      },
    },
    view: { head: undefined },
  }
  return { store, asked, sent, deps, attest: (root = ROOT) => attest({ ...batch, root }, deps, NEVER) }
}

const done = (blockNumber: number) => ({ kind: 'done', transactionHash: ROOT, blockNumber }) as CallOutcome
const refused = (reason: string): CallOutcome => ({ kind: 'refused', reason })

describe('the guard', () => {
  test('V2, G6: a power cut in the middle of the guard leaves nothing sent', async () => {
    const { store, asked, deps } = open()
    let cut: FakeStore | undefined
    const failing = {
      ...deps,
      store: {
        ...store,
        commit: (writes: Parameters<FakeStore['commit']>[0]) => {
          const committed = store.commit(writes)
          cut = store.crash()
          return committed
        },
      },
    }
    // A commit that the power cut took never resolves, and neither does what waits for it.
    void attest({ ...batch, root: ROOT }, failing, NEVER)
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(asked).toEqual([expect.stringMatching(/^hasAttested/)])
    expect(guardedAttestation(batch, cut as FakeStore)).toBeUndefined()
  })

  test('V2, G6: a disk that cannot keep the guard keeps the vote from being sent', async () => {
    const { store, asked, deps } = open()
    const full = { ...store, commit: () => Promise.reject(new WeftError('STORE_FAILED', { path: '/', doing: 'writing' })) }
    await expect(attest({ ...batch, root: ROOT }, { ...deps, store: full }, NEVER)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(asked).not.toContain('send')
  })

  test('V2: a guard that is there but not yet on disk is waited for', async () => {
    const { store, sent, deps } = open({ outcomes: [done(5)] })
    await attest({ ...batch, root: ROOT }, deps, NEVER)
    // The same guard as somebody else's commit has left it: visible, and in no flush so far.
    const flush = Promise.withResolvers<void>()
    const again = attest({ ...batch, root: ROOT }, { ...deps, store: { ...store, flush: () => flush.promise } }, NEVER)
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(sent).toHaveLength(1)
    flush.resolve()
    await again
    expect(sent).toHaveLength(2)
  })

  test('V2: two roots at once: one is sent, the other is a conflict', async () => {
    const { sent, attest: attestRoot, store } = open({ outcomes: [done(5), done(6)] })
    const both = await Promise.allSettled([attestRoot(ROOT), attestRoot(OTHER)])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(both[1]).toMatchObject({ reason: { code: 'ATTESTATION_CONFLICT', facts: { attestedRoot: ROOT, newRoot: OTHER } } })
    expect(sent.map(({ call }) => call)).toEqual([{ kind: 'submitBatchAttestation', ...batch, rootHash: ROOT }])
    expect(guardedAttestation(batch, store.crash())).toEqual({ ...batch, root: ROOT })
  })

  test('V2: the same root for other content is a conflict too, and so is one for any content', async () => {
    const { sent, deps, store } = open({ outcomes: [done(5)] })
    await attest({ ...batch, root: ROOT, contentHash: CONTENT }, deps, NEVER)
    for (const contentHash of [OTHER_CONTENT, undefined])
      await expect(attest({ ...batch, root: ROOT, contentHash }, deps, NEVER)).rejects.toMatchObject({
        code: 'ATTESTATION_CONFLICT',
        facts: { attestedRoot: `${ROOT} ${CONTENT}`, newRoot: contentHash === undefined ? ROOT : `${ROOT} ${contentHash}` },
      })
    expect(sent).toHaveLength(1)
    expect(guardedAttestation(batch, store.crash())).toEqual({ ...batch, root: ROOT, contentHash: CONTENT })
  })

  test('V2: each batch of each epoch has its own', async () => {
    const { deps, store } = open({ outcomes: [done(5), done(6), done(7)] })
    const others = [
      { ...batch, epochId: 8 as EpochId },
      { ...batch, batchCid: 'bafkreiauv3xrqehvesaqo23lw3awzn2zlq52izxbxklymbc54um2g2ii44' as Cid },
    ]
    await attest({ ...batch, root: ROOT }, deps, NEVER)
    for (const other of others) await attest({ ...other, root: OTHER }, deps, NEVER)
    expect([batch, ...others].map((each) => guardedAttestation(each, store)?.root)).toEqual([ROOT, OTHER, OTHER])
  })

  test('V2: it stays when the contract refuses, so that no other root can follow', async () => {
    const { attest: attestRoot, store } = open({ outcomes: [refused('E01'), done(6)] })
    expect(await attestRoot()).toEqual({ kind: 'refused', code: 'E01' })
    expect(guardedAttestation(batch, store)).toEqual({ ...batch, root: ROOT })
    await expect(attestRoot(OTHER)).rejects.toMatchObject({ code: 'ATTESTATION_CONFLICT' })
  })
})

describe('the chain is asked first', () => {
  test('V2: an old disk without the guard adds nothing, and binds itself to nothing', async () => {
    const { attest: attestRoot, asked, store } = open({ hasAttested: true })
    expect(await attestRoot()).toEqual({ kind: 'attested_before' })
    expect(asked).toEqual([`hasAttested 7 ${batch.batchCid} ${ME}`])
    expect(guardedAttestation(batch, store)).toBeUndefined()
  })

  test('V2: while it does not answer nothing is guarded and nothing is sent', async () => {
    const { attest: attestRoot, asked, store } = open({ hasAttested: new WeftError('CHAIN_UNREACHABLE', { endpoint: 'x', method: 'y' }) })
    await expect(attestRoot()).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
    expect(asked).not.toContain('send')
    expect(guardedAttestation(batch, store)).toBeUndefined()
  })

  test('V2, V3: with a guard it is not asked: its answer could not change what is sent', async () => {
    const { attest: attestRoot, asked } = open({ outcomes: [refused('E01'), done(9)] })
    await attestRoot()
    asked.length = 0
    expect(await attestRoot()).toEqual({ kind: 'attested', blockNumber: 9 })
    expect(asked).toEqual(['send'])
  })
})

describe('what is sent', () => {
  test('V3: is one intent, whose name says epoch and batch, with the root that is guarded', async () => {
    const { attest: attestRoot, sent } = open({ outcomes: [done(5)] })
    expect(await attestRoot()).toEqual({ kind: 'attested', blockNumber: 5 })
    expect(sent).toEqual([{ intentId: `attest/7/${batch.batchCid}`, call: { kind: 'submitBatchAttestation', ...batch, rootHash: ROOT } }])
  })

  test('V3: a call that is not settled is settled under the same name when it is sent again', async () => {
    const { attest: attestRoot, sent } = open({ outcomes: [new WeftError('CALL_NOT_SETTLED', { call: 'x', waitedMs: 1 }), done(5)] })
    await expect(attestRoot()).rejects.toMatchObject({ code: 'CALL_NOT_SETTLED' })
    await attestRoot()
    expect(sent.map(({ intentId }) => intentId)).toEqual([`attest/7/${batch.batchCid}`, `attest/7/${batch.batchCid}`])
  })

  test('V3: a call mined while the batch was off the chain is final, so the next has a number', async () => {
    const { attest: attestRoot, sent } = open({ outcomes: [refused('E26'), refused('E26'), done(8)] })
    expect(await attestRoot()).toEqual({ kind: 'attested', blockNumber: 8 })
    expect(sent.map(({ intentId }) => intentId)).toEqual(['', '/1', '/2'].map((number) => `attest/7/${batch.batchCid}${number}`))
    expect(sent.map(({ call }) => call)).toEqual(Array(3).fill({ kind: 'submitBatchAttestation', ...batch, rootHash: ROOT }))
  })

  test('V3: the number of a call is remembered: one that was refused is not made beside the next', async () => {
    const { attest: attestRoot, sent } = open({ outcomes: [refused('E26'), done(8), done(8)] })
    await attestRoot()
    await attestRoot()
    expect(sent.map(({ intentId }) => intentId)).toEqual(['', '/1', '/1'].map((number) => `attest/7/${batch.batchCid}${number}`))
  })

  test('V3: a batch that is not back yet is not sent for again', async () => {
    const { attest: attestRoot, sent } = open({ outcomes: [refused('E26'), done(8)], batch: undefined })
    expect(await attestRoot()).toEqual({ kind: 'refused', code: 'E26' })
    expect(sent).toHaveLength(1)
  })

  test('V3: an endpoint that is behind is not believed that a batch is not back', async () => {
    const { deps, sent } = open({ outcomes: [refused('E26'), refused('E26'), done(8)] })
    let isBehind = true
    const missing = new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'test', method: 'batch', detail: 'block 9 is not there' })
    const read = async (at: BlockNumber | undefined) => {
      if (!isBehind) return ANCHORED
      if (at === undefined) return undefined
      throw missing
    }
    const view = { head: { number: 9 as BlockNumber, contractNumber: 9 as ContractNumber, hash: '0x9' as Hash, timestamp: 9 } }
    const lagging: AttestDeps = { ...deps, view, chain: { ...deps.chain, batch: (_, __, at) => read(at) } }
    await expect(attest({ ...batch, root: ROOT }, lagging, NEVER)).rejects.toBe(missing)
    isBehind = false
    expect(await attest({ ...batch, root: ROOT }, lagging, NEVER)).toEqual({ kind: 'attested', blockNumber: 8 })
    expect(sent).toHaveLength(3)
  })

  test.each([
    ['back when it is asked for', CONTENT, { kind: 'attested', blockNumber: 8 }, 2],
    ['still another', OTHER_CONTENT, { kind: 'refused', code: DIFFERS }, 1],
  ])('V3: a call mined while other content stood under the name, which is %s', async (_how, contentHash, outcome, calls) => {
    const { deps, sent } = open({ outcomes: [refused(DIFFERS), done(8)], batch: { ...ANCHORED, contentHash } })
    expect(await attest({ ...batch, root: ROOT, contentHash: CONTENT }, deps, NEVER)).toEqual(outcome)
    expect(sent).toHaveLength(calls)
    expect(new Set(sent.map(({ intentId }) => intentId)).size).toBe(calls)
  })

  test('V3: it does not go on for ever about a batch that is there and refused', async () => {
    const { attest: attestRoot, sent } = open({ outcomes: Array(50).fill(refused('E26')) })
    expect(await attestRoot()).toEqual({ kind: 'refused', code: 'E26', isBatchThere: true })
    expect(sent).toHaveLength(9)
  })

  test.each(['E01', 'E40'])('V3: %s is the last word', async (code) => {
    const { attest: attestRoot, sent } = open({ outcomes: [refused(code), done(8)] })
    expect(await attestRoot()).toEqual(code === 'E40' ? { kind: 'attested_before' } : { kind: 'refused', code })
    expect(sent).toHaveLength(1)
  })
})
