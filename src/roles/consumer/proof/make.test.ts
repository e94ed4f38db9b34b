import { afterAll, beforeAll, expect, test } from 'vitest'
import { devAccount } from '#devnet/accounts.ts'
import type { Cid, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import type { StateProver } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import { publishedRoot } from '#wire/merkle.ts'
import type { Proof } from '#wire/proof.ts'
import { checkProof, CHECK_STEPS } from './check.ts'
import {
  BY_PROJECTS,
  BY_ROOTS,
  CID_V0,
  type FinalChain,
  MANIFEST_CID,
  NEVER,
  openFinalChain,
  PENDING,
  PROJECTS,
  SEQUENCER,
  snapshotOf,
} from './final.test-chain.ts'
import { makeProof } from './make.ts'

let world: FinalChain
beforeAll(async () => {
  world = await openFinalChain()
})
afterAll(() => world.stop())

const [PROJECT, CID_V0_PROJECT] = [PROJECTS[8], PROJECTS[9]] as [ProjectId, ProjectId]
const make = (projectId: ProjectId, epochId: EpochId, states = world.states) =>
  makeProof({ projectId, epochId, signal: NEVER }, { ...world, states, clock: systemClock })

/** As high as before: whoever has seen a block believes nobody who is below it. */
async function revert(snapshot: unknown): Promise<void> {
  const height = Number(await world.rpc.call('eth_blockNumber', []))
  await world.rpc.call('evm_revert', [snapshot])
  await world.rpc.call('anvil_mine', [`0x${(height - Number(await world.rpc.call('eth_blockNumber', []))).toString(16)}`])
}

async function check(proof: Proof) {
  const { number, hash } = (await world.chain.head()) as { number: number; hash: Hash }
  const file: unknown = JSON.parse(JSON.stringify(proof))
  const links = await Array.fromAsync(checkProof(file, { blockHash: hash, dataMarket: world.chain.dataMarket }))
  return { number, links, failed: links.find(({ ok }) => !ok), data: links.at(-1)?.data }
}

test.each([
  ['with its projects', BY_PROJECTS],
  ['by its roots', BY_ROOTS],
])('what a batch anchored %s made final is proved down to the hash of a block', async (_how, epochId) => {
  const { failed, links, data } = await check(await make(PROJECT, epochId))
  expect(failed).toBeUndefined()
  expect(links.map(({ step }) => step)).toEqual(CHECK_STEPS)
  expect(data).toEqual(snapshotOf(PROJECT, epochId))
})

test('a proof costs an endpoint a handful of requests, however many slots it proves', async () => {
  let requests = 0
  const nodes: StateProver['nodes'] = (...asked) => {
    requests += 1
    return world.states.nodes(...asked)
  }
  await make(PROJECT, BY_ROOTS, { ...world.states, nodes })
  // All that is known beforehand, then two accounts, what a manifest is made of, and the project's place.
  expect(requests).toBeLessThanOrEqual(8)
})

test('an endpoint that answers for its newest block with the state of the next one is asked again, and three times at most', async () => {
  const { states, mine } = world
  let headers = 0
  /** The state of its block is that of the next, the first times that it is asked. */
  const ahead = (times: number): StateProver => ({
    ...states,
    async header() {
      headers += 1
      const header = await states.header()
      if (headers > times) return header
      await mine()
      return { ...header, number: (header.number + 1) as typeof header.number }
    },
  })
  const { failed } = await check(await make(PROJECT, BY_ROOTS, ahead(1)))
  expect([failed, headers]).toEqual([undefined, 2])
  headers = 0
  await expect(make(PROJECT, BY_ROOTS, ahead(9))).rejects.toMatchObject({ code: 'PROOF_IMPOSSIBLE' })
  expect(headers).toBe(3)
})

test('P6: every node of a proof is needed', async () => {
  const proof = await make(PROJECT, BY_ROOTS)
  for (const node of proof.nodes) {
    const { failed } = await check({ ...proof, nodes: proof.nodes.filter((each) => each !== node) })
    expect(failed?.detail).toMatch(/is not proved: there is no node with hash 0x[0-9a-f]{64}/)
  }
})

test.each([
  ['pending', PROJECT, PENDING, /pending, not final/],
  ['still to come', 'pair:0x77:PROOF' as ProjectId, BY_PROJECTS, /epoch 1 has not ended: batches of it may still come/],
  ['not released', PROJECT, 9 as EpochId, /epoch 9 is not released yet/],
  ['not to be had', CID_V0_PROJECT, BY_PROJECTS, /Qm/],
])('P7: there is no proof of what is %s', async (_what, projectId, epochId, why) => {
  await expect(make(projectId, epochId)).rejects.toMatchObject({ code: 'PROOF_IMPOSSIBLE', facts: { detail: expect.stringMatching(why) } })
})

test('P7: there is no proof of what did not come before its epoch ended', async () => {
  await world.perform(SEQUENCER, { kind: 'endBatchSubmissions', epochId: BY_PROJECTS })
  await expect(make('pair:0x77:PROOF' as ProjectId, BY_PROJECTS)).rejects.toMatchObject({
    facts: { detail: expect.stringMatching(/no epoch has the project/) },
  })
})

test('P6: a market whose state lies elsewhere has no proofs', async () => {
  const { chain, rpc, mine, states } = world
  const snapshot = await rpc.call('evm_snapshot', [])
  const word = (digits: string): string => `0x${digits.padStart(64, '0')}`
  const elsewhere: StateProver = {
    ...states,
    async header() {
      // As if another desk ran on it.
      await rpc.call('anvil_setStorageAt', [chain.dataMarket, word('22'), word(chain.protocolState.slice(2))])
      await mine()
      return states.header()
    },
  }
  await expect(make(PROJECT, BY_PROJECTS, elsewhere)).rejects.toMatchObject({
    code: 'PROOF_IMPOSSIBLE',
    facts: { detail: expect.stringMatching(/^contract: its state is not laid out as it is known here/) },
  })
  await revert(snapshot)
})

test('P7: what is on chain and not final is not proved, with all that can be proved of it', async () => {
  const lie = await world.lie({ ...(await make(PROJECT, BY_PROJECTS)), ...(await world.pendingWords()) })
  const { failed } = await check(lie)
  expect(failed).toMatchObject({ step: 'final', detail: 'the batch is not final' })
})

test('P6: a project that the chain itself names is proved by the batch that it names, and by no roots', async () => {
  const { rpc, perform, lie } = world
  const snapshot = await rpc.call('evm_snapshot', [])
  const proof = await make(PROJECT, BY_ROOTS)
  await perform(SEQUENCER, {
    kind: 'submitSubmissionBatch',
    epochId: BY_ROOTS,
    batchCid: MANIFEST_CID as Cid,
    projectIds: [PROJECT],
    snapshotCids: [CID_V0],
    rootHash: publishedRoot([CID_V0]),
  })
  expect((await check(await lie(proof))).failed).toMatchObject({
    step: 'project',
    detail: 'the chain itself names the project, in batch 2',
  })
  await revert(snapshot)
})

test('P7: votes that are no majority any more are not enough', async () => {
  const { rpc, asOwner, lie } = world
  const snapshot = await rpc.call('evm_snapshot', [])
  const proof = await make(PROJECT, BY_PROJECTS)
  const more = ['validator 4', 'validator 5'].map((name) => devAccount(name).address)
  await asOwner('updateAddresses', [0, more, [true, true]])
  expect((await check(await lie(proof))).failed).toMatchObject({ step: 'attested', detail: '2 of 5 validators, 3 needed' })
  await revert(snapshot)
})
