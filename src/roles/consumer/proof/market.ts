import { WeftError } from '#domain/errors.ts'
import type { Address, EpochId, ProjectId } from '#domain/ids.ts'
import { MANIFEST_SLOTS, MARKET_PLACES } from '#wire/abi/market-places.ts'
import { keccak256 } from '#wire/keccak.ts'
import { type State, wordBytes, wordOf } from './state.ts'

/** A data market as its storage has it (contracts/src/market/MarketStorage.sol), read word by word from a state that is proved. */

const { market: MARKET, epoch: EPOCH, batch: BATCH, project: PROJECT, manifest: MANIFEST, roleSet: ROLES } = MARKET_PLACES

/** Where a proxy names the code that it runs (ERC-1967). */
const IMPLEMENTATION_SLOT = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbcn
/** Bits of a batch's `flags`. */
const CID_KIND = 0x07
const FINAL = 0x08
const ROOT_ONLY = 0x80
/** `entries`: per project 32 bits, batch number and position in it. */
const ENTRY_BITS = 32n
const POSITION_BITS = 16n
const ENTRIES_PER_WORD = 256n / ENTRY_BITS
/** Longest CID that the market takes. */
const CID_LENGTH_MAX = 128
const WORD_BYTES = 32

interface Place {
  readonly slot: bigint
  readonly offset: number
  readonly bytes: number
}

/** Within a word. */
const fieldIn = (word: bigint, { offset, bytes }: Place): bigint => (word >> BigInt(8 * offset)) & ((1n << BigInt(8 * bytes)) - 1n)
const addressIn = (word: bigint, place: Place): Address => `0x${fieldIn(word, place).toString(16).padStart(40, '0')}` as Address
const hashed = (...words: readonly Uint8Array[]): bigint => wordOf(keccak256(Uint8Array.from(words.flatMap((word) => [...word]))))
/** Where a mapping keeps the value of a key, and an array or a long text its elements. */
const under = (slot: bigint, key: bigint): bigint => hashed(wordBytes(key), wordBytes(slot))
const elementsOf = (slot: bigint): bigint => hashed(wordBytes(slot))

export interface MarketHead {
  readonly implementation: Address
  readonly protocolState: Address
  readonly desk: Address
}

export interface EpochRecord {
  /** Seconds; 0 for one that was not released. */
  readonly releasedAt: number
  readonly releaseBlock: number
  /** Last source block. */
  readonly end: number
  readonly batches: number
}

export interface BatchRecord {
  /** The contract whose code is what the batch says; zero where there is no such batch. */
  readonly blob: Address
  readonly cidKind: number
  readonly isFinal: boolean
  readonly isRootOnly: boolean
  /** Of its finalization, or of its submission while it is not final. Seconds. */
  readonly time: number
  /** Votes in time for its root. */
  readonly agreeing: number
}

export interface Voters {
  readonly validators: number
  readonly attestationsMin: number
}

/** Where the reader looks for a batch whatever it finds there: who fetches proofs of slots asks for these at once. */
export const slotsOf = ({
  epochId,
  projectId,
  batchNumber,
}: {
  epochId: EpochId
  projectId: ProjectId
  batchNumber: number
}): readonly bigint[] => [
  IMPLEMENTATION_SLOT,
  MARKET.protocolState.slot,
  MARKET.minAttestations.slot,
  MARKET.validators.slot + ROLES.members.slot,
  MARKET.desk.slot,
  MARKET.manifests.slot,
  epochSlot(epochId),
  batchSlot(epochId, batchNumber),
  projectSlot(projectId),
]

const epochSlot = (epochId: EpochId): bigint => under(MARKET.epochs.slot, BigInt(epochId))
const batchSlot = (epochId: EpochId, number: number): bigint => under(under(MARKET.batches.slot, BigInt(epochId)), BigInt(number))
const projectSlot = (projectId: ProjectId): bigint => under(MARKET.projects.slot, wordOf(keccak256(new TextEncoder().encode(projectId))))

/** The manifests of a market: a list of CIDs, each with the epoch from which on it holds. */
function createManifests(market: Address, state: State) {
  async function textAt(slot: bigint): Promise<string> {
    const head = await state.word(market, slot)
    const isLong = (head & 1n) === 1n
    const length = Number(isLong ? (head - 1n) / 2n : (head & 0xffn) / 2n)
    if (length > CID_LENGTH_MAX) throw new WeftError('STATE_UNPROVED', { what: `a text of ${length} bytes`, detail: 'no CID is so long' })
    const words = isLong ? Array.from({ length: Math.ceil(length / WORD_BYTES) }, (_, index) => elementsOf(slot) + BigInt(index)) : []
    const bytes = isLong ? [] : [...wordBytes(head)]
    for (const word of words) bytes.push(...wordBytes(await state.word(market, word)))
    return new TextDecoder().decode(Uint8Array.from(bytes.slice(0, length)))
  }

  const manifestSlot = (index: bigint): bigint => elementsOf(MARKET.manifests.slot) + index * MANIFEST_SLOTS
  const fromEpochAt = async (index: bigint): Promise<bigint> =>
    fieldIn(await state.word(market, manifestSlot(index) + MANIFEST.fromEpoch.slot), MANIFEST.fromEpoch)

  return {
    /** That which the contract's `marketManifestAt` finds, by the same steps; `null` where none applies. */
    async at(epochId: EpochId): Promise<{ readonly cid: string; readonly fromEpochId: number } | null> {
      let [low, high] = [0n, fieldIn(await state.word(market, MARKET.manifests.slot), MARKET.manifests)]
      while (low < high) {
        const middle = (low + high + 1n) / 2n
        if ((await fromEpochAt(middle - 1n)) <= BigInt(epochId)) low = middle
        else high = middle - 1n
      }
      if (low === 0n) return null
      const index = low - 1n
      return { cid: await textAt(manifestSlot(index) + MANIFEST.cid.slot), fromEpochId: Number(await fromEpochAt(index)) }
    },
  }
}

export function createMarketReader(market: Address, state: State) {
  const read = async (place: Place): Promise<bigint> => fieldIn(await state.word(market, place.slot), place)

  return {
    async head(): Promise<MarketHead> {
      const implementation = addressIn(await state.word(market, IMPLEMENTATION_SLOT), { slot: 0n, offset: 0, bytes: 20 })
      const [protocolState, desk] = [await state.word(market, MARKET.protocolState.slot), await state.word(market, MARKET.desk.slot)]
      return { implementation, protocolState: addressIn(protocolState, MARKET.protocolState), desk: addressIn(desk, MARKET.desk) }
    },

    async epoch(epochId: EpochId): Promise<EpochRecord> {
      const word = await state.word(market, epochSlot(epochId))
      const number = (place: Place): number => Number(fieldIn(word, place))
      return {
        releasedAt: number(EPOCH.releasedAt),
        releaseBlock: number(EPOCH.releaseBlock),
        end: number(EPOCH.end),
        batches: number(EPOCH.batches),
      }
    },

    manifestAt: createManifests(market, state).at,

    async batch(epochId: EpochId, number: number): Promise<BatchRecord> {
      const word = await state.word(market, batchSlot(epochId, number))
      const flags = Number(fieldIn(word, BATCH.flags))
      return {
        blob: addressIn(word, BATCH.blob),
        cidKind: flags & CID_KIND,
        isFinal: (flags & FINAL) !== 0,
        isRootOnly: (flags & ROOT_ONLY) !== 0,
        time: Number(fieldIn(word, BATCH.time)),
        agreeing: Number(fieldIn(word, BATCH.agreeing)),
      }
    },

    /** The number that the market knows the project by; 0 while no batch has named it on chain. */
    async projectIndex(projectId: ProjectId): Promise<number> {
      return Number(fieldIn(await state.word(market, projectSlot(projectId)), PROJECT.index))
    },

    /** Which batch speaks for the project in the epoch, and at which place in it; `undefined` where none names it on chain. */
    async entry(epochId: EpochId, projectIndex: number) {
      const index = BigInt(projectIndex)
      const word = await state.word(market, under(under(MARKET.entries.slot, BigInt(epochId)), index / ENTRIES_PER_WORD))
      const lane = (word >> ((index % ENTRIES_PER_WORD) * ENTRY_BITS)) & ((1n << ENTRY_BITS) - 1n)
      if (lane === 0n) return undefined
      return { batchNumber: Number(lane >> POSITION_BITS), position: Number(lane & ((1n << POSITION_BITS) - 1n)) }
    },

    async voters(): Promise<Voters> {
      const validators = await state.word(market, MARKET.validators.slot + ROLES.members.slot)
      return { validators: Number(validators), attestationsMin: Number(await read(MARKET.minAttestations)) }
    },
  }
}
export type MarketReader = ReturnType<typeof createMarketReader>
