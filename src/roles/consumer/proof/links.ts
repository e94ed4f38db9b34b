import type { Address, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import { honestMajority } from '#domain/quorum.ts'
import { MARKET_DESK_HASH } from '#wire/abi/market-places.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { checkInclusion } from '#wire/inclusion.ts'
import { keccak256 } from '#wire/keccak.ts'
import { leafOf } from '#wire/merkle.ts'
import { packCid } from '#wire/packed-cid.ts'
import type { Proof } from '#wire/proof.ts'
import { unlessThrown } from '#wire/untrusted.ts'
import type { Header } from './header.ts'
import type { BatchRecord, MarketReader } from './market.ts'
import type { BatchBytes } from './record.ts'
import type { State } from './state.ts'

/** The links of a proof, each checked by itself; `check.ts` has their order, in which each may rest on the ones before. */

/** What the caller knows without the proof. */
export interface Trust {
  /** Of a block of the anchor chain. All the rest is proved down to it. */
  readonly blockHash: Hash
  /** The market that is meant: anybody may deploy one of their own on the same chain, and call final there what they like. */
  readonly dataMarket: Address
  /** What was asked for: a true proof of something else is refused. What is left out may be anything, and the step `asked` tells what it is. */
  readonly anchorChainId?: number | undefined
  readonly projectId?: ProjectId | undefined
  readonly epochId?: EpochId | undefined
}

/** What was found: the words for it, or what is wrong. */
export type Finding = { readonly held: string; readonly data?: Uint8Array } | { readonly failed: string }

export interface Facts {
  readonly proof: Proof
  readonly header: Header | undefined
  readonly state: State
  readonly market: MarketReader
  readonly record: BatchBytes | undefined
  batch(): Promise<BatchRecord>
}

/** Of `0x` and hex digits. */
export const bytesOf = (hex: string): Uint8Array => Uint8Array.fromHex(hex.slice(2))

const NOBODY = `0x${'0'.repeat(40)}`
const different = (what: string, got: unknown, wanted: unknown): Finding => ({ failed: `${what} is ${got}, not ${wanted}` })

export function asked(proof: Proof, trust: Trust): Finding {
  const { anchorChainId, dataMarket, projectId, epochId } = proof
  if (dataMarket !== trust.dataMarket.toLowerCase()) return different('the market', dataMarket, trust.dataMarket)
  if (anchorChainId !== (trust.anchorChainId ?? anchorChainId)) return different('the chain id', anchorChainId, trust.anchorChainId)
  if (projectId !== (trust.projectId ?? projectId)) return different('the project', projectId, trust.projectId)
  if (epochId !== (trust.epochId ?? epochId)) return different('the epoch', epochId, trust.epochId)
  return { held: `${projectId}, epoch ${epochId}, of market ${dataMarket} on chain ${anchorChainId}` }
}

export function block({ proof, header }: Facts, { blockHash }: Trust): Finding {
  const hash = `0x${keccak256(bytesOf(proof.header)).toHex()}`
  if (hash !== blockHash.toLowerCase()) return { failed: `the header hashes to ${hash}, and the block that is trusted is ${blockHash}` }
  if (header === undefined) return { failed: 'what hashes to it is no header' }
  return { held: `${header.number} of ${timeOf(header.time)}, ${hash}` }
}

/** Beyond the year 275760 there are no dates. */
const timeOf = (seconds: number): string => unlessThrown(() => new Date(seconds * 1_000).toISOString()) ?? `second ${seconds}`

/** Whose state lies where it is looked for: a market runs no other code on it than that of its desk (docs/PROOF.md). */
export async function contract({ proof, state, market }: Facts): Promise<Finding> {
  if ((await state.codeHash(proof.dataMarket)) === undefined) return { failed: `there is no contract at ${proof.dataMarket}` }
  const { implementation, protocolState, desk } = await market.head()
  const deskHash = `0x${await state.codeHash(desk)}`
  if (deskHash !== MARKET_DESK_HASH)
    return { failed: `its state is not laid out as it is known here: the code of its desk ${desk} hashes to ${deskHash}` }
  if (protocolState !== proof.protocolState) return different('its protocol state', proof.protocolState, protocolState)
  return { held: `implementation ${implementation}, of protocol state ${protocolState}` }
}

export async function epoch({ proof, market }: Facts): Promise<Finding> {
  const { releasedAt, releaseBlock, end, batches } = await market.epoch(proof.epochId)
  if (releasedAt === 0) return { failed: `epoch ${proof.epochId} is not released` }
  if (proof.batchNumber > batches) return { failed: `it has ${batches} batches, and no batch ${proof.batchNumber}` }
  return { held: `released in block ${releaseBlock}, ${timeOf(releasedAt)}, up to source block ${end}` }
}

export async function manifest({ proof, market }: Facts): Promise<Finding> {
  const found = await market.manifestAt(proof.epochId)
  const words = (ref: Proof['manifest']): string => (ref === null ? 'none' : `${ref.cid} from epoch ${ref.fromEpochId} on`)
  return words(found) === words(proof.manifest) ? { held: words(found) } : different('the manifest', words(proof.manifest), words(found))
}

/** The record on chain, and the CID that it names. */
export async function batchKept({ proof, state, record, batch }: Facts): Promise<Finding> {
  const { batchNumber, batchCid } = proof
  const { blob, cidKind, isRootOnly } = await batch()
  if (blob === NOBODY) return { failed: `the epoch has no batch ${batchNumber}` }
  const codeHash = await state.codeHash(blob)
  const recordHash = keccak256(bytesOf(proof.record)).toHex()
  if (recordHash !== codeHash) return { failed: `the record hashes to 0x${recordHash}, that of batch ${batchNumber} to 0x${codeHash}` }
  if (record === undefined) return { failed: 'what the chain has of it is no batch' }
  const packed = packCid(batchCid)
  if (packed.kind !== cidKind || packed.word !== record.cidWord) return { failed: `batch ${batchNumber} has another CID than ${batchCid}` }
  return { held: `${batchCid}, number ${batchNumber}, anchored by ${isRootOnly ? 'its roots' : 'projects'}` }
}

/** The batch speaks for the project, which is at this place in it. */
export async function project(facts: Facts): Promise<Finding> {
  const { proof, market, record, batch } = facts
  const { projectId, epochId, batchNumber, index } = proof
  const projectIndex = await market.projectIndex(projectId)
  const entry = projectIndex === 0 ? undefined : await market.entry(epochId, projectIndex)
  if ((await batch()).isRootOnly) {
    if (entry !== undefined) return { failed: `the chain itself names the project, in batch ${entry.batchNumber}` }
    return underRoot(proof, record as BatchBytes)
  }
  if (entry === undefined) return { failed: 'the chain names no batch of the epoch for it' }
  if (entry.batchNumber !== batchNumber) return different('the batch that speaks for it', entry.batchNumber, batchNumber)
  if (entry.position !== index || record?.entry(index)?.projectIndex !== projectIndex) return different('its place', entry.position, index)
  if (proof.projectSiblings !== null) return { failed: '`projectSiblings` are of batches that are anchored by their roots' }
  return { held: `place ${index}, by the market's own list` }
}

function underRoot({ projectId, index, projectSiblings }: Proof, { projectsRootHash }: BatchBytes): Finding {
  const isIncluded = projectSiblings !== null && checkInclusion(inclusion(projectId, index, projectSiblings), projectsRootHash)
  if (!isIncluded)
    return { failed: `\`projectSiblings\` do not lead from it, at place ${index}, to the root over the projects, ${projectsRootHash}` }
  return { held: `place ${index} under the root over the projects, ${projectsRootHash}` }
}

const inclusion = (text: string, index: number, siblings: readonly string[]) => ({ text, leaf: leafOf(text).toHex(), index, siblings })

/** The CID at that place, by the record where that lists it and always under the root that validators vote for. */
export async function cidsRoot({ proof, record, batch }: Facts): Promise<Finding> {
  const { snapshotCid, index, cidSiblings } = proof
  const { rootHash, entry } = record as BatchBytes
  if (!(await batch()).isRootOnly) {
    const [listed, packed] = [entry(index), packCid(snapshotCid)]
    if (listed?.cidKind !== packed.kind || listed.cidWord !== packed.word)
      return { failed: `the batch has another CID there than ${snapshotCid}` }
  }
  if (!checkInclusion(inclusion(snapshotCid, index, cidSiblings), rootHash))
    return { failed: `\`cidSiblings\` do not lead from ${snapshotCid}, at place ${index}, to the root over the CIDs, ${rootHash}` }
  return { held: `${snapshotCid} under ${rootHash}` }
}

export async function final({ batch }: Facts): Promise<Finding> {
  const { isFinal, time } = await batch()
  return isFinal ? { held: `since ${timeOf(time)}` } : { failed: 'the batch is not final' }
}

export async function attested({ market, batch }: Facts): Promise<Finding> {
  const [{ agreeing }, { validators, attestationsMin }] = [await batch(), await market.voters()]
  const needed = Math.max(honestMajority(validators), attestationsMin)
  const told = `${agreeing} of ${validators} validators, ${needed} needed`
  return agreeing >= needed ? { held: told } : { failed: told }
}

export async function cid({ snapshot, snapshotCid }: Proof): Promise<Finding> {
  const data = unlessThrown(() => Uint8Array.fromBase64(snapshot))
  if (data === undefined) return { failed: '`snapshot` is no base64' }
  const got = await snapshotCidOf(data)
  return got === snapshotCid
    ? { held: `${data.length} bytes hash to ${got}`, data }
    : { failed: `the data hash to ${got}, not to ${snapshotCid}` }
}
