import { expect, test } from 'vitest'
import type { Cid, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import type { AnchoredBatch } from '#io/chain/port.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { contentOf, contentWithout } from './batch-content.ts'

const [A, B, OMITTED] = ['pairs:a:NS', 'pairs:b:NS', 'pairs:omitted:NS'] as [ProjectId, ProjectId, ProjectId]
const [A1, B1, LIE] = ['cid-a', 'cid-b', 'cid-lie'] as [Cid, Cid, Cid]
const EPOCH = 7 as EpochId
const BATCH = 'any-text' as Cid
const head = { batchCid: BATCH, rootHash: publishedRoot([A1, B1]), isFinalized: false, attestationCount: 0 }
const listed: AnchoredBatch = { ...head, projectIds: [A, B], snapshotCids: [A1, B1] }
const byRoots: AnchoredBatch = { ...head, projectsRootHash: publishedRoot([A, B]) }

let breaths = 0
const breathe = async () => {
  breaths += 1
}

type Vote = readonly [slotId: number, projectId: ProjectId, snapshotCid: Cid, epochId?: number]
const fileOf = (votes: readonly Vote[], projectIds = [A, B], snapshotCids = [A1, B1]): Uint8Array =>
  encodeBatch({
    submissions: votes.map(([slotId, projectId, snapshotCid, epochId = EPOCH], index) => ({
      submissionId: `id-${index}`,
      submission: {
        request: { slotId, deadlineBlock: 1, snapshotCid, epochId, projectId },
        signature: 's',
        header: 'h',
        dataMarket: 'm',
        nodeVersion: 'v',
        protocolState: '',
      } as never,
    })),
    submissionsRoot: 'root',
    projectIds,
    snapshotCids,
  })

test("of each slot the first vote on a project of the batch counts; those on others, or in another epoch, are nobody's", async () => {
  const votes: Vote[] = [
    [1, A, A1],
    [2, A, LIE],
    [2, A, A1],
    [1, B, B1],
    [3, B, B1, 6],
    [3, OMITTED, LIE],
  ]
  expect(await contentOf({ epochId: EPOCH, anchored: listed }, fileOf(votes), breathe)).toMatchObject({
    file: 'read',
    anchoring: 'projects',
    submissions: 6,
    entries: [
      { projectId: A, snapshotCid: A1, votes: { winning: 1, total: 2 } },
      { projectId: B, snapshotCid: B1, votes: { winning: 1, total: 1 } },
    ],
    slots: [
      { slotId: 1, votes: 2, winning: 2 },
      { slotId: 2, votes: 1, winning: 0 },
    ],
    outvoted: [{ position: 1, slotId: 2, projectId: A }],
  })
})

test.each([
  ['lists another project', [A, OMITTED], [A1, B1]],
  ['lists another CID', [A, B], [A1, LIE]],
  ['lists fewer', [A], [A1]],
  ['lists them in another order', [B, A], [B1, A1]],
] as const)('A5: a file that %s is none, be the batch anchored by projects or by roots', async (_, projectIds, snapshotCids) => {
  const file = fileOf([[1, A, A1]], [...projectIds], [...snapshotCids])
  const entries = [A, B].map((projectId, index) => ({ projectId, snapshotCid: [A1, B1][index] }))
  expect(await contentOf({ epochId: EPOCH, anchored: listed }, file, breathe)).toMatchObject({
    file: 'malformed',
    entries,
    slots: [],
    outvoted: [],
  })
  expect(await contentOf({ epochId: EPOCH, anchored: byRoots }, file, breathe)).toMatchObject({
    file: 'malformed',
    anchoring: 'roots',
    entries: [],
  })
})

test('a file with the anchored roots says which projects there are', async () => {
  expect(await contentOf({ epochId: EPOCH, anchored: byRoots }, fileOf([[1, A, A1]]), breathe)).toMatchObject({
    file: 'read',
    anchoring: 'roots',
    entries: [
      { projectId: A, votes: { winning: 1, total: 1 } },
      { projectId: B, votes: { winning: 0, total: 0 } },
    ],
  })
})

test('A3: what the chain lists and is no project id is left out', async () => {
  const odd = { ...listed, projectIds: ['no id' as ProjectId, B], rootHash: '0x' as Hash }
  expect(contentWithout(odd, 'unavailable', 5)).toMatchObject({
    file: 'unavailable',
    nextTryMs: 5,
    entries: [{ projectId: B, snapshotCid: B1 }],
  })
})

test('A2: a large file is read in turns with all else', async () => {
  const votes = Array.from({ length: 10_000 }, (_, index): Vote => [index, A, A1])
  breaths = 0
  expect(await contentOf({ epochId: EPOCH, anchored: listed }, fileOf(votes), breathe)).toMatchObject({ file: 'read', submissions: 10_000 })
  expect(breaths).toBeGreaterThan(0)
})
