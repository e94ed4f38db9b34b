import { expect } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber, Cid, EpochId, ProjectId, SlotId, ContractNumber } from '#domain/ids.ts'
import { int, object } from '#domain/snapshot-schema.ts'
import type { SubmissionRequest } from '#domain/submission.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { content, createChain, numberOf, project, slot } from '#io/database/chain.test-world.ts'
import type { BatchContent } from '#io/database/port.ts'
import { openSqliteIndex } from '#io/database/sqlite.ts'
import { type HttpOptions, type HttpServer, serveHttp } from '#io/http/server.ts'
import { encodeBatch } from '#wire/batch-json.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { documentPages } from './documents.ts'
import { apiRoutes } from './routes.ts'
import type { ServeDeps } from './served.ts'
import { createStream } from './stream.ts'

/** An api over an index of a few epochs: 1 is final with projects A and B, 2 pending with A alone, 3 open, 4 never released, 5 open. */

export const A = project('0xaa')
export const B = project('0xbb')
export const TEXTS = {
  a1: '{"big":123456789012345678901234567890,"reserves":{"block10":2.5,"block9":1.5},"value":1}',
  b1: '{"name":"b, \\"quoted\\"","value":NaN}',
  a2: '{"value":2}',
} as const
const VALIDATOR = `0x${'1'.repeat(40)}` as Address
const MARKET = {
  epochSize: 10,
  sourceChainId: 1,
  sourceBlockTimeSeconds: 1,
  snapshotWindowBlocks: 2,
  batchWindowBlocks: 4,
  attestationWindowBlocks: 6,
  attestationsMin: 1,
  epochManager: VALIDATOR,
  sequencers: [VALIDATOR],
  validators: [VALIDATOR],
}

export async function openWorld() {
  const clock = createVirtualClock()
  const index = await openSqliteIndex({ path: ':memory:', market: 'market', indexId: 'index' })
  const chain = createChain()
  const files = new Map<string, Uint8Array>()
  const cids = {
    a1: await snapshotCidOf(new TextEncoder().encode(TEXTS.a1)),
    b1: await snapshotCidOf(new TextEncoder().encode(TEXTS.b1)),
    a2: await snapshotCidOf(new TextEncoder().encode(TEXTS.a2)),
  }
  await index.lead()
  const deps: ServeDeps = {
    index,
    clock,
    sequencers: [async (epochId) => (epochId === 1 ? { accepted: 6, refused: { window_closed: 2 }, isClosed: true } : undefined)],
    version: '0.0.0',
    computes: async () => COMPUTES,
    proofOf: async ({ projectId, epochId }) => ({ proofOf: [projectId, epochId] }),
    ipfs: {
      async get(cid) {
        const bytes = files.get(cid)
        if (bytes === undefined) throw new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 0 })
        return bytes
      },
    },
    chain: {
      chainId: 31337,
      protocolState: VALIDATOR,
      dataMarket: VALIDATOR,
      head: async () => chain.head ?? expect.fail('no block yet'),
      market: async () => MARKET,
      manifests: async () => ({ current: { cid: 'manifest', fromEpochId: 1 as EpochId }, pending: undefined }),
      slots: async () => [1, 2, 3].map((slotId) => ({ slotId: slot(slotId), signer: VALIDATOR, isActive: slotId < 3 })),
      slotDay: async () => ({ submissions: 7, isRewarded: false }),
      rewardRules: async () => ({ day: 1, dailySnapshotQuota: 10, areRewardsEnabled: true }),
      currentEpoch: async () => ({ epochId: 5 as EpochId, begin: 50 as BlockNumber, end: 59 as BlockNumber }),
      epochInfo: async () => ({ timestamp: 0, contractNumber: 0 as ContractNumber, end: 0 as BlockNumber }),
    },
  }
  return { clock, index, chain, files, cids, deps }
}
export type World = Awaited<ReturnType<typeof openWorld>>

const COMPUTES: Awaited<ReturnType<ServeDeps['computes']>> = {
  preloads: [],
  snapshots: [
    {
      projectType: 'reserves',
      description: 'What a pair holds.',
      schema: object({ value: int() }),
      dataSources: ['0xAA', '0xbb'],
      preloads: [],
      compute: () => expect.fail('nothing computes here'),
    },
  ],
  aggregates: [
    {
      projectType: 'day',
      aggregateOn: 'SingleProject',
      baseProjectTypes: ['reserves'],
      aggregate: () => expect.fail('nothing computes here'),
    },
    { projectType: 'top', aggregateOn: 'MultiProject', baseProjectTypes: ['day'], aggregate: () => expect.fail('nothing computes here') },
  ],
}

/** The story of the head of this file. */
export async function told(): Promise<World> {
  const world = await openWorld()
  await firstEpoch(world)
  const { index, chain, cids } = world
  await index.apply([chain.block(['EpochReleased', 2]), chain.block(['SnapshotBatchSubmitted', 2, 'batch2'])])
  await index.putBatch(await numberOf(index, 'batch2'), contentOf([[A, cids.a2]]))
  await index.putSnapshots([{ snapshotCid: cids.a2, state: 'here', text: TEXTS.a2 }])
  await index.apply([chain.block(['BatchSubmissionsCompleted', 2]), chain.block(['EpochReleased', 3]), chain.block(['EpochReleased', 5])])
  return world
}

/** One batch of A and B, read, attested and final; slot 3 voted for something else. */
export async function firstEpoch({ index, chain, cids, files }: World): Promise<void> {
  await index.apply([chain.block(['EpochReleased', 1], ['DayStartedEvent', 1]), chain.block(['SnapshotBatchSubmitted', 1, 'batch1'])])
  const entries = [
    [A, cids.a1],
    [B, cids.b1],
  ] as const
  await index.putBatch(await numberOf(index, 'batch1'), contentOf(entries))
  await index.putSnapshots([
    { snapshotCid: cids.a1, state: 'here', text: TEXTS.a1 },
    { snapshotCid: cids.b1, state: 'here', text: TEXTS.b1 },
  ])
  files.set('bafybatch1', batchOf(entries))
  await index.apply([
    chain.block(['BatchSubmissionsCompleted', 1]),
    chain.block(['SnapshotBatchAttestationSubmitted', 1, 'batch1', '1'], ['SnapshotBatchFinalized', 1, 'batch1']),
  ])
}

export const contentOf = (entries: readonly (readonly [ProjectId, Cid])[], more: Partial<BatchContent> = {}): BatchContent =>
  content(Object.fromEntries(entries.map(([projectId]) => [projectId.split(':')[1] ?? '', ''])), {
    entries: entries.map(([projectId, snapshotCid]) => ({ projectId, snapshotCid, votes: { winning: 2, total: 3 } })),
    ...more,
  })

/** As `contentOf` says: of each project slots 1 and 2 won, slot 3 lost. */
export function batchOf(entries: readonly (readonly [ProjectId, Cid])[]): Uint8Array {
  const requests = entries.flatMap(([projectId, snapshotCid]) =>
    [1, 2, 3].map((slotId): SubmissionRequest => {
      const lost = snapshotCid.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a')) as Cid
      return {
        slotId: slotId as SlotId,
        projectId,
        epochId: 1 as EpochId,
        deadlineBlock: 200 as BlockNumber,
        snapshotCid: slotId === 3 ? lost : snapshotCid,
      }
    }),
  )
  const submissions = requests.map((request, place) => ({
    submissionId: `00000000-0000-4000-8000-${String(place).padStart(12, '0')}`,
    submission: {
      request,
      signature: 'ab'.repeat(65),
      header: `0x${'cd'.repeat(32)}`,
      dataMarket: VALIDATOR,
      nodeVersion: 'v1',
      protocolState: '',
    },
  }))
  const [projectIds, snapshotCids] = [entries.map(([id]) => id), entries.map(([, cid]) => cid)]
  return encodeBatch({ submissions, submissionsRoot: `0x${'ef'.repeat(32)}`, projectIds, snapshotCids })
}

/** A server with all routes. Its limits are those of many readers at one address. */
export async function served(
  world: { readonly deps: ServeDeps },
  options: Partial<HttpOptions> = {},
): Promise<
  HttpServer & {
    readonly told: readonly unknown[]
    readonly stream: ReturnType<typeof createStream>
    get(path: string, init?: RequestInit): Promise<Response>
  }
> {
  const reported: unknown[] = []
  const stream = createStream(world.deps)
  const many = { tokensPerSecond: 1e6, tokensMax: 1e6 }
  const server = await serveHttp(
    {
      listen: '127.0.0.1:0',
      routes: [...apiRoutes(world.deps), stream.route],
      pages: documentPages(),
      ...options,
      limits: { perAddress: many, requestsPerConnectionMax: 1e6, ...options.limits },
    },
    { nowMs: () => Date.now(), report: (event, facts) => void reported.push([event, facts]) },
  )
  return { ...server, told: reported, stream, get: (path, init) => fetch(server.url + path, init) }
}
