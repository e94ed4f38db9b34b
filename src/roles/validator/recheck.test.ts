import { describe, expect, test } from 'vitest'
import { createAnchorView, type Header, type ReleasedEpoch } from '#domain/anchor-view.ts'
import type { Batch } from '#domain/batch.ts'
import type { Address, BlockNumber, Cid, EpochId, Hash, ProjectId, SlotId, ContractNumber } from '#domain/ids.ts'
import type { MarketRules } from '#domain/market-rules.ts'
import { handedTo, released, step } from '#domain/steps.test-chain.ts'
import type { Submission } from '#domain/submission.ts'
import { windowOf } from '#domain/window.ts'
import type { AnchoredWithProjects } from '#io/chain/port.ts'
import type { ManyRecoverer } from '#io/keys/port.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import { rulesWith } from '#life/rules.test-world.ts'
import { encodeCompactBatch } from '#wire/batch-cbor.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { dagCborCidOf, snapshotCidOf } from '#wire/cid.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { createPredecessors } from './predecessors.ts'
import { type Findings, recheck, rootToAttest } from './recheck.ts'

// CID_B is the smaller one: what a tie goes to.
const [CID_A, CID_B] = [
  'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri',
  'bafkreiauv3xrqehvesaqo23lw3awzn2zlq52izxbxklymbc54um2g2ii44',
] as [Cid, Cid]
const [P1, P2] = ['a:N', 'b:N'] as [ProjectId, ProjectId]
const KEYS = ['11', '22', '33', '44'].map((digits) => createSigner(parsePrivateKey(digits.repeat(32))))
const addressOf = (key: number): Address => (KEYS[key - 1] as (typeof KEYS)[number]).address
const EPOCH = 4 as EpochId
const RELEASE = 10
const WINDOW = 5
const hashOf = (number: number) => `0xblock${number}` as Hash
const block = (number: number): Header => ({
  number: number as BlockNumber,
  contractNumber: number as ContractNumber,
  hash: hashOf(number),
  timestamp: number * 10,
})
const hasher = createSubmissionHasher({ chainId: 1, protocolState: `0x${'00'.repeat(20)}` as Address })

/** Slots 1 to 3 sign with the key of their number; slot 4 exists and is not active; in block 13 slot 3 goes over to the fourth key. */
function anchorView() {
  const view = createAnchorView()
  view.setSlots([1, 2, 3, 4].map((slot) => ({ slotId: slot as SlotId, signer: addressOf(slot), isActive: slot < 4 })))
  const told: Readonly<Record<number, Parameters<typeof step>[1][]>> = { [RELEASE]: [released(EPOCH)], 13: [handedTo(3, addressOf(4))] }
  for (let number = RELEASE - 2; number <= RELEASE + 20; number += 1) view.apply(step(block(number), ...(told[number] ?? [])))
  return { view, epoch: view.epoch(EPOCH) as ReleasedEpoch }
}

interface Change extends Partial<Submission['request']> {
  readonly header?: number | string
  readonly key?: number
  readonly signature?: string
}

function vote(slotId: number, snapshotCid: Cid, { header = RELEASE, key = slotId, signature, ...change }: Change = {}): Submission {
  const request = { slotId: slotId as SlotId, deadlineBlock: 100 as BlockNumber, snapshotCid, epochId: EPOCH, projectId: P1, ...change }
  return {
    request,
    signature: signature ?? (KEYS[key - 1] as (typeof KEYS)[number]).sign(hasher.digest(request)),
    header: typeof header === 'number' ? hashOf(header) : header,
    dataMarket: '',
    nodeVersion: 'v1',
    protocolState: '',
  }
}

interface Case {
  readonly votes: readonly Submission[]
  readonly results?: readonly (readonly [ProjectId, Cid])[]
  readonly file?: Partial<Batch>
  readonly anchored?: Partial<AnchoredWithProjects>
  readonly bytes?: Uint8Array
  readonly isCompact?: boolean
  readonly level?: 'integrity' | 'tally'
  readonly rules?: Partial<MarketRules>
  readonly predecessors?: ReturnType<typeof createPredecessors>
  readonly index?: number
  readonly recoverMany?: ManyRecoverer['recoverMany']
  readonly heard?: readonly Submission[]
}

/** Rechecks what an honest sequencer would have written about the votes, apart from what the case changes. */
async function judge(given: Case): Promise<{ findings: Findings; anchored: AnchoredWithProjects; breaths: number }> {
  const results = given.results ?? [[P1, CID_A]]
  const submissions = given.votes.map((submission, index) => ({ submissionId: `id-${index}`, submission }))
  const file: Batch = {
    submissions,
    submissionsRoot: publishedRoot(submissions.map(({ submissionId }) => submissionId)),
    projectIds: results.map(([projectId]) => projectId),
    snapshotCids: results.map(([, cid]) => cid),
    ...given.file,
  }
  const bytes = given.bytes ?? (given.isCompact === true ? encodeCompactBatch(file) : encodeBatch(file))
  const anchored: AnchoredWithProjects = {
    batchCid: given.isCompact === true ? await dagCborCidOf(bytes) : await snapshotCidOf(bytes),
    projectIds: file.projectIds,
    snapshotCids: file.snapshotCids,
    rootHash: publishedRoot(file.snapshotCids),
    isFinalized: false,
    attestationCount: 0,
    ...given.anchored,
  }
  const { view, epoch } = anchorView()
  let breaths = 0
  const findings = await recheck(
    {
      bytes,
      anchored,
      epoch,
      rules: rulesWith({ namespace: 'N', deadlineBufferMaxBlocks: 90, ...given.rules }),
      window: windowOf({ release: epoch.release, unit: 'blocks', length: WINDOW }),
      index: given.index ?? 0,
      predecessors: given.predecessors ?? createPredecessors(),
    },
    {
      level: given.level ?? 'tally',
      view,
      hasher,
      recoverer: { recoverMany: given.recoverMany ?? recoverer.recoverMany },
      heard: { of: () => (given.heard ?? []).map((submission, index) => ({ submissionId: `heard-${index}`, submission })) },
      async breathe() {
        breaths += 1
      },
    },
  )
  return { findings, anchored, breaths }
}

const about = (check: string, expected: string, got: string, projectId = '', slotId = 0) => ({ check, projectId, slotId, expected, got })
const MAJORITY = [vote(1, CID_A), vote(2, CID_A)]

describe('what a file is', () => {
  test('V1: bytes that are not those of the CID are looked at no further, and nothing is attested', async () => {
    const { findings, anchored } = await judge({ votes: MAJORITY, anchored: { batchCid: CID_B } })
    expect(findings.failures).toEqual([about('cid', CID_B, expect.stringMatching(/^bafkrei/) as unknown as string)])
    expect([findings.ownCids, findings.ownRoot, findings.traces]).toEqual([undefined, undefined, undefined])
    expect(rootToAttest(findings, anchored)).toBeUndefined()
  })

  test('a CID of version 0 is another name of the same bytes: whoever read them has checked it', async () => {
    const { findings } = await judge({ votes: MAJORITY, anchored: { batchCid: 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG' as Cid } })
    expect(findings.failures).toEqual([])
  })

  test('V1: bytes that are no batch say why, and nothing is attested', async () => {
    const { findings, anchored } = await judge({ votes: [], bytes: new TextEncoder().encode('{"submissionIDs":[]}') })
    expect(findings.failures).toEqual([about('form', 'a batch file', 'field_missing')])
    expect(findings.traces).toBeUndefined()
    expect(rootToAttest(findings, anchored)).toBeUndefined()
  })

  test('V18: a large one is read in turns with all else, whatever it turns out to be', async () => {
    const list = (item: string) => `[${new Array(200_000).fill(item).join(',')}]`
    const text = `{"submissionIDs":${list('"id"')},"submissions":${list('"{"')},"roothash":"0x","pids":[],"cids":[]}`
    const { findings, breaths } = await judge({ votes: [], bytes: new TextEncoder().encode(text) })
    expect(findings.failures).toEqual([about('form', 'a batch file', 'submission_malformed')])
    expect(breaths).toBe(1)
  })

  test('a sound one gives the own results, their root and what later batches are checked against', async () => {
    const { findings, anchored } = await judge({ votes: MAJORITY })
    expect(findings).toEqual({
      level: 'tally',
      failures: [],
      ownCids: [CID_A],
      ownRoot: publishedRoot([CID_A]),
      traces: { submissionIds: ['id-0', 'id-1'], projectIds: new Set([P1]), voters: new Set([1, 2]) },
    })
    expect(rootToAttest(findings, anchored)).toBe(anchored.rootHash)
  })
})

describe('what the file is made of', () => {
  const twice = vote(1, CID_A)
  test.each<[string, Case, unknown[]]>([
    [
      'a submission id twice',
      {
        votes: [],
        file: {
          submissions: [twice, vote(2, CID_A)].map((submission) => ({ submissionId: 'same', submission })),
          submissionsRoot: publishedRoot(['same', 'same']),
        },
      },
      [about('submission_ids_unique', 'once', 'same')],
    ],
    [
      'a project twice',
      { votes: MAJORITY, results: [P1, P1].map((projectId) => [projectId, CID_A] as const) },
      [about('projects_unique', 'once in the epoch', 'twice', P1)],
    ],
    ['other projects on chain', { votes: MAJORITY, anchored: { projectIds: [P2] } }, [about('projects_on_chain', P2, P1)]],
    ['more projects on chain', { votes: MAJORITY, anchored: { projectIds: [P1, P2] } }, [about('projects_on_chain', P2, 'nothing')]],
    ['fewer projects on chain', { votes: MAJORITY, anchored: { projectIds: [] } }, [about('projects_on_chain', 'nothing', P1)]],
    ['other CIDs on chain', { votes: MAJORITY, anchored: { snapshotCids: [CID_B] } }, [about('cids_on_chain', CID_B, CID_A)]],
    [
      'another root over the submission ids',
      { votes: MAJORITY, file: { submissionsRoot: publishedRoot(['x']) } },
      [about('submissions_root', publishedRoot(['id-0', 'id-1']), publishedRoot(['x']))],
    ],
    [
      'another root over the CIDs',
      { votes: MAJORITY, anchored: { rootHash: publishedRoot(['x']) } },
      [about('cids_root', publishedRoot([CID_A]), publishedRoot(['x']))],
    ],
  ])('V1: %s', async (_, given, failures) => {
    const { findings, anchored } = await judge(given)
    expect(findings.failures).toEqual(failures)
    // The results are the sequencer's: no root would say what is wrong, unless the one on chain is not that of the CIDs.
    expect(rootToAttest(findings, anchored)).toBe(given.anchored?.rootHash === undefined ? undefined : publishedRoot([CID_A]))
  })

  test('V1: the compact form is judged like the other', async () => {
    const { findings, anchored } = await judge({ votes: MAJORITY, isCompact: true })
    expect([anchored.batchCid.slice(0, 7), findings.failures, findings.ownRoot]).toEqual(['bafyrei', [], anchored.rootHash])
    expect((await judge({ votes: MAJORITY, isCompact: true, bytes: Uint8Array.of(0xa0) })).findings.failures).toEqual([
      about('form', 'a batch file', 'field_missing'),
    ])
    const json = await judge({ votes: MAJORITY, anchored: { batchCid: anchored.batchCid } })
    expect(json.findings.failures).toMatchObject([{ check: 'cid', expected: anchored.batchCid, got: expect.stringMatching(/^bafyrei/) }])
  })

  test('the same in upper case is the same', async () => {
    const upper = (root: string) => `0x${root.slice(2).toUpperCase()}` as Hash
    const { findings } = await judge({
      votes: MAJORITY,
      file: { submissionsRoot: upper(publishedRoot(['id-0', 'id-1'])) },
      anchored: { rootHash: upper(publishedRoot([CID_A])) },
    })
    expect(findings.failures).toEqual([])
  })

  const behind = (...earlier: (string | undefined)[]) => {
    const predecessors = createPredecessors()
    for (const [index, id] of earlier.entries())
      predecessors.add(
        index,
        id === undefined ? undefined : { submissionIds: [id], projectIds: new Set([`${id}:N` as ProjectId]), voters: new Set() },
      )
    return { predecessors, index: earlier.length }
  }

  test.each(['continues the tree of the epoch', 'starts a tree of its own'])('its tree of submission ids %s', async (how) => {
    const earlier = how.startsWith('continues') ? ['x', 'y'] : []
    const submissionsRoot = publishedRoot([...earlier, 'id-0', 'id-1'])
    const { findings } = await judge({ votes: MAJORITY, file: { submissionsRoot }, ...behind('x', 'y') })
    expect(findings.failures).toEqual([])
  })

  test.each([
    ['cumulative', ['x', 'y'], []],
    ['fresh', [], ['x', 'y']],
  ] as const)('V1: where the market asks for %s trees, another is wrong', async (batchTree, asked, other) => {
    const rootOver = (earlier: readonly string[]) => publishedRoot([...earlier, 'id-0', 'id-1'])
    const judged = (submissionsRoot: Hash) =>
      judge({ votes: MAJORITY, file: { submissionsRoot }, rules: { batchTree }, ...behind('x', 'y') })
    expect((await judged(rootOver(asked))).findings.failures).toEqual([])
    expect((await judged(rootOver(other))).findings.failures).toEqual([about('submissions_root', rootOver(asked), rootOver(other))])
  })

  test('V1: a tree that continues another order, or only some of the batches before, is wrong', async () => {
    for (const earlier of [['y', 'x'], ['y'], ['x']]) {
      const submissionsRoot = publishedRoot([...earlier, 'id-0', 'id-1'])
      const { findings } = await judge({ votes: MAJORITY, file: { submissionsRoot }, ...behind('x', 'y') })
      expect(findings.failures).toEqual([about('submissions_root', publishedRoot(['x', 'y', 'id-0', 'id-1']), submissionsRoot)])
    }
  })

  test.each(['cumulative', 'either'] as const)(
    'V19: of a tree that may continue a batch that could not be read nothing is told, and all else is judged as ever: %s',
    async (batchTree) => {
      const asked = { votes: MAJORITY, file: { submissionsRoot: publishedRoot(['x', 'id-0', 'id-1']) }, rules: { batchTree } }
      const { findings, anchored } = await judge({ ...asked, ...behind('x', undefined) })
      expect([findings.failures, rootToAttest(findings, anchored)]).toEqual([[], anchored.rootHash])
      const falsely = await judge({ ...asked, anchored: { snapshotCids: [CID_B] }, ...behind('x', undefined) })
      expect(falsely.findings.failures.map(({ check }) => check)).toContain('cids_on_chain')
    },
  )

  test('V19: where the market asks for a tree of its own it is compared, whatever cannot be read', async () => {
    const submissionsRoot = publishedRoot(['x', 'id-0', 'id-1'])
    const { findings } = await judge({
      votes: MAJORITY,
      file: { submissionsRoot },
      rules: { batchTree: 'fresh' },
      ...behind('x', undefined),
    })
    expect(findings.failures).toEqual([about('submissions_root', publishedRoot(['id-0', 'id-1']), submissionsRoot)])
  })

  test('V1: a project of an earlier batch of the epoch is there twice', async () => {
    const { findings } = await judge({ votes: MAJORITY, ...behind('a', 'y') })
    expect(findings.failures).toEqual([about('projects_unique', 'once in the epoch', 'twice', 'a:N')])
  })
})

describe('which votes count', () => {
  /** One vote for CID_B against two for CID_A: who is dropped decides nothing, so that only the failure tells. */
  test.each<[string, Submission, ReturnType<typeof about> | undefined]>([
    ['for another epoch', vote(3, CID_B, { epochId: 5 as EpochId }), about('submission_epoch', '4', '5', P1, 3)],
    [
      'for a project that the batch does not have',
      vote(3, CID_B, { projectId: P2 }),
      about('submission_project', 'a project of the batch', P2, P2, 3),
    ],
    [
      'with a header that is no block',
      vote(3, CID_B, { header: '0xnone' }),
      about('submission_header', 'a block within the window', '0xnone', P1, 3),
    ],
    [
      'with a header before the release',
      vote(3, CID_B, { header: 9 }),
      about('submission_header', 'a block within the window', hashOf(9), P1, 3),
    ],
    ['with a header in the last block of the window', vote(1, CID_A, { header: 15 }), undefined],
    [
      'with a header after the window',
      vote(3, CID_B, { header: 16, key: 4 }),
      about('submission_header', 'a block within the window', hashOf(16), P1, 3),
    ],
    ['with a deadline at its header', vote(1, CID_A, { deadlineBlock: 10 as BlockNumber }), undefined],
    [
      'with a deadline before its header',
      vote(3, CID_B, { deadlineBlock: 9 as BlockNumber }),
      about('submission_deadline', 'not before the header', '9', P1, 3),
    ],
    ['with a deadline as far ahead as may be', vote(1, CID_A, { deadlineBlock: 100 as BlockNumber }), undefined],
    [
      'with a deadline further ahead',
      vote(3, CID_B, { deadlineBlock: 101 as BlockNumber }),
      about('submission_deadline', 'not that far ahead', '101', P1, 3),
    ],
    ['of a slot that does not exist', vote(9, CID_B, { key: 1 }), about('submission_slot', 'an active slot', '9', P1, 9)],
    ['of a slot that is not active', vote(4, CID_B), about('submission_slot', 'an active slot', '4', P1, 4)],
    ['signed by another', vote(3, CID_B, { key: 2 }), about('submission_signature', addressOf(3), addressOf(2), P1, 3)],
    ['with no signature at all', vote(3, CID_B, { signature: '00' }), about('submission_signature', addressOf(3), 'no signer', P1, 3)],
    ['by the signer before, with a header from then', vote(3, CID_A, { header: 12 }), undefined],
    [
      'by the signer before, with a header from later',
      vote(3, CID_B, { header: 13 }),
      about('submission_signature', addressOf(4), addressOf(3), P1, 3),
    ],
    ['by the new signer, with a header from later', vote(3, CID_A, { header: 13, key: 4 }), undefined],
    [
      'by the new signer, with a header from before',
      vote(3, CID_B, { header: 12, key: 4 }),
      about('submission_signature', addressOf(3), addressOf(4), P1, 3),
    ],
  ])('V1, G5: one %s', async (_, submission, failure) => {
    const others = MAJORITY.filter(({ request }) => request.slotId !== submission.request.slotId)
    const { findings, anchored } = await judge({ votes: [...others, submission] })
    expect(findings.failures).toEqual(failure === undefined ? [] : [failure])
    expect(findings.ownCids).toEqual([CID_A])
    expect(rootToAttest(findings, anchored)).toBe(anchored.rootHash)
  })

  test('V1: a vote that does not count is missing in the result', async () => {
    const forged = [vote(1, CID_A, { key: 3 }), vote(2, CID_A, { key: 3 })]
    const { findings, anchored } = await judge({ votes: [...forged, vote(3, CID_B)] })
    expect(findings.ownCids).toEqual([CID_B])
    expect(findings.failures.at(-1)).toEqual(about('tally', CID_B, CID_A, P1))
    expect(rootToAttest(findings, anchored)).toBe(publishedRoot([CID_B]))
  })

  test('V1, G5: of two votes of a slot the first counts', async () => {
    const { findings } = await judge({ votes: [vote(1, CID_A), vote(1, CID_B), vote(2, CID_A), vote(3, CID_B)] })
    expect(findings.ownCids).toEqual([CID_A])
    expect(findings.failures).toEqual([about('submission_once', 'one vote per slot', 'id-1', P1, 1)])
  })

  test('V1, G5: a forged vote does not take the slot’s place', async () => {
    const { findings } = await judge({ votes: [vote(1, CID_B, { key: 2 }), vote(1, CID_A), vote(2, CID_A), vote(3, CID_B)] })
    expect(findings.ownCids).toEqual([CID_A])
    expect(findings.failures.map(({ check }) => check)).toEqual(['submission_signature'])
  })

  test('a slot has one vote for each project', async () => {
    const votes = [vote(1, CID_A), vote(1, CID_B, { projectId: P2 })]
    const results = [
      [P1, CID_A],
      [P2, CID_B],
    ] as const
    const { findings } = await judge({ votes, results })
    expect([findings.failures, findings.ownCids]).toEqual([[], [CID_A, CID_B]])
  })

  test('V1: only those of the market’s namespace', async () => {
    const other = [vote(1, CID_A), vote(2, CID_A)]
    expect((await judge({ votes: other, rules: { namespace: 'N' } })).findings.failures).toEqual([])
    const { findings } = await judge({ votes: other, rules: { namespace: 'M' } })
    expect(findings.failures[0]).toEqual(about('submission_namespace', 'M', 'N', P1, 1))
    expect(findings.ownCids).toEqual([''])
  })

  test('V1: only those on projects that the market lists, where it lists some', async () => {
    const votes = [vote(1, CID_A), vote(2, CID_A)]
    expect((await judge({ votes, rules: { voting: { projectTypes: ['a'] } } })).findings.failures).toEqual([])
    const { findings } = await judge({ votes, rules: { voting: { projectTypes: ['b'] } } })
    expect(findings.failures[0]).toEqual(about('submission_listed', 'a project on which may be voted', P1, P1, 1))
    expect(findings.ownCids).toEqual([''])
  })
})

describe('what comes out', () => {
  test('V1: each project has its own result, in the order of the file', async () => {
    const votes = [vote(1, CID_B, { projectId: P2 }), vote(1, CID_A), vote(2, CID_A)]
    const results = [
      [P2, CID_A],
      [P1, CID_A],
    ] as const
    const { findings, anchored } = await judge({ votes, results })
    expect(findings.ownCids).toEqual([CID_B, CID_A])
    expect(findings.failures).toEqual([about('tally', CID_B, CID_A, P2)])
    expect(rootToAttest(findings, anchored)).toBe(publishedRoot([CID_B, CID_A]))
  })

  test('V1: a project without a vote that counts has no result', async () => {
    const { findings, anchored } = await judge({ votes: [] })
    expect(findings.failures).toEqual([about('tally', 'no result', CID_A, P1)])
    expect([findings.ownCids, findings.ownRoot]).toEqual([[''], publishedRoot([''])])
    expect(rootToAttest(findings, anchored)).toBe(publishedRoot(['']))
  })

  test('V1: the market’s policy decides as it does for the sequencer', async () => {
    const votes = [...MAJORITY, vote(3, CID_B)]
    expect((await judge({ votes, rules: { tally: { minVotes: 2, minShareBp: 6_600 } } })).findings.failures).toEqual([])
    for (const tally of [
      { minVotes: 3, minShareBp: 0 },
      { minVotes: 0, minShareBp: 6_700 },
    ])
      expect((await judge({ votes, rules: { tally } })).findings.failures).toEqual([about('tally', 'no result', CID_A, P1)])
  })

  describe('the share is one of the slots that voted in the epoch', () => {
    const tally = { minVotes: 2, minShareBp: 6_700 }
    const behindVotersOf = (...voters: number[]) => {
      const predecessors = createPredecessors()
      predecessors.add(0, { submissionIds: ['x'], projectIds: new Set(['x:N' as ProjectId]), voters: new Set(voters as SlotId[]) })
      return { predecessors, index: 1 }
    }
    const failed = [about('tally', 'no result', CID_A, P1)]

    test('V1, G2: two slots that made up a project between them are few as soon as others voted on another', async () => {
      expect((await judge({ votes: MAJORITY, rules: { tally } })).findings.failures).toEqual([])
      const votes = [...MAJORITY, vote(3, CID_B, { projectId: P2 })]
      const results = [[P1, CID_A] as const, [P2, CID_B] as const]
      const { findings, anchored } = await judge({ votes, results, rules: { tally } })
      expect(findings.ownCids).toEqual(['', ''])
      expect(findings.failures).toEqual([...failed, about('tally', 'no result', CID_B, P2)])
      expect(rootToAttest(findings, anchored)).toBe(publishedRoot(['', '']))
    })

    test('V1: in an earlier batch too, as far as this validator found their votes valid', async () => {
      expect((await judge({ votes: MAJORITY, rules: { tally }, ...behindVotersOf(3) })).findings.failures).toEqual(failed)
      // Whoever is counted already is not counted again.
      expect((await judge({ votes: MAJORITY, rules: { tally }, ...behindVotersOf(1, 2) })).findings.failures).toEqual([])
    })

    test('V1: votes that do not count make nobody a voter', async () => {
      const forged = vote(3, CID_B, { projectId: P2, key: 1 })
      const results = [[P1, CID_A] as const, [P2, CID_B] as const]
      const { findings } = await judge({ votes: [...MAJORITY, forged], results, rules: { tally } })
      expect(findings.ownCids).toEqual([CID_A, ''])
      expect(findings.traces?.voters).toEqual(new Set([1, 2]))
    })
  })

  test('the integrity level counts nothing and asks for no signature', async () => {
    const recoverMany = () => {
      throw new Error('not to be asked')
    }
    const { findings } = await judge({ votes: [vote(1, CID_B)], level: 'integrity', recoverMany })
    expect(findings).toMatchObject({ level: 'integrity', failures: [], ownCids: [CID_A], ownRoot: publishedRoot([CID_A]) })
  })

  test('G7: others have their turn, and what is written down has an end, however much a file holds', async () => {
    const votes = Array.from({ length: 1_100 }, () => vote(1, CID_A, { signature: '00' }))
    const { findings, breaths } = await judge({ votes })
    expect([findings.failures.length, breaths]).toEqual([1_000, 4])
    const ids = Array.from({ length: 4_100 }, () => vote(1, CID_A, { signature: '00' }))
    expect(await judge({ votes: ids, level: 'integrity', rules: { batchTree: 'either' } })).toMatchObject({ breaths: 5 }) // Three of them while the file is read.
  })
})

describe('what is attested', () => {
  const failure = (check: 'cids_root' | 'submission_once' | 'tally') => ({ check, projectId: '', slotId: 0, expected: '', got: '' })
  const root = publishedRoot(['theirs'])
  const anchored = { rootHash: root } as AnchoredWithProjects
  const findings = (ownRoot: Hash | undefined, ...failures: Findings['failures'][number][]): Findings => ({
    level: 'tally',
    failures,
    ownCids: [],
    ownRoot,
    traces: undefined,
  })

  test.each<[string, Findings, Hash | undefined]>([
    ['the same root, when nothing is wrong', findings(root), root],
    ['the same root, when votes did not count and the result is the same', findings(root, failure('submission_once')), root],
    [
      'nothing, when the file is broken and the result is the same',
      findings(root, failure('submission_once'), failure('cids_root')),
      undefined,
    ],
    ['the own root, when the result is another', findings(publishedRoot(['own']), failure('tally')), publishedRoot(['own'])],
    ['the own root, also when the file is broken besides', findings(publishedRoot(['own']), failure('cids_root')), publishedRoot(['own'])],
    ['nothing, when there is no own result', findings(undefined), undefined],
  ])('%s', (_, found, expected) => {
    expect(rootToAttest(found, anchored)).toBe(expected)
  })
})
