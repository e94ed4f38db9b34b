import { beforeEach, describe, expect, test } from 'vitest'
import type { Address, BlockNumber, Cid, EpochId, ProjectId, SlotId, SubmissionId } from '#domain/ids.ts'
import type { Submission, VerifiedSubmission } from '#domain/submission.ts'
import { createPassedVotes, type PassedVotes } from './passed-votes.ts'

const SIGNER = `0x${'0a'.repeat(20)}` as Address

function vote(deadline: number, epochId = 1): VerifiedSubmission {
  const request = {
    slotId: 1 as SlotId,
    epochId: epochId as EpochId,
    projectId: 'p:N' as ProjectId,
    snapshotCid: 'c' as Cid,
    deadlineBlock: deadline as BlockNumber,
  }
  const signature = `${'1'.repeat(120)}${String(deadline).padStart(8, '0')}1b`
  const submission: Submission = { request, signature, header: 'h', dataMarket: 'm', nodeVersion: 'v', protocolState: '' }
  return { submissionId: `${deadline}` as SubmissionId, submission, signer: SIGNER }
}

describe('S26: who signed a vote that a listener has passed on', () => {
  let passed: PassedVotes
  const knownOf = (votes: readonly VerifiedSubmission[]) => votes.map(({ submission }) => passed.signerOf(submission) === SIGNER)
  const [first, second] = [vote(1), vote(2)]
  beforeEach(() => {
    passed = createPassedVotes()
    passed.note(first)
  })

  test('is known on its way, and when it was taken', () => {
    expect(knownOf([first, second])).toEqual([true, false])
    passed.judged(first, 'accepted')
    passed.judged(first, 'duplicate')
    expect(knownOf([first, second])).toEqual([true, false])
  })

  test('is forgotten when it is refused, and the next one of its slot is known instead', () => {
    passed.note(second)
    passed.judged(first, 'inbox_full')
    expect(knownOf([first, second])).toEqual([false, false])
    passed.note(second)
    expect(knownOf([first, second])).toEqual([false, true])
  })

  test.each(['duplicate', 'vote_conflict', 'accepted'] as const)(
    'is known of a further one of the slot, too, when a box has judged it %s: of the newest few',
    (code) => {
      passed.judged(first, 'accepted')
      passed.note(second)
      expect(knownOf([first, second])).toEqual([true, false])
      passed.judged(second, code)
      expect(knownOf([first, second])).toEqual([true, true])
      const more = [3, 4, 5, 6].map((deadline) => vote(deadline))
      for (const one of more) passed.judged(one, 'duplicate')
      expect(knownOf([first, second, ...more])).toEqual([code !== 'accepted', code === 'accepted', true, true, true, true])
    },
  )

  test('is not known of a further one that was refused', () => {
    passed.judged(first, 'accepted')
    passed.judged(second, 'quota_exceeded')
    expect(knownOf([first, second])).toEqual([true, false])
  })

  test('is forgotten with its epoch, and never known of signs of life', () => {
    passed.close(1 as EpochId)
    passed.judged(second, 'accepted')
    const alive = vote(3, 0)
    passed.note(alive)
    expect(knownOf([first, second, alive])).toEqual([false, false, false])
  })
})
