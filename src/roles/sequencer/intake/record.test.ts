import { describe, expect, test } from 'vitest'
import { type AnchorView, createAnchorView, type Header, type ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, SubmissionId, ContractNumber } from '#domain/ids.ts'
import { back, released, step } from '#domain/steps.test-chain.ts'
import { windowOf } from '#domain/window.ts'
import { createFakeStore } from '#io/store/fake.ts'
import type { Store } from '#io/store/port.ts'
import { rulesWith } from '#life/rules.test-world.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { type Ballot, decodeBallot } from './ballot.ts'
import { type Ballots, createBallots, type Recorded } from './record.ts'

const FIRST = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid
const SECOND = 'bafkreiauv3xrqehvesaqo23lw3awzn2zlq52izxbxklymbc54um2g2ii44' as Cid
const RELEASE = 10

const block = (number: number, fork = 0): Header => ({
  number: number as BlockNumber,
  contractNumber: number as ContractNumber,
  hash: `0x${String(number * 10 + fork).padStart(64, '0')}` as Hash,
  timestamp: number,
})
const epochOf = (number: number) => number as EpochId

/** Epochs 1 and 2 were released in block 10, with a window of 5 blocks; the head is block 14. */
function createView(): AnchorView {
  const view = createAnchorView()
  for (let number = 5; number <= 14; number += 1) view.apply(step(block(number), ...(number === RELEASE ? [released(1), released(2)] : [])))
  return view
}

interface Change {
  readonly epochId?: number
  readonly slotId?: number
  readonly project?: number
  readonly cid?: Cid
  readonly header?: Header
  readonly id?: string
}

let ids = 0
function ballot({ epochId = 1, slotId = 1, project = 1, cid = FIRST, header = block(12), id }: Change): Ballot {
  const submission = {
    request: {
      slotId: slotId as SlotId,
      deadlineBlock: 500 as BlockNumber,
      snapshotCid: cid,
      epochId: epochOf(epochId),
      projectId: `pairs:${project}:TEST` as ProjectId,
    },
    signature: 'ab'.repeat(65),
    header: header.hash as string,
    dataMarket: `0x${'da'.repeat(20)}`,
    nodeVersion: 'v1',
    protocolState: '',
  }
  return {
    submissionId: (id ?? `00000000-0000-4000-8000-${String(ids++).padStart(12, '0')}`) as SubmissionId,
    submission,
    protocol: 'weft',
    payload: encodeSubmission(submission),
    signer: `0x${'5a'.repeat(20)}` as Address,
  }
}

/** A ballot box and its disk; `restarted` is the next process on the same disk. */
function createBox(options: { readonly store?: Store; readonly view?: AnchorView; readonly projectsPerSlotMax?: number } = {}) {
  const store = options.store ?? createFakeStore()
  const view = options.view ?? createView()
  const projectsPerSlotMax = options.projectsPerSlotMax ?? 2
  const rulesOf = ({ release }: ReleasedEpoch) => ({
    ...rulesWith({ projectsPerSlotMax }),
    window: windowOf({ release, unit: 'blocks', length: 5 }),
  })
  const ballots: Ballots = createBallots({ store, view, rulesOf, isLeftOut: () => false })
  return {
    store,
    view,
    ballots,
    vote(change: Change = {}): Recorded {
      const recorded = ballots.record(ballot(change))
      void store.commit(recorded.writes)
      return recorded
    },
    keys: (prefix: string) => store.scan(prefix).map(({ key }) => key),
    restarted: () => createBox({ ...options, store, view, projectsPerSlotMax }),
  }
}

const codes = (recorded: readonly Recorded[]) => recorded.map(({ code }) => code)

describe('G5, S2: one vote per epoch, project and slot', () => {
  test('the first counts; the same again is a duplicate and writes nothing; another is a conflict', () => {
    const { vote } = createBox()
    const recorded = [vote(), vote(), vote({ cid: SECOND }), vote()]
    expect(codes(recorded)).toEqual(['accepted', 'duplicate', 'vote_conflict', 'duplicate'])
    expect(recorded[1]?.writes).toEqual([])
    expect(recorded[2]?.reason).toContain(FIRST)
  })

  test('of two at the same time one passes, before anything is on disk', () => {
    const { ballots } = createBox()
    expect(codes([ballots.record(ballot({})), ballots.record(ballot({ cid: SECOND }))])).toEqual(['accepted', 'vote_conflict'])
  })

  test('other slots, projects and epochs have votes of their own', () => {
    const { vote, keys } = createBox()
    expect(codes([vote(), vote({ slotId: 2 }), vote({ project: 2 }), vote({ epochId: 2 })])).toEqual(Array(4).fill('accepted'))
    expect(keys('vote/')).toHaveLength(4)
  })

  test('a power cut changes nothing about it', () => {
    const box = createBox()
    box.vote()
    const { vote } = box.restarted()
    expect(codes([vote(), vote({ cid: SECOND })])).toEqual(['duplicate', 'vote_conflict'])
  })

  test('what is stored is read back as it came, with its signer, id and protocol', () => {
    const { vote, store } = createBox()
    const came = ballot({})
    const [write] = createBox().ballots.record(came).writes
    expect(decodeBallot(new Uint8Array(write?.value as Uint8Array))).toEqual(came)
    vote()
    for (const { value } of store.scan('vote/'))
      for (const other of [value.subarray(0, 90), Uint8Array.of(2, ...value.subarray(1))])
        expect(() => decodeBallot(other)).toThrow('no longer decodes')
  })
})

describe('S2: evidence of a second vote', () => {
  test('is kept beside the first, four times per slot and epoch at most, and says what was signed', () => {
    const { vote, store, keys } = createBox()
    vote()
    for (let time = 0; time < 7; time += 1) expect(vote({ cid: SECOND }).code).toBe('vote_conflict')
    expect(new Set(keys('evidence/')).size).toBe(4)
    for (const { value } of store.scan('evidence/')) expect(decodeBallot(value).submission.request.snapshotCid).toBe(SECOND)
    expect(decodeBallot(store.scan('vote/')[0]?.value as Uint8Array).submission.request.snapshotCid).toBe(FIRST)
  })

  test('is limited per slot, not per project, and for each slot apart', () => {
    const { vote, keys } = createBox()
    for (const slotId of [1, 2]) for (const project of [1, 2]) vote({ slotId, project })
    for (let time = 0; time < 4; time += 1) for (const project of [1, 2]) vote({ project, cid: SECOND })
    expect(keys('evidence/')).toHaveLength(4)
    vote({ slotId: 2, cid: SECOND })
    expect(keys('evidence/')).toHaveLength(5)
  })

  test('is not overwritten after a restart: its numbers go on, and its limit stays', () => {
    const box = createBox()
    box.vote()
    box.vote({ cid: SECOND })
    box.vote({ cid: SECOND })
    const before = box.store.scan('evidence/').map(({ key, value }) => [key, decodeBallot(value).submissionId])
    const again = box.restarted()
    for (let time = 0; time < 4; time += 1) expect(again.vote({ cid: SECOND }).code).toBe('vote_conflict')
    const after = again.store.scan('evidence/').map(({ key, value }) => [key, decodeBallot(value).submissionId])
    expect(after).toHaveLength(4)
    expect(after.slice(0, 2)).toEqual(before)
    // Other slots still have all of theirs.
    again.vote({ slotId: 2 })
    for (let time = 0; time < 4; time += 1) again.vote({ slotId: 2, cid: SECOND })
    expect(again.keys('evidence/')).toHaveLength(8)
  })
})

describe('G7: how many projects a slot may vote on', () => {
  test('is limited for each slot apart; a duplicate and a conflict use nothing up', () => {
    const { vote } = createBox()
    expect(codes([vote(), vote(), vote({ cid: SECOND }), vote({ project: 2 })])).toEqual([
      'accepted',
      'duplicate',
      'vote_conflict',
      'accepted',
    ])
    const third = vote({ project: 3 })
    expect([third.code, third.writes]).toEqual(['quota_exceeded', []])
    expect(codes([vote({ project: 3, slotId: 2 }), vote({ project: 3, epochId: 2 }), vote({ project: 2 })])).toEqual([
      'accepted',
      'accepted',
      'duplicate',
    ])
  })

  test('outlives a restart', () => {
    const box = createBox()
    box.vote()
    const { vote } = box.restarted()
    expect(codes([vote({ project: 2 }), vote({ project: 3 })])).toEqual(['accepted', 'quota_exceeded'])
  })

  test('counts a vote that replaces a voided one once', () => {
    const { view, vote } = createBox()
    vote()
    view.apply(back(block(11)))
    for (const number of [12, 13]) view.apply(step(block(number, 1)))
    expect(codes([vote({ header: block(12, 1) }), vote({ project: 2, header: block(12, 1) })])).toEqual(['accepted', 'accepted'])
    expect(vote({ project: 3, header: block(12, 1) }).code).toBe('quota_exceeded')
  })

  test('lets a voided vote be replaced also when nothing is left', () => {
    const { view, vote } = createBox({ projectsPerSlotMax: 1 })
    vote()
    view.apply(back(block(11)))
    view.apply(step(block(12, 1)))
    expect(vote({ header: block(12, 1) }).code).toBe('accepted')
  })
})

describe('G5: a vote that a reorganisation has voided', () => {
  test('is replaced by the next one, whatever that is for', () => {
    const { view, vote, store, ballots } = createBox()
    vote()
    view.apply(back(block(11)))
    view.apply(step(block(12, 1)))
    expect(vote({ cid: SECOND, header: block(12, 1) }).code).toBe('accepted')
    expect(store.scan('vote/').map(({ value }) => decodeBallot(value).submission.request.snapshotCid)).toEqual([SECOND])
    expect(ballots.count(epochOf(1))).toBe(1)
    expect(vote({ cid: FIRST, header: block(12, 1) }).code).toBe('vote_conflict')
  })

  test('counts again when its block comes back before a new vote does', () => {
    const { view, vote } = createBox()
    vote()
    view.apply(back(block(11)))
    view.apply(step(block(12)))
    expect(vote({ cid: SECOND }).code).toBe('vote_conflict')
  })

  test.each([
    ['later than its header', 13],
    ['so much earlier that its header came too late', 6],
  ])('is one whose window has moved %s', (_how, release) => {
    const { view, vote } = createBox()
    vote()
    view.apply(back(block(5)))
    for (let number = 6; number <= 14; number += 1) view.apply(step(block(number), ...(number === release ? [released(1)] : [])))
    const header = block(release + 1)
    expect(vote({ cid: SECOND, header }).code).toBe('accepted')
  })

  test('is one whose release is gone, also for a process that never saw it', () => {
    const box = createBox()
    box.vote()
    box.view.apply(back(block(9)))
    for (let number = 10; number <= 12; number += 1) box.view.apply(step(block(number, 1), ...(number === 11 ? [released(1)] : [])))
    expect(box.restarted().vote({ cid: SECOND, header: block(12, 1) }).code).toBe('accepted')
  })
})

describe('the ballot box', () => {
  test('keeps one simulation per slot, and counts it nowhere', () => {
    const { vote, ballots, keys } = createBox()
    for (const project of [1, 2, 3, 3]) expect(vote({ epochId: 0, project }).code).toBe('simulated')
    vote({ epochId: 0, slotId: 2 })
    expect(keys('simulated/')).toHaveLength(2)
    expect([keys('vote/').length, ballots.count(epochOf(0))]).toEqual([0, 0])
  })

  test('forgets a closed epoch, not its votes', () => {
    const reads: string[] = []
    const store = createFakeStore()
    const scan: Store['scan'] = (prefix, range) => {
      reads.push(prefix)
      return store.scan(prefix, range)
    }
    const { vote, ballots } = createBox({ store: { ...store, scan } })
    vote()
    vote({ slotId: 2 })
    // Read once, held in memory from then on.
    expect(reads.filter((prefix) => prefix.startsWith('vote/'))).toHaveLength(1)
    ballots.close(epochOf(1))
    expect(ballots.count(epochOf(1))).toBe(2)
    expect(reads.filter((prefix) => prefix.startsWith('vote/'))).toHaveLength(2)
  })
})
