import { describe, expect, test } from 'vitest'
import { isWeftError, type WeftError } from '#domain/errors.ts'
import type { Address, Cid, ContentHash, EpochId } from '#domain/ids.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { attest, type Attestation, guardedAttestation } from './attest.ts'
import { exportGuards, type GuardsOf, type Interchange, importGuards, noteGuardsOf, parseInterchange } from './interchange.ts'
import { CID_A, CID_B, EPOCH_1, honest, judged, openWorld, VALIDATORS } from './validator.test-world.ts'

const [ROOT, OTHER] = [publishedRoot(['a']), publishedRoot(['b'])]
const CONTENT = `0x${'c0'.repeat(31)}` as ContentHash
const address = (digits: string) => `0x${digits.repeat(20)}` as Address
const OF: GuardsOf = { chainId: 7, protocolState: address('50'), dataMarket: address('da'), validator: address('0a') }
const guard = (epochId: number, batchCid: Cid, root = ROOT): Attestation => ({ epochId: epochId as EpochId, batchCid, root })
const NEVER = new AbortController().signal

/** Attests on a chain that takes everything; what was sent. */
async function attestIn(store: FakeStore, attestation: Attestation): Promise<string> {
  let sent = 'nothing'
  const chain = { hasAttested: async () => false } as never
  const sender = {
    address: OF.validator,
    send: async (_: string, call: { rootHash?: string }) => {
      sent = String(call.rootHash)
      return { kind: 'done', transactionHash: ROOT, blockNumber: 1 } as never
    },
  }
  await attest(attestation, { store, chain, sender: sender as never, view: { head: undefined } }, NEVER).catch((failure: unknown) => {
    if (!isWeftError(failure, 'ATTESTATION_CONFLICT')) throw failure
  })
  return sent
}

async function storeWith(...guards: Attestation[]): Promise<FakeStore> {
  const store = createFakeStore()
  await importGuards({ version: 1, ...OF, guards }, 'here', store)
  return store
}

/** As it goes through a file. */
const moved = (store: FakeStore, isMinimal = false): Interchange =>
  parseInterchange(JSON.stringify(exportGuards(store, { isMinimal })), 'file')

describe('V13, G6: a validator on another machine', () => {
  test('says again what it said, and nothing else', async () => {
    const [old, fresh] = [createFakeStore(), createFakeStore()]
    await noteGuardsOf(OF, old)
    expect(await attestIn(old, { ...guard(1, CID_A), contentHash: CONTENT })).toBe(ROOT)
    expect(await attestIn(old, guard(2, CID_B))).toBe(ROOT)
    expect(await importGuards(moved(old), 'file', fresh)).toEqual({ added: 2, known: 0, conflicts: [] })
    expect(exportGuards(fresh, { isMinimal: false })).toEqual(exportGuards(old, { isMinimal: false }))
    expect(guardedAttestation(guard(1, CID_A), fresh)?.contentHash).toBe(CONTENT)
    expect(await attestIn(fresh, guard(2, CID_B, OTHER))).toBe('nothing')
    expect(await attestIn(fresh, guard(2, CID_B))).toBe(ROOT)
    expect(await attestIn(fresh, guard(2, CID_A, OTHER))).toBe(OTHER)
  })

  test('says the same of a batch whatever stands on chain as its CID', async () => {
    const texts = ['', 'a b', ' ', 'a\nb', 'ä', 'x'.repeat(2_000), 'a\0b', '0000000000000002 c'] as Cid[]
    const [old, fresh] = [createFakeStore(), createFakeStore()]
    await noteGuardsOf(OF, old)
    for (const batchCid of texts) expect(await attestIn(old, guard(1, batchCid))).toBe(ROOT)
    expect(await importGuards(moved(old), 'file', fresh)).toEqual({ added: texts.length, known: 0, conflicts: [] })
    for (const batchCid of texts) expect(await attestIn(fresh, guard(1, batchCid, OTHER)), batchCid).toBe('nothing')
    expect(await attestIn(fresh, guard(1, 'a' as Cid, OTHER))).toBe(OTHER)
  })

  test('that knows only up to which epoch it spoke says nothing up to it', async () => {
    const fresh = createFakeStore()
    const file = moved(await storeWith(guard(1, CID_A), guard(5, CID_A)), true)
    expect(file).toMatchObject({ signedUpTo: 5, guards: [] })
    await importGuards(file, 'file', fresh)
    expect([await attestIn(fresh, guard(5, CID_B)), await attestIn(fresh, guard(6, CID_B))]).toEqual(['nothing', ROOT])
  })

  test('goes by the stricter of two files, whichever comes first', async () => {
    const [wide, narrow] = [5, 3].map((signedUpTo) => ({ version: 1 as const, ...OF, signedUpTo: signedUpTo as EpochId, guards: [] }))
    for (const files of [[wide, narrow] as const, [narrow, wide] as const]) {
      const store = createFakeStore()
      for (const file of files) await importGuards(file as Interchange, 'file', store)
      expect(exportGuards(store, { isMinimal: false })).toMatchObject({ signedUpTo: 5 })
    }
  })

  test('that said something else of a batch says nothing of it any more, on either side, also after another move', async () => {
    const here = await storeWith(guard(1, CID_A), guard(1, CID_B))
    const there = await storeWith(guard(1, CID_A, OTHER), guard(1, CID_B))
    expect(await importGuards(moved(there), 'file', here)).toEqual({ added: 0, known: 1, conflicts: [`1 ${CID_A}`] })
    for (const store of [here, await storeWith(...moved(here).guards)])
      for (const root of [ROOT, OTHER]) expect(await attestIn(store, guard(1, CID_A, root))).toBe('nothing')
    // Nothing loosens it again.
    expect(await importGuards(moved(there), 'file', here)).toEqual({ added: 0, known: 2, conflicts: [] })
    expect(await attestIn(here, guard(1, CID_B))).toBe(ROOT)
  })

  test('takes what is barred there as barred here, whatever it guarded itself', async () => {
    const here = await storeWith(guard(1, CID_A))
    const there = await storeWith({ ...guard(1, CID_A), root: 'barred' as never })
    await importGuards(moved(there), 'file', here)
    expect(await attestIn(here, guard(1, CID_A))).toBe('nothing')
  })
})

test.each(Object.keys(OF) as (keyof GuardsOf)[])('V13: the file of another %s is refused, and nothing is taken from it', async (field) => {
  const store = await storeWith(guard(1, CID_A))
  const other = { ...OF, [field]: field === 'chainId' ? 8 : address('ff') }
  const failure = await importGuards({ version: 1, ...other, guards: [guard(2, CID_A)] }, 'file', store).catch((cause: unknown) => cause)
  expect(failure).toMatchObject({ code: 'INTERCHANGE_REFUSED', facts: { problems: [expect.stringContaining(field)] } })
  expect(guardedAttestation(guard(2, CID_A), store)).toBeUndefined()
})

test.each<[string, unknown, string]>([
  ['no JSON', '{', 'no JSON object'],
  ['another version', { version: 2 }, 'version is 2'],
  ['no guards', { version: 1, ...OF }, 'guards is no list'],
  ['a guard without a root', { version: 1, ...OF, guards: [{ epochId: 1, batchCid: CID_A }] }, 'guards[0].root'],
  ['a CID that is no text', { version: 1, ...OF, guards: [{ ...guard(1, CID_A), batchCid: 1 }] }, 'guards[0].batchCid'],
  [
    'V13: a barred guard with a content, which would be signed again',
    { version: 1, ...OF, guards: [{ ...guard(1, CID_A), root: 'barred', contentHash: CONTENT }] },
    'guards[0].contentHash',
  ],
  ['an epoch that is none', { version: 1, ...OF, signedUpTo: -1, guards: [] }, 'signedUpTo'],
])('a file with %s says so', (_, file, problem) => {
  const parse = () => parseInterchange(typeof file === 'string' ? file : JSON.stringify(file), 'file')
  expect(parse).toThrow(expect.objectContaining({ code: 'INTERCHANGE_REFUSED' }))
  try {
    parse()
  } catch (failure) {
    expect(String((failure as WeftError).facts['problems' as never])).toContain(problem)
  }
})

test('V2, G6: with another key the same folder says the same of a batch, also when the chain takes the batch back in between', async () => {
  const world = await openWorld()
  const first = await world.start()
  const batchCid = await world.anchor(honest(world))
  const { root } = await judged(world, first)
  await first.stop()
  world.chain.reorg(2)
  // What it would find now is something else: it is not asked.
  const again = await world.start({ who: 1, store: first.store, rules: { namespace: 'OTHER' } })
  await world.mine(6)
  expect(guardedAttestation({ epochId: EPOCH_1, batchCid }, again.store)?.root).toBe(root)
  expect(exportGuards(again.store, { isMinimal: false })?.validator).toBe(VALIDATORS[1])
  expect([await world.chain.hasAttested(EPOCH_1, batchCid, VALIDATORS[1]), again.failure()]).toEqual([true, undefined])
  const calls = world.chain.transactions().filter(({ call }) => call.kind === 'submitBatchAttestation')
  expect(new Set(calls.map(({ from, call }) => `${from} ${'rootHash' in call && call.rootHash}`))).toEqual(
    new Set([`${VALIDATORS[0]} ${root}`, `${VALIDATORS[1]} ${root}`]),
  )
  await again.stop()
})
