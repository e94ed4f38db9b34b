import { type CountsUpdate, eligibleSlots, type SlotCounts, updatesOf } from '#domain/counts.ts'
import type { BlockNumber, EpochId, SlotId } from '#domain/ids.ts'
import type { UntoldReason } from '#domain/reasons.ts'
import type { AnchorChain, CallOutcome, ProtocolSender } from '#io/chain/port.ts'
import type { Store } from '#io/store/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import type { Counting } from './count.ts'
import type { Day } from './day-book.ts'
import { createToldBook, isTold, type Told, type ToldBook, type Update } from './told.ts'

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

export interface Rewarding {
  /** Does what is due. Called one at a time. */
  work(signal: AbortSignal): Promise<void>
  /** What the chain has said from this block on is about to be said again: calls made there must be found again. */
  begin(from: BlockNumber): Promise<void>
  /** A reorganisation may have taken calls off the chain: they go out again, and all is told once more. */
  undoAbove(block: BlockNumber): Promise<void>
  /** By which the slots of a day were last told to be rewarded, or not; `undefined` when nothing was told of it. */
  quotaOf(day: Day): number | undefined
}

/** Each attempt leaves out slots that the contract has rewarded meanwhile; more than a few would be another sequencer at the same work. */
const ATTEMPTS_MAX = 3
/** The day is neither the current one nor the one before. */
const TOO_LATE = 'E38'
const ALL_REWARDED = 'E47'
const REWARDED_BEFORE = 'E48'

/** What the parts of the work share. */
interface Work extends RewardDeps {
  readonly options: RewardOptions
  readonly book: ToldBook
  /** Days of which something was said that is said no more. */
  readonly silent: Set<number>
  /** How often a reorganisation has changed what is told: what was asked before holds no more. */
  undone(): number
}

/**
 * Tells the contract what slots earned (spec/06 §6). Of a day that goes on now and then what has changed; once it is over and decided all of it, with the
 * number of eligible slots. Totals are absolute: said twice they are what they were. Order: the calls are on disk, then sent under intents of
 * their own, then what they told is on disk (S18).
 */
export function createRewarding(options: RewardOptions, deps: RewardDeps): Rewarding {
  const book = createToldBook(deps.store)
  let undone = 0
  const work: Work = { ...deps, options, book, silent: new Set(), undone: () => undone }

  async function workOn(number: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      // As both are now: epochs were released while a call was under way, and a reorganisation may have changed all of it.
      const day = deps.counting.days().find((each) => each.day === number)
      if (day === undefined) return
      const told = book.get(day)
      const due = whyDue(day, told, work)
      if (told.update?.isSettled === false) await settle(told, told.update, work, signal)
      else if (due !== undefined) await plan(day, told, due === 'final', work, signal)
      else return
    }
  }

  return {
    async work(signal) {
      const days = deps.counting.days().map(({ day }) => day)
      book.forgetBefore(days[0] ?? 0)
      for (const day of days) await workOn(day, signal)
    },
    begin: book.unsettleFrom,
    async undoAbove(block) {
      // What is on its way must not be heard as if nothing had happened.
      undone += 1
      await book.undoAbove(block)
    },
    quotaOf: (day) => book.get(day).update?.quota,
  }
}

const newest = ({ counting }: Pick<Work, 'counting'>): EpochId => counting.days().at(-1)?.lastEpochId ?? (0 as EpochId)

function whyDue(day: Day, told: Told, work: Work): 'intraday' | 'final' | undefined {
  const { options, counting } = work
  if (told.closed !== undefined) return undefined
  const isTime = newest(work) >= (told.finalAsOf ?? told.asOf) + options.countsEveryEpochs
  if (day.day === counting.days().at(-1)?.day) return isTime ? 'intraday' : undefined
  if (!counting.isDecided(day, (day.lastEpochId + options.dayBufferEpochs) as EpochId)) return undefined
  // A last word that was refused is said again now and then.
  return told.finalAsOf === undefined || isTime ? 'final' : undefined
}

/** Writes down what is to be told, or that nothing is. */
async function plan(day: Day, told: Told, isFinal: boolean, work: Work, signal: AbortSignal): Promise<void> {
  const { book, counting, options, chain } = work
  const before = work.undone()
  const rules = await persist({ doing: 'read_reward_rules', attempt: () => chain.rewardRules(), signal }, work)
  if (work.undone() !== before) return
  const { dailySnapshotQuota: quota, areRewardsEnabled } = rules
  const asked = { ...told, asOf: newest(work), ...(isFinal && { finalAsOf: newest(work) }) }
  const isTooLate = rules.day > day.day + 1
  if (!areRewardsEnabled || !day.isWhole) {
    saySilent(day.day, day.isWhole ? 'rewards_off' : 'day_not_whole', work)
    return book.keep(isTooLate ? { ...asked, closed: TOO_LATE } : asked)
  }
  if (isTooLate) return close(asked, TOO_LATE, quota, work)
  const totals = counting.totals(day.day).won
  // The last word is about everybody: it does not rest on what is believed to be told.
  const known = isFinal ? unknown(totals) : new Map(told.counts)
  const chunks = updatesOf({ totals, told: known, rewarded: new Set(told.rewarded), quota, isFinal }, options.slotsPerUpdate)
  if (chunks.length === 0) return isFinal ? close(asked, 'told', quota, work) : book.keep(asked)
  const number = (told.update?.number ?? 0) + 1
  return book.keep({ ...asked, update: { number, attempt: 0, isFinal, quota, chunks, isSettled: false } })
}

/** As if the contract had something else of everybody. */
const unknown = (totals: SlotCounts): SlotCounts => new Map([...totals.keys()].map((slotId) => [slotId, -1]))

/** Once for each day and process. */
function saySilent(day: number, reason: UntoldReason, { silent, report }: Work): void {
  if (!silent.has(day)) report('counts_not_sent', { day, reason })
  silent.add(day)
}

async function close(told: Told, closed: 'told' | 'E38', quota: number, { book, counting, report }: Work): Promise<void> {
  const { day } = told
  const totals = counting.totals(day).won
  // After a restart the calls are only found again.
  if (told.closed === undefined) {
    if (closed === 'told') report('day_told', { day, slots: totals.size, eligible: eligibleSlots(totals, quota).length, quota })
    else report('day_not_told', { day, slots: totals.size, code: closed })
  }
  return book.keep({ ...told, closed })
}

/** Sends the calls of an update, or finds them where they are. Called again it goes on. */
async function settle(told: Told, update: Update, work: Work, signal: AbortSignal): Promise<void> {
  const { book, sender } = work
  const before = work.undone()
  const intents = update.chunks.map((chunk, index) => ({
    intentId: `rewards/${told.day}/${update.number}/${update.attempt}/${index}`,
    call: { kind: 'updateRewards', day: told.day, ...chunk } as const,
  }))
  const outcomes = await persist({ doing: 'update_rewards', attempt: () => sender.sendInOrder(intents, signal), signal }, work)
  const { now, again, codes } = await hear(told, outcomes, work, signal)
  // What the outcomes say may be of a chain that is gone.
  if (work.undone() !== before) return
  if (again.length > 0 && update.attempt + 1 < ATTEMPTS_MAX)
    return book.keep({ ...now, update: { ...update, attempt: update.attempt + 1, chunks: again } })
  const settled = { ...now, update: { ...update, isSettled: true } }
  if (update.isFinal && codes.includes(TOO_LATE)) return close(settled, TOO_LATE, update.quota, work)
  if (!update.isFinal || again.length + codes.length > 0) return book.keep(settled)
  // A reorganisation may have changed the totals since: then the last word is another.
  const isLast = isTold(settled, work.counting.totals(told.day).won)
  return isLast ? close(settled, 'told', update.quota, work) : book.keep({ ...settled, finalAsOf: undefined })
}

/** What the contract has now, what of it must be said in other words, and with which codes it refused the rest. */
async function hear(told: Told, outcomes: readonly CallOutcome[], work: Work, signal: AbortSignal) {
  const counts = new Map(told.counts)
  const rewarded = new Set(told.rewarded)
  const again: CountsUpdate[] = []
  const codes: string[] = []
  let toldIn = told.toldIn
  for (const [index, outcome] of outcomes.entries()) {
    const chunk = told.update?.chunks[index] as CountsUpdate
    if (outcome.kind === 'done') {
      chunk.slotIds.forEach((slotId, at) => void counts.set(slotId, chunk.submissions[at] as number))
      if (chunk.eligibleNodes > 0) for (const slotId of chunk.slotIds) rewarded.add(slotId)
      toldIn = Math.max(toldIn, outcome.blockNumber) as BlockNumber
    } else if (outcome.reason === REWARDED_BEFORE) {
      for (const { slotId, submissions, isRewarded } of await slotDays(told.day, chunk.slotIds, work, signal)) {
        counts.set(slotId, submissions)
        if (isRewarded) rewarded.add(slotId)
      }
      again.push(...without(chunk, rewarded))
    } else if (outcome.reason === ALL_REWARDED) again.push({ ...chunk, eligibleNodes: 0 })
    else {
      codes.push(outcome.reason)
      work.report('counts_refused', { day: told.day, slots: chunk.slotIds.length, code: outcome.reason })
    }
  }
  return { now: { ...told, counts: [...counts], rewarded: [...rewarded], toldIn }, again, codes }
}

function slotDays(day: number, slotIds: readonly SlotId[], work: Work, signal: AbortSignal) {
  const attempt = () => Promise.all(slotIds.map(async (slotId) => ({ slotId, ...(await work.chain.slotDay(slotId, day)) })))
  return persist({ doing: 'read_slot_days', attempt, signal }, work)
}

function without({ slotIds, submissions, eligibleNodes }: CountsUpdate, rewarded: ReadonlySet<SlotId>): CountsUpdate[] {
  const kept = slotIds.flatMap((slotId, index) => (rewarded.has(slotId) ? [] : [{ slotId, count: submissions[index] as number }]))
  if (kept.length === 0) return []
  return [{ slotIds: kept.map(({ slotId }) => slotId), submissions: kept.map(({ count }) => count), eligibleNodes }]
}
