import type { Ballot } from '#roles/sequencer/intake/ballot.ts'
import type { EpochEntry } from '#roles/sequencer/ledger.ts'
import { encodeCursor } from '#wire/cursor.ts'
import { PAGE_LENGTH } from '#wire/sequencer-api.ts'
import { type AnswerDeps, type Answers, dayOf, daysBack, eligibleByDay, seenOf, timestampOf } from './answers.ts'
import {
  discardedOf,
  discardedOnDay,
  closedIn,
  epochIn,
  evidenceOf,
  findVote,
  inclusionOf,
  type Page,
  type PageOf,
  type ResultInclusion,
  resultInclusionOf,
  slotsOf,
  type VoteNamed,
  votesOf,
} from './archive.ts'

/** The answers below `/v1`. Lists come in pages; `nextCursor` is there when there is more. */
export function v1Answers(deps: AnswerDeps) {
  const { sequencer, chain } = deps
  const isWhole = (day: number): boolean => dayOf(day, deps)?.isWhole ?? false
  const place = { chainId: chain.chainId, protocolState: chain.protocolState, dataMarket: chain.dataMarket }

  const inTurn = createLine()
  const proof: Answers['proof'] = async (asked, asking) => {
    const { vote, isRenamed, submission, result } = await inTurn(() => inclusionOf(named(asked), deps, asking))
    const { slotId, snapshotCid } = vote.ballot.submission.request
    return { ...place, epochId: vote.epochId, slotId, snapshotCid, ...shownResult(result), submission, isRenamed }
  }

  return {
    newest: () => ({ ...place, newestEpochId: sequencer.newestEpochId() }),
    epoch: ({ epochId }) => shownEpoch(epochIn(epochId, deps)),
    async submissions({ epochId, ...page }, asking) {
      return shown(await votesOf(closedIn(epochId, deps).epochId, asked(page), deps, asking), shownVote)
    },
    projects({ epochId, state, ...page }) {
      const projects = epochIn(epochId, deps).projects.filter((project) => state === undefined || project.state === state)
      return shown(sliceOf(projects, asked(page)), asItIs)
    },
    projectProof: ({ epochId, projectId }) => ({ ...place, epochId, ...shownResult(resultInclusionOf(epochId, projectId, deps)) }),
    async discarded({ epochId, ...page }, asking) {
      return shown(await discardedOf(closedIn(epochId, deps), asked(page), deps, asking), shownVote)
    },
    async evidence({ epochId, ...page }, asking) {
      return shown(await evidenceOf(closedIn(epochId, deps).epochId, asked(page), deps, asking), shownVote)
    },
    activeSlots: async ({ epochId }, asking) => ({ activeSlots: (await slotsOf(epochIn(epochId, deps), deps, asking)).length }),
    eligible: async ({ epochId }, asking) => ({ items: await slotsOf(epochIn(epochId, deps), deps, asking) }),
    async submission(asked, asking) {
      const { epochId, ballot } = await findVote(named(asked), deps, asking)
      closedIn(epochId, deps)
      return shownVote(ballot)
    },
    proof,
    proofShort: proof,
    slot({ slotId }) {
      const { nodeVersion } = seenOf(slotId, 'any', deps)
      const { simulated, snapshot } = sequencer.lastSeen(slotId)
      return {
        slotId,
        nodeVersion,
        lastSimulated: simulated && timestampOf(simulated),
        lastSnapshot: snapshot && timestampOf(snapshot),
      }
    },
    slotDays({ slotId, pastDays }) {
      const tallies = sequencer.tallies()
      return { items: daysBack(pastDays, deps).map((day) => ({ day, isWhole: isWhole(day), ...tallies.ofSlot(slotId, day) })) }
    },
    async slotDiscarded({ slotId, day, ...page }, asking) {
      const discarded = await discardedOnDay(slotId, dayOf(day, deps), deps, asking)
      return shown(sliceOf(discarded, asked(page)), asItIs)
    },
    async days({ pastDays }, asking) {
      const days = await eligibleByDay(daysBack(pastDays, deps), deps, asking)
      return { items: days.map(({ day, slotIds }) => ({ day, isWhole: isWhole(day), eligibleSlots: slotIds.length })) }
    },
    async eligibleSlots({ day, ...page }) {
      dayOf(day, deps)
      return shown(sliceOf(await sequencer.tallies().eligible(day), asked(page)), asItIs)
    },
  } satisfies Partial<Answers>
}

/**
 * One after another: a proof parses files of a megabyte, some tens of milliseconds each, and side by side they would all do so between two
 * turns of the event loop (S16). Whoever has waited too long ends at the first breath.
 */
function createLine() {
  let last: Promise<unknown> = Promise.resolve()
  return <Value>(work: () => Promise<Value>): Promise<Value> => {
    const mine = last.then(work)
    last = mine.catch(() => undefined)
    return mine
  }
}

const asked = ({ cursor, limit = PAGE_LENGTH }: { readonly cursor?: string | undefined; readonly limit?: number | undefined }): PageOf => ({
  cursor,
  limit,
})

const named = ({ submissionId, epoch, slot, project }: Parameters<Answers['submission']>[0]): VoteNamed => ({
  submissionId,
  epochId: epoch,
  slotId: slot,
  projectId: project,
})

const shown = <Item>({ items, next }: Page<Item>, form: (item: Item) => unknown) => ({
  items: items.map(form),
  nextCursor: next === undefined ? undefined : encodeCursor(next),
})

/** A page of a list that is in memory; the cursor is the name of the last entry. Where that has left the list, what is behind its place comes next. */
function sliceOf<Item extends { readonly projectId: string } | number>(items: readonly Item[], { cursor, limit }: PageOf): Page<Item> {
  const nameOf = (item: Item): string => (typeof item === 'number' ? String(item) : item.projectId)
  const isBehind = (item: Item, name: string): boolean => (typeof item === 'number' ? item > Number(name) : item.projectId > name)
  const known = items.findIndex((item) => nameOf(item) === cursor)
  const behind = cursor === undefined ? 0 : items.findIndex((item) => isBehind(item, cursor))
  const from = known >= 0 ? known + 1 : behind >= 0 ? behind : items.length
  const page = items.slice(from, from + limit)
  const last = page.at(-1)
  return { items: page, next: last === undefined || from + limit >= items.length ? undefined : nameOf(last) }
}

function shownEpoch({ projects, outvotedSlots, ...epoch }: EpochEntry) {
  const states = Map.groupBy(projects, ({ state }) => state)
  return {
    ...epoch,
    projects: Object.fromEntries([...states].map(([state, list]) => [state, list.length])),
    outvotedSlots: outvotedSlots.length,
  }
}

const asItIs = (item: unknown): unknown => item

function shownVote({ submissionId, submission, signer, protocol }: Ballot) {
  const { signature, header, nodeVersion, request } = submission
  return { submissionId, ...request, signer, signature, header, nodeVersion, protocol }
}

/** What the chain's `finalizedCidsRootHash` is, and how the project's CID leads to it. */
const shownResult = ({ proof, ...anchored }: ResultInclusion) => ({ ...anchored, result: proof })
