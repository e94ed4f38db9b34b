import { describe, expect, test } from 'vitest'
import type { AnchorView } from '#domain/anchor-view.ts'
import { storeFailed, WeftError } from '#domain/errors.ts'
import type { Address, Cid, EpochId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import type { EpochRules } from '#roles/sequencer/epoch-rules.ts'
import { VOTES_PER_PIECE } from '#roles/sequencer/seal/turns.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { type OthersDeps, readOthers } from './others.ts'

const epochId = 1 as EpochId
const cid = 'bafk' as Cid

/** What is learned of a batch that cannot be read for such a reason, or the code with which the reading ends. */
async function learnedOf(failure: unknown, change: Partial<OthersDeps> = {}): Promise<unknown> {
  const learned: unknown[] = []
  const counting = { unread: () => [{ epochId, batchCid: cid }], learn: (...all: readonly unknown[]) => void learned.push(all) }
  const deps = {
    counting,
    ipfs: { get: () => Promise.reject(failure) },
    report: () => undefined,
    view: { epoch: () => ({ epochId }), header: () => undefined } as unknown as AnchorView,
    rulesOf: () => ({}) as EpochRules,
    hasher: createSubmissionHasher({ chainId: 1, protocolState: `0x${'1'.repeat(40)}` as Address }),
    recoverer,
    breathe: async () => undefined,
    ...change,
  }
  try {
    await readOthers(deps, new AbortController().signal)
  } catch (thrown) {
    return (thrown as WeftError).code
  }
  return learned
}

const NOTHING = [[epochId, cid, { all: new Map(), won: new Map() }]]

/** A batch file of a few mebibytes. */
function largeFile(): Uint8Array {
  const request = { slotId: 1, deadlineBlock: 1, snapshotCid: cid, epochId, projectId: 'pairs:a:N' }
  const submission = { request, signature: '00'.repeat(65), header: '', dataMarket: '', nodeVersion: 'v1', protocolState: '' } as Submission
  const submissions = Array.from({ length: 10_000 }, (_, index) => ({ submissionId: `${index}`, submission }))
  return encodeBatch({ submissions, submissionsRoot: '', projectIds: [], snapshotCids: [] })
}

describe('S17: a batch of somebody else', () => {
  test('S20: is read in turns with the receipts, however large', async () => {
    const file = largeFile()
    const votes: number[] = []
    await learnedOf(undefined, { ipfs: { get: async () => file }, breathe: async (count) => void votes.push(count) })
    expect(votes).toContain(VOTES_PER_PIECE)
  })

  test.each([
    ['it has no CID of content', new WeftError('ID_MALFORMED', { what: 'CID', text: cid }), NOTHING],
    ['it is larger than a batch may be', new WeftError('IPFS_CONTENT_TOO_LARGE', { cid, bytesMax: 1 }), NOTHING],
    ['nobody serves it', new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 1 }), []],
    ['the disk here is full', storeFailed('/here', 'writing', Object.assign(new Error('full'), { code: 'ENOSPC' })), []],
    ['the disk here fails', storeFailed('/here', 'writing', Object.assign(new Error('broken'), { code: 'EIO' })), 'STORE_FAILED'],
  ])('earns nothing for good only for what it is: when %s', async (_why, failure, expected) => {
    expect(await learnedOf(failure)).toEqual(expected)
  })
})
