import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import type { AnchorChain, StateProver } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { isUnreadable, SNAPSHOT_BYTES_MAX } from '#life/keep.ts'
import { inclusionProof } from '#wire/inclusion.ts'
import { PROOF_FORMAT, PROOF_VERSION, type Proof } from '#wire/proof.ts'
import { whyAbsent } from '#roles/consumer/absent.ts'
import { createReadFile, type DataPoint, FETCH_TIMEOUT_MS, isOnChain, type OpenBatch } from '#roles/consumer/find-batch.ts'
import { reportedOf } from '#roles/consumer/reported.ts'
import { followProof, type NodeSource } from './check.ts'
import { headerOf } from './header.ts'
import { createMarketReader, slotsOf } from './market.ts'
import { createState, type Lacking, nodesByHash } from './state.ts'

export interface ProofDeps {
  readonly chain: AnchorChain
  readonly states: StateProver
  readonly ipfs: Pick<Ipfs, 'get'>
  readonly clock: Pick<Clock, 'nowMs' | 'sleep'>
}

type ProvenPoint = DataPoint & { readonly signal: AbortSignal }

/** While a block comes, an endpoint may answer for its newest one with the state of the next: nothing fits then, and a moment later all does. */
const ATTEMPTS_MAX = 3
const ATTEMPT_PAUSE_MS = 250

/**
 * The proof of a data point that is final, as of the newest block; it was checked as others will check it. Throws `PROOF_IMPOSSIBLE`, and what
 * the chain throws.
 */
export async function makeProof(point: ProvenPoint, deps: ProofDeps): Promise<Proof> {
  const found = await finalBatch(point, deps)
  const snapshot = await bytesOf(found.snapshotCid, point, deps)
  // Of a released epoch it never changes.
  const manifest = (await deps.chain.manifestAt(point.epochId)) ?? null
  for (let attempt = 1; ; attempt += 1) {
    const made = await proofAsOfNow(point, { found, snapshot, manifest }, deps)
    if ('proof' in made) return made.proof
    if (attempt === ATTEMPTS_MAX) throw impossible(point, made.why)
    await deps.clock.sleep(ATTEMPT_PAUSE_MS, point.signal)
  }
}

interface Proven {
  readonly found: FinalBatch
  readonly snapshot: Uint8Array
  readonly manifest: Proof['manifest']
}

/** As of the newest block, or the step that fails and why. */
async function proofAsOfNow(
  point: ProvenPoint,
  { found, snapshot, manifest }: Proven,
  deps: ProofDeps,
): Promise<{ readonly proof: Proof } | { readonly why: string }> {
  const { chain, states } = deps
  const header = await states.header()
  const nodes = createNodes((lacking) => states.nodes(lacking.address, lacking.slot === undefined ? [] : [lacking.slot], header.number))
  const batchCids = await chain.batchCids(point.epochId, header.number)
  const draft: Proof = {
    format: PROOF_FORMAT,
    version: PROOF_VERSION,
    anchorChainId: chain.chainId,
    protocolState: chain.protocolState,
    dataMarket: chain.dataMarket,
    projectId: point.projectId,
    epochId: point.epochId,
    manifest,
    // Of a CID that was sent again the last is meant: it took over from the others.
    batchNumber: batchCids.lastIndexOf(found.batchCid) + 1,
    batchCid: found.batchCid,
    snapshotCid: found.snapshotCid,
    index: found.index,
    cidSiblings: [...found.cidSiblings],
    projectSiblings: found.projectSiblings && [...found.projectSiblings],
    header: `0x${header.bytes.toHex()}`,
    nodes: [],
    record: '0x',
    snapshot: snapshot.toBase64(),
  }
  nodes.add(await states.nodes(chain.dataMarket, slotsOf(draft), header.number))
  const proof = { ...draft, record: await recordOf(draft, header, nodes.source, deps) }
  for await (const { step, ok, detail } of followProof(proof, { blockHash: header.hash, dataMarket: chain.dataMarket }, nodes.source))
    if (!ok) return { why: `${step}: ${detail}` }
  return { proof: { ...proof, nodes: nodes.used() } }
}

const impossible = ({ projectId, epochId }: DataPoint, detail: string, cause?: unknown) =>
  new WeftError('PROOF_IMPOSSIBLE', { projectId, epochId, detail }, cause)

interface FinalBatch {
  readonly batchCid: Cid
  readonly snapshotCid: Cid
  readonly index: number
  readonly cidSiblings: readonly string[]
  readonly projectSiblings: readonly string[] | null
}

/** Where the point is in which batch. */
async function finalBatch(point: ProvenPoint, deps: ProofDeps): Promise<FinalBatch> {
  const reported = await reportedOf(point, deps.chain, createReadFile(deps, point.signal))
  const { status, snapshotCid, listed } = reported
  if (status === undefined || status === 'absent') throw impossible(point, await whyAbsent(point, reported, deps.chain))
  if (status !== 'finalized') throw impossible(point, `it is ${status}, not final`)
  const batch = typeof listed === 'string' ? undefined : listed.findLast((each): each is OpenBatch => isOnChain(each))
  const index = batch?.projectIds.indexOf(point.projectId) ?? -1
  const cids = index < 0 ? undefined : batch && inclusionProof(batch.snapshotCids, index)
  if (batch === undefined || cids === undefined) throw impossible(point, 'its batch cannot be read')
  const projects = batch.projectsRootHash === undefined ? undefined : inclusionProof(batch.projectIds, index)
  return { batchCid: batch.batchCid, snapshotCid, index, cidSiblings: cids.siblings, projectSiblings: projects?.siblings ?? null }
}

async function bytesOf(cid: Cid, point: ProvenPoint, { ipfs }: ProofDeps): Promise<Uint8Array> {
  try {
    return await ipfs.get(cid, { bytesMax: SNAPSHOT_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS, signal: point.signal })
  } catch (failure) {
    if (!isUnreadable(failure)) throw failure
    throw impossible(point, failure.message, failure)
  }
}

/** The code that is the batch's record. Of a contract with another layout anything may be found; the steps find out. */
async function recordOf(
  draft: Proof,
  { number, bytes }: Awaited<ReturnType<StateProver['header']>>,
  source: NodeSource,
  { states }: ProofDeps,
): Promise<string> {
  try {
    const state = createState(headerOf(bytes)?.stateRoot ?? '', source.nodeOf, source.fetchLacking)
    const { blob } = await createMarketReader(draft.dataMarket, state).batch(draft.epochId, draft.batchNumber)
    return `0x${(await states.code(blob, number)).toHex()}`
  } catch (failure) {
    if (!isWeftError(failure, 'STATE_UNPROVED')) throw failure
    return '0x'
  }
}

/** Nodes as they are asked for, each once, and which of them were looked at: a proof has no others. */
export function createNodes(fetch: (lacking: Lacking) => Promise<readonly Uint8Array[]>) {
  const nodes = new Map<string, Uint8Array>()
  const used = new Map<string, Uint8Array>()
  const add = (fetched: readonly Uint8Array[]): void => {
    for (const [hash, node] of nodesByHash(fetched)) nodes.set(hash, node)
  }
  const source: NodeSource = {
    nodeOf(hash) {
      const node = nodes.get(hash)
      if (node !== undefined) used.set(hash, node)
      return node
    },
    fetchLacking: async (lacking) => add(await fetch(lacking)),
  }
  return { source, add, used: (): string[] => [...used.values()].map((node) => `0x${node.toHex()}`) }
}
