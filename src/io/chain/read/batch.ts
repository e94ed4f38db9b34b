import { decodeFunctionData, getAbiItem, toFunctionSelector } from 'viem/utils'
import { WeftError } from '#domain/errors.ts'
import { parseContractNumber, parseHash } from '#domain/ids.ts'
import type { BlockNumber, Cid, ContentHash, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import type { AnchoredBatch, AnchoredByRoots, AnchoredWithProjects } from '#io/chain/port.ts'
import { readHeadHeader } from '#io/chain/rpc/block.ts'
import { parseAnswer } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import type { OptionalView, View } from '#io/chain/rpc/views.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import { contentHashOf, contentHashOfRoots } from '#wire/content-hash.ts'
import { batchesFilter, epochFilters, type EpochEvent, epochEventsOf, type EventSources } from './events.ts'
import { firstSeeing } from './first-seeing.ts'
import { readLogs } from './logs.ts'

/**
 * One batch, as its market holds it for one epoch. Views that take a CID without an epoch answer for the newest batch of that CID, whichever
 * epoch that is of, and any sequencer may anchor one CID in many: so what is told here is read from the epoch's own events and calls, and
 * from views that take the epoch (G8).
 */

const SUBMIT = getAbiItem({ abi: protocolStateAbi, name: 'submitSubmissionBatch' })
const VOTES = [
  getAbiItem({ abi: protocolStateAbi, name: 'submitBatchAttestation' }),
  getAbiItem({ abi: protocolStateAbi, name: 'submitContentAttestation' }),
] as const
const SUBMIT_BY_ROOTS = getAbiItem({ abi: protocolStateAbi, name: 'submitRootOnlyBatches' })
const SUBMIT_SELECTOR = toFunctionSelector(SUBMIT)
const SUBMIT_BY_ROOTS_SELECTOR = toFunctionSelector(SUBMIT_BY_ROOTS)
const VOTE_SELECTORS: readonly string[] = VOTES.map((item) => toFunctionSelector(item))
/** Of a batch that was anchored before its market kept contents. */
const NO_CONTENT = `0x${'0'.repeat(62)}`
/** What the contract says of a batch that was anchored with its projects, in place of the root over them. */
const NO_ROOT = `0x${'0'.repeat(64)}`
/**
 * The last batch of an epoch is taken at most three attestation windows and a batch window after the release (docs/CONTRACTS.md, "Disagreement
 * ends in rounds"), and decided one attestation window later.
 */
const ATTESTATION_WINDOWS = 4n

type Hex = `0x${string}`
type BatchArguments =
  | Pick<AnchoredWithProjects, 'projectIds' | 'snapshotCids' | 'rootHash'>
  | Pick<AnchoredByRoots, 'projectsRootHash' | 'rootHash'>

interface BatchContracts {
  readonly protocolState: View<typeof protocolStateAbi>
  /** For what the deployed ProtocolState lacks. */
  readonly protocolStateExtras: OptionalView<typeof protocolStateAbi>
}

/** What the epoch's events tell of a batch since it was submitted last. */
interface Story {
  readonly submission: EpochEvent | undefined
  readonly votes: readonly EpochEvent[]
  readonly isFinalized: boolean
  readonly isRefused: boolean
}

function storyIn(events: readonly EpochEvent[], batchCid: Cid): Story {
  const ofBatch = events.filter((event) => event.batchCid === batchCid)
  const begin = ofBatch.findLastIndex(({ kind }) => kind === 'SnapshotBatchSubmitted')
  const since = ofBatch.slice(begin + 1)
  const isFinalized = since.some(({ kind }) => kind === 'SnapshotBatchFinalized')
  return {
    submission: ofBatch[begin],
    votes: since.filter(({ kind }) => kind === 'SnapshotBatchAttestationSubmitted'),
    isFinalized,
    isRefused: !isFinalized && since.some(({ kind }) => kind === 'TriggerBatchResubmission'),
  }
}

/** The arguments of a direct call that submits this batch of this epoch; `undefined` when the input is another call. */
function argumentsIn(input: string, epochId: EpochId, batchCid: Cid): BatchArguments | undefined {
  if (input.startsWith(SUBMIT_BY_ROOTS_SELECTOR)) return rootsIn(input, epochId, batchCid)
  if (!input.startsWith(SUBMIT_SELECTOR)) return undefined
  const { args } = decodeFunctionData({ abi: [SUBMIT], data: input as Hex })
  const [, submittedCid, submittedEpochId, projectIds, snapshotCids, rootHash] = args
  if (submittedCid !== batchCid || submittedEpochId !== BigInt(epochId)) return undefined
  return { projectIds: projectIds as readonly ProjectId[], snapshotCids: snapshotCids as readonly Cid[], rootHash: parseHash(rootHash) }
}

/** The same of a call that submits several batches by their roots. */
function rootsIn(input: string, epochId: EpochId, batchCid: Cid): BatchArguments | undefined {
  const [, submittedEpochId, batches] = decodeFunctionData({ abi: [SUBMIT_BY_ROOTS], data: input as Hex }).args
  const batch = batches.find((each) => each.batchCid === batchCid)
  if (batch === undefined || submittedEpochId !== BigInt(epochId)) return undefined
  return { rootHash: parseHash(batch.finalizedCidsRootHash), projectsRootHash: parseHash(batch.projectIdsRootHash) }
}

/** The root that a direct call votes for, of this batch of this epoch; `undefined` when the input is another call or cannot be read. */
function rootVotedIn(input: string, epochId: EpochId, batchCid: Cid): Hash | undefined {
  if (!VOTE_SELECTORS.includes(input.slice(0, SUBMIT_SELECTOR.length))) return undefined
  try {
    const [, votedCid, votedEpochId, rootHash] = decodeFunctionData({ abi: VOTES, data: input as Hex }).args
    return votedCid === batchCid && votedEpochId === BigInt(epochId) ? parseHash(rootHash) : undefined
  } catch {
    // Its sender wrote it as it liked. A vote that cannot be read counts for nothing and keeps nobody from reading the others.
    return undefined
  }
}

/** Which batch, and as of the end of which block; of the head without one. */
interface Asked {
  readonly epochId: EpochId
  readonly batchCid: Cid
  readonly at: BlockNumber | undefined
}

interface BatchReading {
  readonly rpc: Rpc
  readonly contracts: BatchContracts
  readonly sources: EventSources
  readonly stories: (key: string, read: () => Promise<EpochEvent[]>) => Promise<EpochEvent[]>
}

/** Whoever asks for the same while it is being read is given the same: of all batches of an epoch the events are read once. */
function createShared<Value>(): (key: string, read: () => Promise<Value>) => Promise<Value> {
  const reading = new Map<string, Promise<Value>>()
  return (key, read) => {
    const begun = reading.get(key) ?? read().finally(() => reading.delete(key))
    reading.set(key, begun)
    return begun
  }
}

/** The batch's events in its epoch, wherever the market's windows allow any. */
async function readStory({ epochId, batchCid, at }: Asked, { rpc, contracts, sources, stories }: BatchReading) {
  const market = sources.dataMarket as Hex
  const [[, released], batchWindow, attestationWindow, head] = await Promise.all([
    contracts.protocolState('epochInfo', [market, BigInt(epochId)]),
    contracts.protocolState('batchSubmissionWindow', [market]),
    contracts.protocolState('attestationSubmissionWindow', [market]),
    readHeadHeader(rpc),
  ])
  const last = released + batchWindow + ATTESTATION_WINDOWS * attestationWindow
  const fromBlock = await firstSeeing(rpc, parseContractNumber(released), head)
  const afterLast = await firstSeeing(rpc, parseContractNumber(last + 1n), head)
  const toBlock = Math.min(afterLast - 1, at ?? head.number) as BlockNumber
  const events = await stories(`${epochId} ${toBlock}`, async () => {
    const logs = await readLogs(rpc, epochFilters(sources, epochId), { fromBlock, toBlock, isWhole: true })
    return parseAnswer(rpc, 'eth_getLogs', () => epochEventsOf(logs, epochId, sources))
  })
  return { story: storyIn(events, batchCid), fromBlock, head: head.number }
}

/** What was sent in a transaction to ProtocolState itself; `undefined` of another, and of one that the node does not have. */
async function readInputs(events: readonly EpochEvent[], { rpc, sources }: BatchReading): Promise<(string | undefined)[]> {
  const calls = events.map(({ transactionHash }) => ({ method: 'eth_getTransactionByHash', params: [transactionHash] }))
  return (await rpc.all(calls)).map((answer) => {
    const transaction = answer as { readonly to?: unknown; readonly input?: unknown } | null
    return String(transaction?.to).toLowerCase() === sources.protocolState ? String(transaction?.input) : undefined
  })
}

/** Whether the batch of this epoch is the newest of its CID: of that one, and no other, the views that take a CID alone tell. */
async function isNewest(
  epochId: EpochId,
  batchCid: Cid,
  place: { readonly from: BlockNumber; readonly to: BlockNumber },
  reading: BatchReading,
) {
  const { rpc, sources } = reading
  const logs = await readLogs(rpc, [batchesFilter(sources)], { fromBlock: place.from, toBlock: place.to })
  const events = parseAnswer(rpc, 'eth_getLogs', () => epochEventsOf(logs, undefined, sources))
  const newest = events.findLast((event) => event.batchCid === batchCid)
  return newest === undefined || newest.epochId === epochId
}

/** What the contract keeps of the newest batch of that CID: for batches that a contract of its own submitted, and for windows changed since. */
async function fromViews(epochId: EpochId, batchCid: Cid, { contracts, sources }: BatchReading): Promise<BatchArguments> {
  const market = sources.dataMarket as Hex
  const [projectIds, rootHash, projectsRootHash = NO_ROOT] = await Promise.all([
    contracts.protocolState('batchCidToProjects', [market, batchCid]),
    contracts.protocolState('batchCidSequencerAttestation', [market, batchCid]),
    contracts.protocolStateExtras('batchCidProjectIdsRoot', [market, batchCid, BigInt(epochId)]),
  ])
  if (projectsRootHash !== NO_ROOT) return { rootHash: parseHash(rootHash), projectsRootHash: parseHash(projectsRootHash) }
  const statuses = await Promise.all(
    projectIds.map((projectId) => contracts.protocolState('snapshotStatus', [market, projectId, BigInt(epochId)])),
  )
  return {
    projectIds: projectIds as readonly ProjectId[],
    snapshotCids: statuses.map(([, snapshotCid]) => snapshotCid as Cid),
    rootHash: parseHash(rootHash),
  }
}

/**
 * Whether a batch without an event that says so is final all the same: completion by force knows no window. A project that a batch holds is
 * taken over by none unless the batch was refused, so its status is the batch's.
 */
async function isHeldFinal(
  { epochId, at }: Asked,
  { projectIds, snapshotCids }: Pick<AnchoredWithProjects, 'projectIds' | 'snapshotCids'>,
  reading: BatchReading,
): Promise<boolean> {
  // An empty CID holds no project.
  const index = snapshotCids.findIndex((snapshotCid) => snapshotCid !== '')
  if (index < 0) return false
  const args = [reading.sources.dataMarket as Hex, projectIds[index] as string, BigInt(epochId)] as const
  const [status, snapshotCid] = await reading.contracts.protocolState('snapshotStatus', args, at)
  return status === 1 && snapshotCid === snapshotCids[index]
}

/**
 * Whether the contract keeps another content than the call had. A sequencer may send texts that are no UTF-8, whose bytes are lost to us: they
 * are the same batch all the same, and nothing that anybody votes for.
 */
function isOther(called: BatchArguments, contentHash: ContentHash): boolean {
  if ('projectsRootHash' in called) return contentHashOfRoots(called.projectsRootHash) !== contentHash
  const { projectIds, snapshotCids } = called
  const isWhole = [...projectIds, ...snapshotCids].every((text) => !text.includes('\ufffd'))
  return isWhole && contentHashOf(projectIds, snapshotCids) !== contentHash
}

/** The same of a batch that claims no project: the contract tells it of the newest of the CID only. */
async function isRootFinal({ epochId, batchCid, at }: Asked, from: BlockNumber, to: BlockNumber, reading: BatchReading): Promise<boolean> {
  const { contracts, sources } = reading
  const isFinal = await contracts.protocolState('batchCidAttestationStatus', [sources.dataMarket as Hex, batchCid], at)
  return isFinal && isNewest(epochId, batchCid, { from, to }, reading)
}

function mostNamed(roots: readonly Hash[]): Hash | undefined {
  const counts = [...Map.groupBy(roots, (root) => root)].map(([root, votes]) => ({ root, votes: votes.length }))
  return counts.sort((left, right) => right.votes - left.votes)[0]?.root
}

export function createBatchReader(rpc: Rpc, contracts: BatchContracts, sources: EventSources) {
  const reading: BatchReading = { rpc, contracts, sources, stories: createShared() }
  const market = sources.dataMarket as Hex

  return async (epochId: EpochId, batchCid: Cid, at?: BlockNumber): Promise<AnchoredBatch | undefined> => {
    const asked = { epochId, batchCid, at }
    const batchCids = await contracts.protocolState('epochIdToBatchCids', [market, BigInt(epochId)], at)
    if (!batchCids.includes(batchCid)) return undefined
    const { story, fromBlock, head } = await readStory(asked, reading)
    const [input, ...votes] = await readInputs([...(story.submission === undefined ? [] : [story.submission]), ...story.votes], reading)
    const called =
      story.submission === undefined || input === undefined
        ? undefined
        : parseAnswer(rpc, 'eth_getTransactionByHash', () => argumentsIn(input, epochId, batchCid))
    if (called === undefined && !(await isNewest(epochId, batchCid, { from: fromBlock, to: head }, reading))) return undefined
    const submitted = called ?? (await fromViews(epochId, batchCid, reading))
    // In one request, so that a node that only fails cannot pass for a contract without contents: the other would have no answer.
    const [isHeld, kept] = await Promise.all([
      'projectsRootHash' in submitted ? isRootFinal(asked, fromBlock, head, reading) : isHeldFinal(asked, submitted, reading),
      contracts.protocolStateExtras('batchCidContentHash', [market, batchCid, BigInt(epochId)]),
    ])
    const contentHash = kept === NO_CONTENT ? undefined : (kept as ContentHash | undefined)
    if (called !== undefined && contentHash !== undefined && isOther(called, contentHash)) {
      const detail = 'the batch was another one before it was read to the end'
      throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: rpc.endpoint, method: 'batchCidContentHash', detail })
    }
    const roots = votes.flatMap((each) => (each === undefined ? [] : (rootVotedIn(each, epochId, batchCid) ?? [])))
    return {
      batchCid,
      ...submitted,
      isFinalized: story.isFinalized || (!story.isRefused && isHeld),
      isRefused: story.isRefused || undefined,
      majorityRoot: story.isRefused ? mostNamed(roots.filter((root) => root !== submitted.rootHash)) : undefined,
      attestationCount: roots.filter((root) => root === submitted.rootHash).length,
      contentHash,
    }
  }
}
