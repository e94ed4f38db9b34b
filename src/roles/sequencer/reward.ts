import { type CountsUpdate, eligibleSlots, type SlotCounts, updatesOf } from '#domain/counts.ts'
import type { BlockNumber, EpochId, SlotId } from '#domain/ids.ts'
import type { UntoldReason } from '#domain/reasons.ts'
import type { AnchorChain, CallOutcome, ProtocolSender } from '#io/chain/port.ts'
import type { Store } from '#io/store/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { fromBytes, toBytes } from './bytes.ts'
import type { Counting } from './count.ts'
import type { Day } from './day-book.ts'
import { TOLD_PREFIX, toldKey } from './keys.ts'

export interface RewardOptions {
  /** Epochs between two updates of a day that is not over. */
  readonly countsEveryEpochs: number
  /** Epochs after the last of a day before its last word is said. */
  readonly dayBufferEpochs: number
  /** Slots in one call: bounded by the gas of one block. */
  readonly slotsPerUpdate: number
}

export interface RewardDeps extends PersistDeps {
  readonly store: Store
  readonly chain: Pick<AnchorChain, 'rewardRules' | 'slotDay'>
  readonly sender: Pick<ProtocolSender, 'sendInOrder'>
  readonly counting: Counting
}

/** Calls that belong together, on disk before the first of them is sent. */
interface Update {
  readonly number: number
  /** How often its calls were made anew, because the contract refused to hear of slots that it has rewarded. */
  readonly attempt: number
  readonly isFinal: boolean
  readonly quota: number
  readonly chunks: readonly CountsUpdate[]
  /** All of them have their outcome. */
  readonly isSettled: boolean
}

/** What the contract was told of a day. */
interface Told {
  readonly day: number
  /** The totals that it has, as far as known. */
  readonly counts: readonly (readonly [SlotId, number])[]
  readonly rewarded: readonly SlotId[]
  /** Newest epoch at the last update, and at the last that was to be the last. */
  readonly asOf: EpochId
  readonly finalAsOf?: EpochId | undefined
  readonly update?: Update | undefined
  /** Newest block with one of the calls. */
  readonly toldIn: BlockNumber
  /** No more is said of the day: all is told, or it was too late. */
  readonly closed?: 'told' | 'E38' | undefined
}

export interface Rewarding {
  /** Does what is due. Called one at a time. */
  work(signal: AbortSignal): Promise<void>
  /** What the chain has said from this block on is about to be said again: calls made there must be found again. */
  begin(from: BlockNumber): Promise<void>
  /** A reorganisation may have taken calls off the chain: they go out again, and all is told once more. */
  undoAbove(block: BlockNumber): Promise<void>
}

/** Each attempt leaves out slots that the contract has rewarded meanwhile; more than a few would be another sequencer at the same work. */
const ATTEMPTS_MAX = 3
/** The day is neither the current one nor the one before. */
const TOO_LATE = 'E38'
const ALL_REWARDED = 'E47'
const REWARDED_BEFORE = 'E48'

/**
 * Tells the contract what slots earned (spec/06 §6). Of a day that goes on now and then what has changed; once it is over and decided all of it, with the
 * number of eligible slots. Totals are absolute: said twice they are what they were. Order: the calls are on disk, then sent under intents of
 * their own, then what they told is on disk (S16).
 */
export function createRewarding(options: RewardOptions, deps: RewardDeps): Rewarding {
  const { store, counting, report } = deps
  const silent = new Set<number>()
  /** As on disk. */
  const known = new Map(
    store
      .scan(TOLD_PREFIX)
      .map(({ value }) => fromBytes<Told>(value))
      .map((told) => [told.day, told]),
  )
  let undone = 0

  const newest = (): EpochId => counting.days().at(-1)?.lastEpochId ?? (0 as EpochId)
  const toldOf = ({ day, firstEpochId }: Day): Told => known.get(day) ?? { day, ...NOTHING, asOf: Math.max(0, firstEpochId - 1) as EpochId }

  function keep(told: Told): Promise<void> {
    known.set(told.day, told)
    return store.commit([{ key: toldKey(told.day), value: toBytes(told) }])
  }

  /** Their records on disk went with the days. */
  function forgetBefore(oldest: number): void {
    for (const day of known.keys()) if (day < oldest) known.delete(day)
  }

  function whyDue(day: Day, told: Told): 'intraday' | 'final' | undefined {
    const last = (told.finalAsOf ?? told.asOf) + options.countsEveryEpochs
    if (told.closed !== undefined) return undefined
    if (day === counting.days().at(-1)) return newest() >= last ? 'intraday' : undefined
    if (!counting.isDecided(day, (day.lastEpochId + options.dayBufferEpochs) as EpochId)) return undefined
    return told.finalAsOf === undefined || newest() >= last ? 'final' : undefined
  }

  /** Once for each day and process. */
  function saySilent(day: number, reason: UntoldReason): void {
    if (!silent.has(day)) report('counts_not_sent', { day, reason })
    silent.add(day)
  }

  async function plan(day: Day, told: Told, isFinal: boolean, signal: AbortSignal): Promise<void> {
    const before = undone
    const rules = await persist({ doing: 'read_reward_rules', attempt: () => deps.chain.rewardRules(), signal }, deps)
    if (undone !== before) return
    const asked = { ...told, asOf: newest(), ...(isFinal && { finalAsOf: newest() }) }
    const isTooLate = rules.day > day.day + 1
    if (!rules.areRewardsEnabled || !day.isWhole) {
      saySilent(day.day, day.isWhole ? 'rewards_off' : 'day_not_whole')
      return keep(isTooLate ? { ...asked, closed: TOO_LATE } : asked)
    }
    if (isTooLate) return close(asked, TOO_LATE, rules.dailySnapshotQuota)
    const totals = counting.totals(day.day)
    const parts = { totals, rewarded: new Set(told.rewarded), quota: rules.dailySnapshotQuota, isFinal }
    // The last word is about everybody: it does not rest on what is believed to be told.
    const chunks = updatesOf({ ...parts, told: isFinal ? unknown(totals) : new Map(told.counts) }, options.slotsPerUpdate)
    if (chunks.length === 0) return isFinal ? close(asked, 'told', parts.quota) : keep(asked)
    const number = (told.update?.number ?? 0) + 1
    return keep({ ...asked, update: { number, attempt: 0, isFinal, quota: parts.quota, chunks, isSettled: false } })
  }

  async function close(told: Told, closed: 'told' | 'E38', quota: number): Promise<void> {
    const totals = counting.totals(told.day)
    if (told.closed === undefined && closed === 'told')
      report('day_told', { day: told.day, slots: totals.size, eligible: eligibleSlots(totals, quota).length, quota })
    if (told.closed === undefined && closed !== 'told') report('day_not_told', { day: told.day, slots: totals.size, code: closed })
    return keep({ ...told, closed })
  }

  /** Sends the calls of an update, or finds them where they are. Called again it goes on. */
  async function settle(told: Told, update: Update, signal: AbortSignal): Promise<void> {
    const before = undone
    const intents = update.chunks.map((chunk, index) => ({
      intentId: `rewards/${told.day}/${update.number}/${update.attempt}/${index}`,
      call: { kind: 'updateRewards', day: told.day, ...chunk } as const,
    }))
    const outcomes = await persist({ doing: 'update_rewards', attempt: () => deps.sender.sendInOrder(intents, signal), signal }, deps)
    const heard = await hear(told, update, outcomes, signal)
    // What the outcomes say may be of a chain that is gone.
    if (undone !== before) return
    const { again, codes, ...change } = heard
    const now = { ...told, ...change }
    if (again.length > 0 && update.attempt + 1 < ATTEMPTS_MAX)
      return keep({ ...now, update: { ...update, attempt: update.attempt + 1, chunks: again } })
    const settled = { ...now, update: { ...update, isSettled: true } }
    if (update.isFinal && codes.includes(TOO_LATE)) return close(settled, TOO_LATE, update.quota)
    if (!update.isFinal || again.length + codes.length > 0) return keep(settled)
    // A reorganisation may have changed the totals since: then the last word is another.
    return isTold(settled) ? close(settled, 'told', update.quota) : keep({ ...settled, finalAsOf: undefined })
  }

  /** What the contract has now, and what of it must be said in other words. */
  async function hear(told: Told, update: Update, outcomes: readonly CallOutcome[], signal: AbortSignal) {
    const counts = new Map(told.counts)
    const rewarded = new Set(told.rewarded)
    const again: CountsUpdate[] = []
    const codes: string[] = []
    for (const [index, outcome] of outcomes.entries()) {
      const chunk = update.chunks[index] as CountsUpdate
      if (outcome.kind === 'done') {
        chunk.slotIds.forEach((slotId, at) => void counts.set(slotId, chunk.submissions[at] as number))
        if (chunk.eligibleNodes > 0) for (const slotId of chunk.slotIds) rewarded.add(slotId)
      } else if (outcome.reason === REWARDED_BEFORE) {
        const known = await persist({ doing: 'read_slot_days', attempt: () => read(told.day, chunk.slotIds), signal }, deps)
        for (const { slotId, submissions, isRewarded } of known) {
          counts.set(slotId, submissions)
          if (isRewarded) rewarded.add(slotId)
        }
        again.push(...without(chunk, rewarded))
      } else if (outcome.reason === ALL_REWARDED) again.push({ ...chunk, eligibleNodes: 0 })
      else {
        codes.push(outcome.reason)
        report('counts_refused', { day: told.day, slots: chunk.slotIds.length, code: outcome.reason })
      }
    }
    const blocks = outcomes.map((outcome) => (outcome.kind === 'done' ? outcome.blockNumber : 0))
    return { counts: [...counts], rewarded: [...rewarded], toldIn: Math.max(told.toldIn, ...blocks) as BlockNumber, again, codes }
  }

  function isTold({ day, counts, rewarded }: Told): boolean {
    const told = { totals: counting.totals(day), told: new Map(counts), rewarded: new Set(rewarded), quota: 0, isFinal: false }
    return updatesOf(told, options.slotsPerUpdate).length === 0
  }

  const read = (day: number, slotIds: readonly SlotId[]) =>
    Promise.all(slotIds.map(async (slotId) => ({ slotId, ...(await deps.chain.slotDay(slotId, day)) })))

  async function workOn(day: Day, signal: AbortSignal): Promise<void> {
    for (;;) {
      // As it is now: a reorganisation may have changed it meanwhile.
      const told = toldOf(day)
      const due = whyDue(day, told)
      if (told.update?.isSettled === false) await settle(told, told.update, signal)
      else if (due !== undefined) await plan(day, told, due === 'final', signal)
      else return
    }
  }

  const unsettled = (update: Update | undefined) => update && { ...update, isSettled: false }

  return {
    async work(signal) {
      forgetBefore(counting.days().at(0)?.day ?? 0)
      for (const day of [...counting.days()]) await workOn(day, signal)
    },
    async begin(from) {
      for (const told of known.values()) if (told.toldIn >= from) await keep({ ...told, update: unsettled(told.update) })
    },
    async undoAbove(block) {
      for (const told of known.values()) {
        if (told.toldIn <= block && told.update?.isSettled !== false) continue
        undone += 1
        await keep({ day: told.day, ...NOTHING, asOf: told.asOf, update: unsettled(told.update) })
      }
    },
  }
}

const NOTHING: Pick<Told, 'counts' | 'rewarded' | 'toldIn'> = { counts: [], rewarded: [], toldIn: 0 as BlockNumber }

/** As if the contract had something else of everybody. */
const unknown = (totals: SlotCounts): SlotCounts => new Map([...totals.keys()].map((slotId) => [slotId, -1]))

function without({ slotIds, submissions, eligibleNodes }: CountsUpdate, rewarded: ReadonlySet<SlotId>): CountsUpdate[] {
  const kept = slotIds.flatMap((slotId, index) => (rewarded.has(slotId) ? [] : [{ slotId, count: submissions[index] as number }]))
  if (kept.length === 0) return []
  return [{ slotIds: kept.map(({ slotId }) => slotId), submissions: kept.map(({ count }) => count), eligibleNodes }]
}
