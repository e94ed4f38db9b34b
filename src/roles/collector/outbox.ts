import { isWeftError, WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, SubmissionId } from '#domain/ids.ts'
import type { DeliveryReason } from '#domain/reasons.ts'
import { isTaken, type ReceiptCode } from '#domain/rejection.ts'
import type { Submission, VoteFate } from '#domain/submission.ts'
import { type BlockTime, withContractNumber } from '#domain/window.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Random } from '#io/keys/port.ts'
import type { Store, StoreWrite } from '#io/store/port.ts'
import { offer } from '#life/offer.ts'
import { pagesOf } from '#life/pages.ts'
import { decodeSubmission, encodeSubmission } from '#wire/submission-proto.ts'
import type { Evidence } from './evidence.ts'
import { createHistory } from './history.ts'
import { createLine, type Waiter } from './line.ts'

export interface OutboxOptions {
  /** Submissions that may wait for their receipt. */
  readonly openMax: number
  /** Submissions whose end is remembered, so that one handed over again is known, across restarts. */
  readonly finishedMax: number
  /** Of them, those of one slot: none fills the outbox for all. */
  readonly openPerSlotMax: number
}

/** How a delivery ended. `sent`: written to a peer that never answers. */
export type Ending = 'acknowledged' | 'sent' | 'rejected' | 'expired'

/** Why: what the receipt said, `unacknowledged`, or `window_over` or `too_old` when it was given up before. */
export type EndCode = ReceiptCode | DeliveryReason

/** A submission on its way. */
export interface Entry extends Waiter {
  readonly key: string
  readonly slotId: SlotId
  /** Chosen once, the same at every attempt, so that the sequencer knows a repetition. */
  readonly submissionId: SubmissionId
  readonly firstSeenMs: number
  /** The head of the anchor chain when it was taken; `undefined` where no chain is asked. */
  readonly heardAt: BlockTime | undefined
  attempts: number
  /** Handed over again, naming another block, since it was taken to be sent: a receipt for what was sent says nothing about it. */
  isRenewed: boolean
  /** The block that it names, in its newest form. */
  header: string
  /** That form, unless it is on the disk alone. */
  fresh: Fresh | undefined
}

interface Fresh {
  readonly submission: Submission
  readonly payload: Uint8Array
}

export interface Outbox {
  /** Resolves when the submission is durable: `new`, or `known` when the same one was taken before. Throws `QUEUE_FULL`, `STORE_FULL` while the disk is (C17). */
  add(submission: Submission, heardAt?: BlockTime): Promise<'new' | 'known'>
  /** Under which the submission goes to the sequencer; `undefined` before it is taken, and when it is forgotten. */
  idOf(submission: Submission): SubmissionId | undefined
  /** The next of those that are due, as `Line.take`. It is in flight from now on. */
  take(isOver?: (epochId: EpochId) => boolean): Entry | undefined
  /** The protobuf `SnapshotSubmission` of an entry that is not finished. */
  payload(entry: Entry): Uint8Array
  /** What that holds; `undefined` where an earlier build wrote what is none to this one. */
  submission(entry: Entry): Submission | undefined
  /** Back from flight, due again in `delayMs`. */
  putBack(entry: Entry, delayMs: number): void
  /** Ends an entry, with the signed receipt where there is one; resolves when that is durable. */
  finish(entry: Entry, code: EndCode, evidence?: Evidence): Promise<Ending>
  /** The entries that are open and not in flight, in the order of acceptance. */
  waiting(): Entry[]
  /** When the next entry that waits becomes due, or `undefined`. */
  nextDueMs(): number | undefined
  openCount(): number
  /** When the oldest that is open was taken. */
  oldestMs(): number | undefined
  /** Of what waits or is in flight. */
  openEpochs(): ReadonlySet<EpochId>
  /** Epochs, ascending, with votes that somebody has taken, and of which is not known whether a batch holds them. */
  unjudgedEpochs(): readonly EpochId[]
  unjudged(epochId: EpochId): readonly KeptVote[]
  /** Writes down what became of those of which that is known now, and tells of them; resolves when that is durable. */
  judge(epochId: EpochId, fateOf: (vote: KeptVote) => VoteFate | undefined, asOf: SeenBlock): Promise<readonly JudgedVote[]>
  /** Epochs with votes of which that was seen in a block above `number`, each with every such block. */
  judgedAfter(number: BlockNumber): readonly { readonly epochId: EpochId; readonly asOf: SeenBlock }[]
  /** What was seen of the epoch's votes in blocks above is not known any more; resolves when that is durable. */
  takeBack(epochId: EpochId, above: BlockNumber): Promise<void>
}

/** A block of the anchor chain, which a reorganisation may take away. */
export interface SeenBlock {
  readonly number: BlockNumber
  readonly hash: Hash
}

export interface JudgedVote extends KeptVote {
  readonly fate: VoteFate
}

const PREFIX = 'out\t'
const EPOCH_DIGITS = 16
const SCAN_LIMIT = 1_000
const NEWLINE = 0x0a
/** So many that are open are not read again to be sent, at a kilobyte or two each. When more wait, nobody is in a hurry. */
const FRESH_MAX = 10_000

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** What is written down of an entry, in front of its payload. */
export interface Note {
  readonly submissionId: SubmissionId
  /** The block that the submission names. */
  readonly header: string
  readonly firstSeenMs: number
  readonly heardAt?: BlockTime
  readonly state: 'queued' | Ending
  readonly lastCode?: EndCode
  readonly attempts?: number
  readonly finishedMs?: number
  /** The signed receipt of what the sequencer has taken. */
  readonly evidence?: Evidence | undefined
  /** As the batches of its epoch say, where they are read (C18). */
  readonly fate?: VoteFate | undefined
  /** The newest block when that was seen; of what an earlier version wrote down it is not known. */
  readonly fateAsOf?: SeenBlock | undefined
}

function toValue(note: Note, payload: Uint8Array): Uint8Array {
  const head = encoder.encode(`${JSON.stringify(note)}\n`)
  const value = new Uint8Array(head.length + payload.length)
  value.set(head)
  value.set(payload, head.length)
  return value
}

function noteOf(value: Uint8Array): Note {
  return JSON.parse(decoder.decode(value.subarray(0, value.indexOf(NEWLINE)))) as Note
}

/** What a key says. */
export interface KeptVote {
  readonly epochId: EpochId
  /** In lower case. */
  readonly dataMarket: string
  readonly slotId: SlotId
  readonly projectId: ProjectId
  readonly snapshotCid: Cid
}

/** A vote, and what is written down of it. */
export interface NotedVote extends KeptVote {
  readonly note: Note
}

const epochPrefix = (epochId: EpochId): string => `${PREFIX}${String(epochId).padStart(EPOCH_DIGITS, '0')}\t`

/** What is written down of votes, of all or of those of an epoch, which come in the order of their epochs. */
export function* votesIn(store: Store, epochId?: EpochId): Generator<NotedVote> {
  for (const { key, note } of kept(store, epochId === undefined ? PREFIX : epochPrefix(epochId))) yield { ...voteIn(key), note }
}

export function voteIn(key: string): KeptVote {
  const [, epoch, dataMarket = '', slotId, projectId, snapshotCid] = key.split('\t')
  return {
    epochId: Number(epoch) as EpochId,
    dataMarket,
    slotId: Number(slotId) as SlotId,
    projectId: projectId as ProjectId,
    snapshotCid: snapshotCid as Cid,
  }
}

interface KeptNote {
  readonly key: string
  readonly note: Note
}

function* kept(store: Store, prefix: string): Generator<KeptNote> {
  for (const page of pagesOf(store, prefix, SCAN_LIMIT)) for (const { key, value } of page) yield { key, note: noteOf(value) }
}

/** All that is written down, in the order of its last word: acceptance, or the end. Of what has ended only its key, for there is much of it. */
function wordsIn(store: Store): readonly { readonly key: string; readonly queued: Note | undefined }[] {
  return Array.from(kept(store, PREFIX), ({ key, note }) => ({
    key,
    queued: note.state === 'queued' ? note : undefined,
    atMs: note.finishedMs ?? note.firstSeenMs,
  })).sort((left, right) => left.atMs - right.atMs)
}

/** The same vote has the same key, whatever its signature and header. Fields are printable, so a tab separates them for certain. */
function keyOf({ request, dataMarket }: Submission): string {
  const epoch = String(request.epochId).padStart(EPOCH_DIGITS, '0')
  return PREFIX + [epoch, dataMarket.toLowerCase(), request.slotId, request.projectId, request.snapshotCid].join('\t')
}

export function endingOf(code: EndCode): Ending {
  if (code === 'unacknowledged') return 'sent'
  if (code === 'too_old' || code === 'window_over' || code === 'window_closed') return 'expired'
  return isTaken(code) ? 'acknowledged' : 'rejected'
}

/** What is written down of one that has no end. */
function noteOfOpen({ submissionId, header, firstSeenMs, heardAt }: Entry): Note {
  return { submissionId, header, firstSeenMs, ...(heardAt && { heardAt }), state: 'queued' }
}

function entryOf(
  { key, epochId, slotId }: Pick<Entry, 'key' | 'epochId' | 'slotId'>,
  { submissionId, header, firstSeenMs, heardAt }: Omit<Note, 'state'>,
  order: number,
): Entry {
  return {
    key,
    epochId,
    slotId,
    submissionId,
    firstSeenMs,
    heardAt: heardAt && withContractNumber(heardAt),
    order,
    attempts: 0,
    dueMs: firstSeenMs,
    place: 'ready',
    isRenewed: false,
    header,
    fresh: undefined,
  }
}

/** Room for what is open: so many in all, so many of one slot. */
function createRoom({ openMax, openPerSlotMax }: OutboxOptions) {
  const perSlot = new Map<SlotId, number>()
  let taken = 0
  return {
    /** Throws `QUEUE_FULL`. */
    take(slotId: SlotId): void {
      const ofSlot = perSlot.get(slotId) ?? 0
      if (taken >= openMax) throw new WeftError('QUEUE_FULL', { queue: 'outbox', lengthMax: openMax })
      if (ofSlot >= openPerSlotMax) throw new WeftError('QUEUE_FULL', { queue: `share of slot ${slotId}`, lengthMax: openPerSlotMax })
      perSlot.set(slotId, ofSlot + 1)
      taken += 1
    },
    /** Whatever the limits are: of what is on the disk. */
    keep(slotId: SlotId): void {
      perSlot.set(slotId, (perSlot.get(slotId) ?? 0) + 1)
      taken += 1
    },
    give(slotId: SlotId): void {
      const ofSlot = (perSlot.get(slotId) ?? 0) - 1
      if (ofSlot > 0) perSlot.set(slotId, ofSlot)
      else perSlot.delete(slotId)
      taken -= 1
    },
  }
}

const withoutRoom = () => new WeftError('STORE_FULL', { path: 'outbox', doing: 'taking a submission' })

/** Opens the outbox that `store` holds: whatever was not finished is due at once (C3). `onReady` is called when `take` may have something. */
export function openOutbox(
  options: OutboxOptions,
  deps: { readonly store: Store; readonly clock: Clock; readonly random: Random; readonly onReady: () => void },
): Outbox {
  const { store, clock, random } = deps
  const line = createLine<Entry>(clock)
  /** Everything that is not finished, in the order of acceptance. */
  const open = new Map<string, Entry>()
  /** What is on its way to the disk for the first time. */
  const coming = new Map<string, Entry>()
  const history = createHistory(options.finishedMax)
  /** Commits under way take room too. */
  const room = createRoom(options)
  let order = 0

  function entryFor(place: Pick<Entry, 'key' | 'epochId' | 'slotId'>, note: Omit<Note, 'state'>): Entry {
    order += 1
    return entryOf(place, note, order)
  }

  function enter(entry: Entry): void {
    open.set(entry.key, entry)
    line.push(entry, 0)
    deps.onReady()
  }

  /** A note is read where memory knows that there is one, which of most hand-overs it does not. */
  function endAt(key: string): Note | undefined {
    return history.has(key) ? noteOf(store.get(key) as Uint8Array) : undefined
  }

  /** Writes the form in which the entry is sent from now on. */
  async function write(entry: Entry, submission: Submission): Promise<void> {
    const payload = encodeSubmission(submission)
    entry.header = submission.header
    entry.fresh = open.size + coming.size <= FRESH_MAX ? { submission, payload } : undefined
    await take([{ key: entry.key, value: toValue(noteOfOpen(entry), payload) }])
  }

  /** A reorganisation may have taken the block away that it named before: what waits is sent in its newest form, under the id it has. */
  async function renew(entry: Entry, submission: Submission): Promise<void> {
    entry.isRenewed = entry.place === 'in flight'
    await write(entry, submission)
  }

  /** Resolves when it is durable, and all before it. */
  async function take(writes: readonly StoreWrite[]): Promise<void> {
    if (!(await offer(writes, store))) throw withoutRoom()
  }

  function payloadOf(entry: Entry): Uint8Array {
    if (entry.fresh !== undefined) return entry.fresh.payload
    const value = store.get(entry.key) as Uint8Array
    return value.subarray(value.indexOf(NEWLINE) + 1)
  }

  /** Of an epoch, or of all. */
  function* unjudgedIn(epochId?: EpochId): Generator<KeptNote> {
    const prefix = epochId === undefined ? PREFIX : epochPrefix(epochId)
    for (const { key, note } of kept(store, prefix)) {
      const isTaken = note.state === 'acknowledged' || note.state === 'sent'
      if (isTaken && note.fate === undefined) yield { key, note }
    }
  }

  /** Below the prefix, as of a block above. */
  function* judgedIn(prefix: string, above: BlockNumber): Generator<KeptNote & { readonly asOf: SeenBlock }> {
    for (const each of kept(store, prefix)) {
      const asOf = each.note.fateAsOf
      if (asOf !== undefined && asOf.number > above) yield { ...each, asOf }
    }
  }

  for (const { key, queued } of wordsIn(store)) {
    if (queued === undefined) history.add(key)
    else {
      const place = { key, ...voteIn(key) }
      room.keep(place.slotId)
      enter(entryFor(place, queued))
    }
  }
  return {
    async add(submission, heardAt) {
      if (store.isFull()) throw withoutRoom()
      const key = keyOf(submission)
      const { header } = submission
      const waiting = open.get(key) ?? coming.get(key)
      if (waiting !== undefined && waiting.header !== header) {
        await renew(waiting, submission)
        return 'known'
      }
      // What was refused or given up may be handed over again, with another signature or header. So may what was acknowledged and names
      // another block now: a reorganisation may have voided it, and if not, the sequencer says `duplicate`.
      const ended = endAt(key)
      const isKnown = waiting !== undefined || (ended?.header === header && !['rejected', 'expired'].includes(ended.state))
      if (isKnown) {
        // Its commit may still be under way.
        await take([])
        return 'known'
      }
      const { epochId, slotId } = submission.request
      room.take(slotId)
      const submissionId = random.uuid() as SubmissionId
      const entry = entryFor({ key, epochId, slotId }, { submissionId, header, firstSeenMs: clock.nowMs(), ...(heardAt && { heardAt }) })
      if (ended !== undefined) history.remove(key)
      coming.set(key, entry)
      try {
        await write(entry, submission)
      } catch (failure) {
        coming.delete(key)
        // What only waits for room is as good as there, though nobody was told so.
        if (isWeftError(failure, 'STORE_FULL')) enter(entry)
        else room.give(slotId)
        throw failure
      }
      coming.delete(key)
      enter(entry)
      return 'new'
    },
    idOf(submission) {
      const key = keyOf(submission)
      return (open.get(key) ?? coming.get(key) ?? endAt(key))?.submissionId
    },
    take(isOver) {
      const entry = line.take(isOver)
      if (entry === undefined) return undefined
      entry.isRenewed = false
      entry.attempts += 1
      return entry
    },
    payload: payloadOf,
    submission: (entry) => entry.fresh?.submission ?? decodeSubmission(payloadOf(entry)),
    putBack(entry, delayMs) {
      entry.dueMs = clock.nowMs() + delayMs
      line.push(entry, delayMs)
      deps.onReady()
    },
    async finish(entry, code, evidence) {
      const { key, slotId, submissionId, header, firstSeenMs, attempts } = entry
      const state = endingOf(code)
      line.leave(entry)
      open.delete(key)
      room.give(slotId)
      history.add(key)
      const note: Note = { submissionId, header, firstSeenMs, state, lastCode: code, attempts, finishedMs: clock.nowMs(), evidence }
      await store.commit([{ key, value: toValue(note, new Uint8Array(0)) }, ...history.trim()])
      return state
    },
    waiting: () => [...open.values()].filter(({ place }) => place !== 'in flight'),
    nextDueMs: line.nextDueMs,
    openCount: () => open.size,
    oldestMs: () => open.values().next().value?.firstSeenMs,
    openEpochs: () => new Set([...open.values()].map(({ epochId }) => epochId)),
    unjudgedEpochs: () => [...new Set(Array.from(unjudgedIn(), ({ key }) => voteIn(key).epochId))],
    unjudged: (epochId) => Array.from(unjudgedIn(epochId), ({ key }) => voteIn(key)),
    async judge(epochId, fateOf, { number, hash }) {
      const judged: JudgedVote[] = []
      const writes: StoreWrite[] = []
      for (const { key, note } of unjudgedIn(epochId)) {
        const vote = voteIn(key)
        const fate = fateOf(vote)
        if (fate === undefined) continue
        judged.push({ ...vote, fate })
        writes.push({ key, value: toValue({ ...note, fate, fateAsOf: { number, hash } }, new Uint8Array(0)) })
      }
      if (writes.length > 0) await store.commit(writes)
      return judged
    },
    judgedAfter(above) {
      const found = new Map<string, { readonly epochId: EpochId; readonly asOf: SeenBlock }>()
      for (const { key, asOf } of judgedIn(PREFIX, above)) {
        const { epochId } = voteIn(key)
        found.set(`${epochId} ${asOf.hash}`, { epochId, asOf })
      }
      return [...found.values()]
    },
    async takeBack(epochId, above) {
      const writes = Array.from(judgedIn(epochPrefix(epochId), above), ({ key, note }) => ({
        key,
        value: toValue({ ...note, fate: undefined, fateAsOf: undefined }, new Uint8Array(0)),
      }))
      if (writes.length > 0) await store.commit(writes)
    },
  }
}
