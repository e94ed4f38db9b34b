import { describe, expect, test } from 'vitest'
import { createAnchorView, type Header } from '#domain/anchor-view.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId } from '#domain/ids.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { createPredecessors } from './predecessors.ts'
import { recheck, rootToAttest } from './recheck.ts'

const OTHER_CID = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid

test('bytes that are not those of the CID are looked at no further, and nothing is attested', async () => {
  const view = createAnchorView({ unit: 'blocks', length: 5 })
  const release: Header = { number: 1 as BlockNumber, hash: '0x01' as Hash, timestamp: 1 }
  view.addBlock(release)
  const anchored = {
    batchCid: OTHER_CID,
    projectIds: ['a:N' as ProjectId],
    snapshotCids: [OTHER_CID],
    rootHash: publishedRoot([OTHER_CID]),
    isFinalized: false,
    attestationCount: 0,
  }
  const findings = await recheck(
    {
      bytes: encodeBatch({ submissions: [], submissionsRoot: '0x', projectIds: ['a:N' as ProjectId], snapshotCids: [OTHER_CID] }),
      anchored,
      epoch: view.addRelease(1 as EpochId, release),
      index: 0,
      predecessors: createPredecessors(),
    },
    {
      level: 'integrity',
      view,
      namespace: undefined,
      deadlineBufferMaxBlocks: 500,
      tally: { minVotes: 0, minShareBp: 0 },
      hasher: createSubmissionHasher({ chainId: 1, protocolState: `0x${'00'.repeat(20)}` as Address }),
      recoverer: { recover: () => undefined },
      breathe: async () => undefined,
    },
  )
  expect(findings.failures).toMatchObject([{ check: 'cid', expected: OTHER_CID }])
  expect(findings.ownCids).toBeUndefined()
  expect(rootToAttest(findings, anchored)).toBeUndefined()
})
