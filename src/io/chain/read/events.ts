import { decodeEventLog, toEventSelector } from 'viem/utils'
import type { Abi } from 'viem'
import { WeftError } from '#domain/errors.ts'
import { parseAddress, parseBlockNumber, parseEpochId, parseHash, parseSlotId } from '#domain/ids.ts'
import type { Address, Cid, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import type { BlockRef, ProtocolEvent } from '#io/chain/port.ts'
import type { LogFilter } from '#io/chain/proof/filter.ts'
import { parseAnswer, parseQuantity } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { dataMarketAbi } from '#wire/abi/data-market.ts'
import { nodesAbi } from '#wire/abi/nodes.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'

type Hex = `0x${string}`

/** A log that has the form of one; whether it decodes is another matter. */
export interface RawLog {
  readonly address: Address
  readonly topics: readonly string[]
  readonly data: string
  readonly blockNumber: number
  readonly blockHash: Hash
  readonly logIndex: number
  readonly transactionHash: Hash
}

/** The logs in an answer of `eth_getLogs`. Throws `CHAIN_ANSWER_INVALID`. */
export function parseLogs(rpc: Rpc, answer: unknown): RawLog[] {
  return parseAnswer(rpc, 'eth_getLogs', () =>
    (answer as Record<string, unknown>[]).map((raw) => ({
      address: parseAddress(String(raw['address'])),
      topics: (raw['topics'] as unknown[]).map(String),
      data: String(raw['data']),
      blockNumber: parseQuantity(raw['blockNumber']),
      blockHash: parseHash(String(raw['blockHash'])),
      logIndex: parseQuantity(raw['logIndex']),
      transactionHash: parseHash(String(raw['transactionHash'])),
    })),
  )
}

/** Contracts whose events make up the story of one market. */
export interface EventSources {
  readonly protocolState: Address
  readonly dataMarket: Address
  readonly nodes: Address
}

/** ProtocolState announces these with the market as first topic and the batch CID as text. */
const OF_PROTOCOL_STATE = [
  'EpochReleased',
  'DayStartedEvent',
  'SnapshotBatchSubmitted',
  'DelayedBatchSubmitted',
  'BatchSubmissionsCompleted',
  'SnapshotBatchAttestationSubmitted',
  'DelayedAttestationSubmitted',
  'SnapshotFinalized',
] as const
/** ProtocolState gives only the hash of the batch CID in these; the market itself gives the text. */
const OF_DATA_MARKET = ['SnapshotBatchFinalized', 'TriggerBatchResubmission'] as const
const OF_NODES = ['SnapshotterAddressChanged', 'NodeBurned'] as const

function selectors(abi: readonly { readonly type: string; readonly name?: string }[], names: readonly string[]): Hex[] {
  return abi.filter((item) => item.type === 'event' && names.includes(String(item.name))).map((item) => toEventSelector(item as never))
}
const PROTOCOL_STATE_SELECTORS = selectors(protocolStateAbi, OF_PROTOCOL_STATE)
const OTHER_SELECTORS = [...selectors(dataMarketAbi, OF_DATA_MARKET), ...selectors(nodesAbi, OF_NODES)]

const topicOf = (address: Address): Hex => `0x${address.slice(2).padStart(64, '0')}`

/** The two filters of `eth_getLogs` that together give every event of the market, and of other markets none. */
export function logFilters(sources: EventSources): readonly LogFilter[] {
  return [
    { address: sources.protocolState, topics: [PROTOCOL_STATE_SELECTORS, topicOf(sources.dataMarket)] },
    { address: [sources.dataMarket, sources.nodes], topics: [OTHER_SELECTORS] },
  ]
}

const epochTopic = (epochId: EpochId): Hex => `0x${epochId.toString(16).padStart(64, '0')}`

const RELEASE_SELECTORS = selectors(protocolStateAbi, ['EpochReleased'])
const BATCH_SELECTORS = selectors(protocolStateAbi, ['SnapshotBatchSubmitted'])
const BATCH_STORY_SELECTORS = selectors(protocolStateAbi, ['SnapshotBatchSubmitted', 'SnapshotBatchAttestationSubmitted'])
const DECISION_SELECTORS = selectors(dataMarketAbi, OF_DATA_MARKET)

/** The filter for the batches of the market, of whatever epoch. */
export const batchesFilter = ({ protocolState, dataMarket }: EventSources): LogFilter => ({
  address: protocolState,
  topics: [BATCH_SELECTORS, topicOf(dataMarket)],
})

/** The filter for the release of one epoch. */
export const releaseFilter = ({ protocolState, dataMarket }: EventSources, epochId: EpochId): LogFilter => ({
  address: protocolState,
  topics: [RELEASE_SELECTORS, topicOf(dataMarket), epochTopic(epochId)],
})

/** The two filters that together give what became of the batches of one epoch: submissions and votes, then what these decided. */
export function epochFilters({ protocolState, dataMarket }: EventSources, epochId: EpochId): readonly LogFilter[] {
  const epoch = epochTopic(epochId)
  return [
    { address: protocolState, topics: [BATCH_STORY_SELECTORS, topicOf(dataMarket), epoch] },
    { address: dataMarket, topics: [DECISION_SELECTORS, epoch] },
  ]
}

/** What happened to a batch, and in which transaction. */
export interface EpochEvent {
  readonly kind: ProtocolEvent['kind']
  readonly epochId: EpochId
  readonly batchCid: Cid
  readonly transactionHash: Hash
}

/** The events of the market's batches in that epoch, or in any, in the order of the chain. For use within `parseAnswer`. */
export function epochEventsOf(logs: readonly RawLog[], epochId: EpochId | undefined, sources: EventSources): EpochEvent[] {
  return logs
    .filter((raw) => isOurs(raw, sources))
    .toSorted((left, right) => left.blockNumber - right.blockNumber || left.logIndex - right.logIndex)
    .flatMap((raw) => {
      const event = decode(raw, sources)
      if (!('batchCid' in event) || (epochId !== undefined && event.epochId !== epochId)) return []
      return { kind: event.kind, epochId: event.epochId, batchCid: event.batchCid, transactionHash: raw.transactionHash }
    })
}

type Bare<Event> = Event extends unknown ? Omit<Event, 'block' | 'logIndex' | 'transactionHash'> : never
type Topics = [Hex, ...Hex[]]

const cid = (text: string): Cid => text as Cid

/** The entry of each event by its topic. The library looks for it anew for every log, and hashes each entry on the way. */
function indexed<const ContractAbi extends Abi>(abi: ContractAbi): (topic: Hex) => ContractAbi {
  const byTopic = new Map(
    abi.filter((item) => item.type === 'event').map((item) => [toEventSelector(item), [item] as unknown as ContractAbi]),
  )
  return (topic) => byTopic.get(topic) ?? abi
}
const ofProtocolState = indexed(protocolStateAbi)
const ofDataMarket = indexed(dataMarketAbi)
const ofNodes = indexed(nodesAbi)

function decodeProtocolState(data: Hex, topics: Topics): Bare<ProtocolEvent> {
  const log = decodeEventLog({ abi: ofProtocolState(topics[0]), data, topics })
  switch (log.eventName) {
    case 'EpochReleased':
      return {
        kind: log.eventName,
        epochId: parseEpochId(log.args.epochId),
        begin: parseBlockNumber(log.args.begin),
        end: parseBlockNumber(log.args.end),
      }
    case 'DayStartedEvent':
      return { kind: log.eventName, day: Number(log.args.dayId) }
    case 'SnapshotBatchSubmitted':
    case 'DelayedBatchSubmitted':
      return { kind: log.eventName, epochId: parseEpochId(log.args.epochId), batchCid: cid(log.args.batchCid) }
    case 'BatchSubmissionsCompleted':
      return { kind: log.eventName, epochId: parseEpochId(log.args.epochId) }
    case 'SnapshotBatchAttestationSubmitted':
    case 'DelayedAttestationSubmitted':
      return {
        kind: log.eventName,
        epochId: parseEpochId(log.args.epochId),
        batchCid: cid(log.args.batchCid),
        validator: parseAddress(log.args.validatorAddr),
      }
    case 'SnapshotFinalized':
      return {
        kind: log.eventName,
        epochId: parseEpochId(log.args.epochId),
        projectId: log.args.projectId as ProjectId,
        snapshotCid: cid(log.args.snapshotCid),
      }
    default:
      throw new Error(`${log.eventName} was not asked for`)
  }
}

function decodeDataMarket(data: Hex, topics: Topics): Bare<ProtocolEvent> {
  const log = decodeEventLog({ abi: ofDataMarket(topics[0]), data, topics })
  if (log.eventName !== 'SnapshotBatchFinalized' && log.eventName !== 'TriggerBatchResubmission')
    throw new Error(`${log.eventName} was not asked for`)
  return { kind: log.eventName, epochId: parseEpochId(log.args.epochId), batchCid: cid(log.args.batchCid) }
}

function decodeNodes(data: Hex, topics: Topics): Bare<ProtocolEvent> {
  const log = decodeEventLog({ abi: ofNodes(topics[0]), data, topics })
  if (log.eventName === 'NodeBurned') return { kind: log.eventName, slotId: parseSlotId(log.args.nodeId) }
  if (log.eventName !== 'SnapshotterAddressChanged') throw new Error(`${log.eventName} was not asked for`)
  return { kind: log.eventName, slotId: parseSlotId(log.args.nodeId), signer: parseAddress(log.args.newSnapshotter) }
}

function decode(raw: RawLog, sources: EventSources): Bare<ProtocolEvent> {
  const { address } = raw
  const data = raw.data as Hex
  const topics = raw.topics as Topics
  if (address === sources.protocolState) return decodeProtocolState(data, topics)
  return address === sources.dataMarket ? decodeDataMarket(data, topics) : decodeNodes(data, topics)
}

/** Whether a log tells of this market. Nodes are asked for no other, but one may answer with more than it was asked for. */
const isOurs = ({ address, topics }: RawLog, { protocolState, dataMarket, nodes }: EventSources): boolean =>
  address === protocolState ? topics[1] === topicOf(dataMarket) : address === dataMarket || address === nodes

/**
 * The events of the market among `logs` that lie in `block`, in log order. Throws `CHAIN_ANSWER_INVALID` for a log that does not decode or that
 * carries the block's number with another hash: then the chain was rewritten between two requests.
 */
export function eventsOf(block: BlockRef, logs: readonly RawLog[], sources: EventSources): ProtocolEvent[] {
  const ours = logs.filter((raw) => isOurs(raw, sources))
  const events = ours.map((raw): ProtocolEvent => {
    try {
      if (raw.blockHash !== block.hash) throw new Error(`its block is ${raw.blockHash}`)
      return {
        ...decode(raw, sources),
        block,
        logIndex: raw.logIndex,
        transactionHash: raw.transactionHash,
      }
    } catch (cause) {
      const detail = `a log of block ${block.number} cannot be used: ${(cause as Error).message.slice(0, 200)}`
      throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'chain', method: 'eth_getLogs', detail }, cause)
    }
  })
  return events.sort((left, right) => left.logIndex - right.logIndex)
}
