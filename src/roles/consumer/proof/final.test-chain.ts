import { encodeFunctionData } from 'viem'
import { type DevAccount, devAccount } from '#devnet/accounts.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { startAnvil } from '#devnet/anvil.ts'
import { deployProtocol, fundAccounts } from '#devnet/deploy.ts'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import type { ProtocolCall } from '#io/chain/port.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { createStateProver } from '#io/chain/read/state-prover.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { createProtocolSender } from '#io/chain/send/sender.ts'
import { createMemoryJournal } from '#io/chain/suite/scene.ts'
import { systemClock } from '#io/clock/system.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import { batchFile } from '#wire/batch-file.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { inclusionProof } from '#wire/inclusion.ts'
import { publishedRoot } from '#wire/merkle.ts'
import type { Proof } from '#wire/proof.ts'
import { followProof } from './check.ts'
import { headerOf } from './header.ts'
import { createNodes } from './make.ts'
import { createMarketReader } from './market.ts'
import { createState } from './state.ts'

/** Final data on the real contracts, without the roles that bring it there: for what proves it. */

export const NEVER = new AbortController().signal
/** More than share a word of the market's storage. */
export const PROJECTS = Array.from({ length: 10 }, (_, index) => `pair:0x0${index}:PROOF` as ProjectId)
/** Of the last project, in which the market keeps its text: CIDv0 of some other file. */
export const CID_V0 = 'QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n' as Cid
export const MANIFEST_CID = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
/** Epochs: anchored with projects, by roots, and one whose batch has one vote of the two that it needs. */
export const [BY_PROJECTS, BY_ROOTS, PENDING] = [1, 2, 3] as [EpochId, EpochId, EpochId]

const VALIDATORS = ['validator 1', 'validator 2', 'validator 3'].map(devAccount)
export const [OWNER, EPOCHS, SEQUENCER] = ['owner', 'epoch manager', 'sequencer'].map(devAccount) as [DevAccount, DevAccount, DevAccount]

export type FinalChain = Awaited<ReturnType<typeof openFinalChain>>

export const snapshotOf = (projectId: ProjectId, epochId: EpochId): Uint8Array =>
  new TextEncoder().encode(`{"epochId":${epochId},"price":1.5,"project":"${projectId}"}`)

/** The files that a batch of the epoch is about, and its own, which names no submissions: nothing here counts them. */
async function batchOf(epochId: EpochId, files: Map<string, Uint8Array>) {
  const snapshotCids: Cid[] = []
  for (const projectId of PROJECTS.slice(0, -1)) {
    const bytes = snapshotOf(projectId, epochId)
    snapshotCids.push(await snapshotCidOf(bytes))
    files.set(snapshotCids.at(-1) as Cid, bytes)
  }
  snapshotCids.push(CID_V0)
  const content = { projectIds: PROJECTS, snapshotCids, submissions: [], submissionsRoot: publishedRoot([]) }
  const { batchCid, file } = await batchFile(content, epochId === BY_ROOTS ? 'dag-cbor' : 'json')
  files.set(batchCid, file)
  return { ...content, batchCid, rootHash: publishedRoot(snapshotCids) as Hash }
}

/** Opens a chain with three epochs on it. */
export async function openFinalChain() {
  const anvil = await startAnvil({ chainId: 31_337 })
  const { rpcUrl } = anvil
  const rpc = createRpc({ rpcUrl, pause: systemClock })
  const accounts = [EPOCHS, SEQUENCER, ...VALIDATORS]
  await fundAccounts(
    rpcUrl,
    accounts.map(({ address }) => address),
  )
  const deployment = await deployProtocol({
    rpcUrl,
    deployerKey: OWNER.key,
    market: { epochSize: 10, sourceChainId: 1, sourceBlockTimeSeconds: 12, attestationsMin: 2 },
    windows: { snapshotBlocks: 100, batchBlocks: 200, attestationBlocks: 300 },
    slots: [],
    sequencers: [SEQUENCER.address],
    validators: VALIDATORS.map(({ address }) => address),
    epochManager: EPOCHS.address,
  })
  const chain = await connectAnchorChain({ rpcUrl, ...deployment, pollMs: 2, reorgDepthMax: 8, clock: systemClock })
  const mine = async () => void (await rpc.call('anvil_mine', ['0x1']))
  let intents = 0
  async function perform({ key }: DevAccount, call: ProtocolCall): Promise<void> {
    const sender = createProtocolSender({
      rpcUrl,
      ...deployment,
      pollMs: 2,
      settleTimeoutMs: 20_000,
      clock: systemClock,
      signer: createSigner(key),
      journal: createMemoryJournal(),
    })
    intents += 1
    let isSettled = false
    const settled = sender.send(`final/${intents}`, call, NEVER).finally(() => {
      isSettled = true
    })
    while (!isSettled && Number(((await rpc.call('txpool_status', [])) as { pending: string }).pending) === 0) await systemClock.sleep(2)
    if (!isSettled) await mine()
    const outcome = await settled
    if (outcome.kind !== 'done') throw new Error(outcome.reason)
  }
  async function asOwner(
    functionName: 'setMarketManifest' | 'setRootOnlyBatches' | 'updateAddresses',
    args: readonly unknown[],
  ): Promise<void> {
    const data = encodeFunctionData({ abi: protocolStateAbi, functionName, args: [deployment.dataMarket, ...args] } as never)
    await rpc.call('anvil_impersonateAccount', [OWNER.address])
    await rpc.call('eth_sendTransaction', [{ from: OWNER.address, to: deployment.protocolState, data }])
    await mine()
  }

  const files = new Map<string, Uint8Array>()
  await asOwner('setMarketManifest', [MANIFEST_CID, BigInt(BY_ROOTS)])
  await asOwner('setRootOnlyBatches', [true])
  for (const epochId of [BY_PROJECTS, BY_ROOTS, PENDING]) {
    await perform(EPOCHS, { kind: 'releaseEpoch', begin: (epochId * 10) as BlockNumber, end: (epochId * 10 + 9) as BlockNumber })
    const { batchCid, rootHash, projectIds, snapshotCids } = await batchOf(epochId, files)
    const batches = [{ batchCid, rootHash, projectsRootHash: publishedRoot(projectIds) }]
    await perform(
      SEQUENCER,
      epochId === BY_ROOTS
        ? { kind: 'submitRootOnlyBatches', epochId, batches }
        : { kind: 'submitSubmissionBatch', epochId, batchCid, rootHash, projectIds, snapshotCids },
    )
    for (const validator of VALIDATORS.slice(0, epochId === PENDING ? 1 : 2))
      await perform(validator, { kind: 'submitBatchAttestation', epochId, batchCid, rootHash })
  }
  const ipfs: Pick<Ipfs, 'get'> = {
    async get(cid) {
      const bytes = files.get(cid)
      if (bytes === undefined) throw new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 0 })
      return bytes
    },
  }
  const states = createStateProver(rpc)

  /** What a liar can make: whatever it likes to say, with all nodes that say anything of it, and the header that they belong to. */
  async function lie(words: Proof): Promise<Proof> {
    const header = await states.header()
    const nodes = createNodes(({ address, slot }) => states.nodes(address, slot === undefined ? [] : [slot], header.number))
    const said = { ...words, header: `0x${header.bytes.toHex()}` }
    await Array.fromAsync(followProof(said, { blockHash: header.hash, dataMarket: words.dataMarket }, nodes.source))
    return { ...said, nodes: nodes.used() }
  }

  /** Without the votes that would make it final, for the last epoch. */
  async function pendingWords(): Promise<Partial<Proof>> {
    const { batchCid, snapshotCids } = await batchOf(PENDING, files)
    const { number } = await states.header()
    const nodes = createNodes(({ address, slot }) => states.nodes(address, slot === undefined ? [] : [slot], number))
    const state = createState(headerOf((await states.header()).bytes)?.stateRoot ?? '', nodes.source.nodeOf, nodes.source.fetchLacking)
    const { blob } = await createMarketReader(chain.dataMarket, state).batch(PENDING, 1)
    const index = PROJECTS.length - 2
    const siblings = inclusionProof(snapshotCids, index)?.siblings ?? []
    return {
      epochId: PENDING,
      manifest: { cid: MANIFEST_CID, fromEpochId: BY_ROOTS },
      batchCid,
      batchNumber: 1,
      index,
      snapshotCid: snapshotCids[index] as Cid,
      cidSiblings: [...siblings],
      record: `0x${(await states.code(blob, number)).toHex()}`,
      snapshot: snapshotOf(PROJECTS[index] as ProjectId, PENDING).toBase64(),
    }
  }

  return { rpcUrl, rpc, chain, states, ipfs, files, mine, perform, asOwner, lie, pendingWords, stop: () => anvil.stop() }
}
