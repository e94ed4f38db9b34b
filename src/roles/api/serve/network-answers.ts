import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import type { SlotState } from '#io/chain/port.ts'
import type { SlotRow } from '#io/database/port.ts'
import { PAGE_LENGTH } from '#wire/api.ts'
import { MANIFEST_BYTES_MAX } from '#wire/manifest.ts'
import { parseJson } from '#wire/untrusted.ts'
import { lately } from './lately.ts'
import { pageOf, placeOf } from './pages.ts'
import { createRefusals } from './refusals.ts'
import type { Answers, ServeDeps } from './served.ts'

/** What the chain says of market and slots changes by the hand of a person: it is asked again after so long, whoever asks how often. */
const CHAIN_FOR_MS = 5_000
/** Batches that are decided over which validators are told of. */
const VALIDATOR_BATCHES = 100
/** A manifest that the node does not hold by now it will not find while somebody waits. */
const MANIFEST_TIMEOUT_MS = 2_000

/** The answers about the market, its slots and its validators. */
export function networkAnswers(deps: ServeDeps) {
  const { index, chain, clock, version } = deps
  const slots = lately(() => chain.slots(), CHAIN_FOR_MS, clock)
  const rewardRules = lately(() => chain.rewardRules(), CHAIN_FOR_MS, clock)
  const manifestOf = createManifests(deps)
  const market = lately(() => marketOf(deps, manifestOf), CHAIN_FOR_MS, clock)
  const summary = lately(() => index.summary(), CHAIN_FOR_MS / 5, clock)
  const refusals = lately(createRefusals(deps), CHAIN_FOR_MS, clock)
  const head = lately(() => unlessUnreachable(async () => (await chain.head()).number), CHAIN_FOR_MS / 5, clock)

  return {
    async status() {
      const { indexed, newestEpochId, epochs, projects, points, unavailable } = await summary()
      const place = { anchorChainId: chain.chainId, protocolState: chain.protocolState, dataMarket: chain.dataMarket }
      const shown = indexed && { block: indexed.block, at: indexed.at }
      return { version, ...place, indexed: shown, head: await head(), newestEpochId, epochs, projects, points, unavailable }
    },
    market: () => market(),
    async slots({ limit = PAGE_LENGTH, cursor }) {
      const after = placeOf(cursor) ?? 0
      const states = (await slots()).filter(({ slotId }) => slotId > after).slice(0, limit + 1)
      const rows = await index.slots(states.slice(0, limit).map(({ slotId }) => slotId))
      const found = new Map(rows.map((row) => [row.slotId, row]))
      return pageOf(states, { limit, placeOf: (state) => state.slotId, shown: (state) => shownSlot(state, found.get(state.slotId)) })
    },
    async slot({ slotId }) {
      const state = (await slots()).find((each) => each.slotId === slotId)
      if (state === undefined) throw new WeftError('SLOT_UNKNOWN', { slotId })
      const [row] = await index.slots([slotId])
      const day = await unlessUnreachable(async () => {
        const rules = await rewardRules()
        const own = await chain.slotDay(slotId, rules.day)
        return { day: rules.day, submissions: own.submissions, quota: rules.dailySnapshotQuota, isRewarded: own.isRewarded }
      })
      return { ...shownSlot(state, row), day }
    },
    async slotEpochs({ slotId, limit = PAGE_LENGTH, cursor }) {
      const rows = await index.slotEpochs({ slotId, before: placeOf(cursor), limit: limit + 1 })
      return pageOf(rows, { limit, placeOf: (row) => row.epochId, shown: (row) => row })
    },
    async validators() {
      const [{ validators }, rows] = await Promise.all([market(), index.validators(VALIDATOR_BATCHES)])
      const seen = new Set(rows.map(({ validator }) => validator))
      const batches = rows[0]?.batches ?? 0
      // Who never attested is told of as well: that is what is asked.
      const silent = validators
        .filter((validator) => !seen.has(validator))
        .map((validator) => ({ validator, attested: 0, late: 0, batches }))
      return { items: [...rows, ...silent] }
    },
    refusals: () => refusals(),
  } satisfies Partial<Answers>
}

function shownSlot({ slotId, signer, isActive }: SlotState, row: SlotRow | undefined) {
  const nothing = { recent: { epochs: 0, voted: 0, votes: 0, winning: 0 }, streak: 0 }
  return { ...nothing, ...row, slotId, signer, isActive }
}

/** A version is its CID, and never changes: it is fetched until somebody has served it once. */
function createManifests({ ipfs }: Pick<ServeDeps, 'ipfs'>) {
  let last: { readonly cid: string; readonly manifest: unknown } | undefined
  return async (cid: string): Promise<unknown> => {
    if (last?.cid === cid) return last.manifest
    const limits = { bytesMax: MANIFEST_BYTES_MAX, timeoutMs: MANIFEST_TIMEOUT_MS }
    const bytes = await unlessUnreachable(() => ipfs.get(cid as Cid, limits))
    if (bytes === undefined) return undefined
    last = { cid, manifest: parseJson(new TextDecoder().decode(bytes)) }
    return last.manifest
  }
}

async function marketOf({ chain }: ServeDeps, manifestOf: ReturnType<typeof createManifests>) {
  const { epochManager: _manager, ...state } = await chain.market()
  const { current } = await chain.manifests()
  return {
    dataMarket: chain.dataMarket,
    protocolState: chain.protocolState,
    anchorChainId: chain.chainId,
    ...state,
    manifestCid: current?.cid,
    manifest: current && (await manifestOf(current.cid)),
  }
}

/** What an answer can do without. The CID of a manifest is whatever the market's owner wrote. */
async function unlessUnreachable<Value>(read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read()
  } catch (failure) {
    if (isWeftError(failure) && (failure.kind === 'transient' || failure.kind === 'caller')) return undefined
    throw failure
  }
}
