import { describe, expect, test } from 'vitest'
import { devAccount } from '#devnet/accounts.ts'
import type { Batch, BatchedSubmission } from '#domain/batch.ts'
import { type Cid, parseAddress, type ProjectId } from '#domain/ids.ts'
import type { SubmissionRequest } from '#domain/submission.ts'
import { createSigner, recoverer } from '#io/keys/secp256k1.ts'
import { encodeCompactBatch } from '#wire/batch-cbor.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { cidV0Of, dagCborCidOf, snapshotCidOf } from '#wire/cid.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { createTree, publishedRoot } from '#wire/merkle.ts'
import { type BatchQuestion, checkBatch } from './batch-alone.ts'

const domain = { chainId: 31_337, protocolState: parseAddress(`0x${'5a'.repeat(20)}`) }
const hasher = createSubmissionHasher(domain)
const [A, B] = ['pair:0x0a:ALONE', 'pair:0x0b:ALONE'] as [ProjectId, ProjectId]
const [CID, OTHER] = [
  'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri',
  'QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n',
] as unknown as [Cid, Cid]

function vote(id: number, slotId: number, projectId: ProjectId, snapshotCid = CID, signer = `slot ${slotId}`): BatchedSubmission {
  const request = { slotId, deadlineBlock: 500, snapshotCid, epochId: 7, projectId } as SubmissionRequest
  const signature = createSigner(devAccount(signer).key).sign(hasher.digest(request))
  const submissionId = `00000000-0000-4000-8000-00000000000${id}`
  return {
    submissionId,
    submission: { request, signature, header: `0x${'11'.repeat(32)}`, dataMarket: '0xmarket', nodeVersion: 'v1.0', protocolState: '' },
  } as BatchedSubmission
}

function batchOf(submissions: readonly BatchedSubmission[], change: Partial<Batch> = {}): Batch {
  const submissionsRoot = publishedRoot(submissions.map(({ submissionId }) => submissionId))
  return { submissions, submissionsRoot, projectIds: [A, B], snapshotCids: [CID, CID], ...change }
}

const VOTES = [vote(1, 1, A), vote(2, 2, A), vote(3, 3, A, OTHER), vote(4, 1, B), vote(5, 2, B)]

async function look(bytes: Uint8Array, more: Partial<BatchQuestion> = {}) {
  const findings = await Array.fromAsync(checkBatch({ bytes, batchCid: undefined, domain, earlier: [], ...more }, recoverer))
  const of = (check: string) => findings.find((each) => each.check === check)
  return { findings, of, failed: findings.filter(({ ok }) => ok === false).map(({ check }) => check) }
}

describe('a batch that agrees with itself', () => {
  test.each(['JSON', 'dag-cbor'])('in %s', async (form) => {
    const bytes = form === 'JSON' ? encodeBatch(batchOf(VOTES)) : encodeCompactBatch(batchOf(VOTES))
    const { failed, of } = await look(bytes)
    expect(failed).toEqual([])
    expect(of('form')?.detail).toBe(`${form}, 5 submissions, 2 projects`)
    expect(of('order')?.detail).toBe('by project id, then slot')
    expect(of('written_again')).toMatchObject({ ok: true, detail: 'byte for byte' })
    expect(of('submissions_root')?.detail).toMatch(/\(fresh tree\)$/)
    expect(of('cids_root')?.detail).toContain(publishedRoot([CID, CID]))
    expect(of('signatures')?.detail).toMatch(/^5 of 3 slots by 3 signers/)
    const cid = form === 'JSON' ? await snapshotCidOf(bytes) : await dagCborCidOf(bytes)
    expect((await look(bytes, { batchCid: cid })).failed).toEqual([])
  })

  test('under the name that older peers gave it', async () => {
    const bytes = encodeBatch(batchOf(VOTES))
    expect((await look(bytes, { batchCid: await cidV0Of(bytes) })).failed).toEqual([])
    expect(await cidV0Of(new TextEncoder().encode('hello world\n'))).toBe('QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o')
  })

  test('as deployed finalizers wrote it: another key, projects in no order, no market, numbers that are numbers', async () => {
    const submissions = [VOTES[3], VOTES[4], VOTES[0], VOTES[1], VOTES[2]] as BatchedSubmission[]
    const texts = submissions.map(({ submission: { request, signature, header } }) => {
      const { slotId, deadlineBlock: deadline, ...others } = request
      return JSON.stringify({ request: { ...others, slotId, deadline: String(deadline) }, signature, header })
    })
    const { submissionsRoot } = batchOf(submissions)
    const file = {
      id: 1,
      submissionIds: submissions.map(({ submissionId }) => submissionId),
      submissions: texts,
      roothash: submissionsRoot,
      pids: [B, A],
      cids: [CID, CID],
    }
    const { failed, of } = await look(new TextEncoder().encode(JSON.stringify(file)))
    expect(failed).toEqual([])
    expect(of('structure')?.detail).toBe('epoch 7, no market named')
    expect(of('order')?.detail).toMatch(/^project by project, projects in no order/)
    expect(of('written_again')).toMatchObject({ ok: undefined, detail: expect.stringMatching(/^differs from byte 2 on: /) })
  })

  test('its tree may continue that of earlier batches, or be told without the last hash', async () => {
    const earlier = batchOf([vote(8, 8, A)])
    const tree = createTree()
    tree.append([...earlier.submissions, ...VOTES].map(({ submissionId }) => submissionId))
    const continued = encodeBatch(batchOf(VOTES, { submissionsRoot: tree.publishedRoot() }))
    expect((await look(continued)).of('submissions_root')).toMatchObject({
      ok: false,
      detail: expect.stringContaining('unless they continue'),
    })
    expect((await look(continued, { earlier: [earlier] })).of('submissions_root')?.detail).toMatch(/continues the epoch's tree/)
    const oldest = createTree()
    oldest.append(VOTES.map(({ submissionId }) => submissionId))
    expect((await look(encodeBatch(batchOf(VOTES, { submissionsRoot: `0x${oldest.root().toHex()}` })))).failed).toEqual([])
  })

  test('without a contract nobody can say who signed, and the rest is said', async () => {
    const { failed, of } = await look(encodeBatch(batchOf(VOTES)), { domain: undefined })
    expect(failed).toEqual([])
    expect(of('signatures')).toMatchObject({ ok: undefined })
  })
})

describe('what is wrong with a batch is named', () => {
  test.each([
    ['form', 'no batch', new TextEncoder().encode('{}'), /field_missing/],
    ['form', 'lists of two lengths', encodeBatch(batchOf(VOTES, { projectIds: [A] })), /lengths_differ/],
    [
      'structure',
      'an id that two submissions have',
      encodeBatch(batchOf([...VOTES, vote(1, 4, B)])),
      /submission id 00000000-0000-4000-8000-000000000001 twice/,
    ],
    ['structure', 'a project without a vote', encodeBatch(batchOf(VOTES.slice(0, 3))), /no submission for pair:0x0b:ALONE/],
    [
      'structure',
      'votes for what is not listed',
      encodeBatch(batchOf(VOTES, { projectIds: [A], snapshotCids: [CID] })),
      /submissions for pair:0x0b:ALONE/,
    ],
    [
      'submissions_root',
      'another root',
      encodeBatch(batchOf(VOTES, { submissionsRoot: publishedRoot(['x']) })),
      /its submission ids give 0x/,
    ],
    [
      'signatures',
      'a slot by two people',
      encodeBatch(batchOf([...VOTES.slice(0, 4), vote(5, 2, B, CID, 'a thief')])),
      /of slot 2: signed by 0x[0-9a-f]{40}, others of the slot by 0x/,
    ],
    [
      'signatures',
      'a signature that is none',
      encodeBatch(batchOf(VOTES.map((each, at) => (at === 1 ? { ...each, submission: { ...each.submission, signature: '0x00' } } : each)))),
      /000002 of slot 2: nobody has signed so/,
    ],
    [
      'tally',
      'a CID that lost',
      encodeBatch(batchOf(VOTES, { snapshotCids: [OTHER, CID] })),
      /pair:0x0a:ALONE: the file says Qm\w+, its votes bafkrei/,
    ],
  ] as readonly (readonly [string, string, Uint8Array, RegExp])[])('%s: %s', async (check, _what, bytes, detail) => {
    const { failed, of } = await look(bytes)
    expect(failed).toContain(check)
    expect(of(check)?.detail).toMatch(detail)
  })

  test('cid: other bytes than it was asked for by', async () => {
    expect((await look(encodeBatch(batchOf(VOTES)), { batchCid: CID })).failed).toEqual(['cid'])
  })

  test('signatures: over another contract they are by anybody', async () => {
    const { failed } = await look(encodeBatch(batchOf(VOTES)), { domain: { ...domain, chainId: 1 } })
    expect(failed).toContain('signatures')
  })
})
