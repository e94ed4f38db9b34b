import { z } from 'zod'
import type { Address, Cid } from '#domain/ids.ts'
import { ABSENCE_REASONS, type AbsenceReason } from '#domain/reasons.ts'
import { epochId, get, integer, page, post, projectId, type RouteForm, slotId } from './routes.ts'

/**
 * What the role `api` answers below `/v1`: data, what became of them, and who says so. Each route stands here once, with what it takes and what
 * it gives; checks, types, the client and the document are made from the same lines. Integers of the protocol fit a JSON number; those inside a
 * snapshot need not, so that whoever counts on them reads `text`.
 */

/** Entries of a page, unless `limit` asks for fewer or more. */
export const PAGE_LENGTH = 100
/** At most. */
export const PAGE_LENGTH_MAX = 1_000
/** Characters of a text to look for. */
const SEARCH_LENGTH_MAX = 256

// --- what is asked --------------------------------------------------------------------------------------------------------

const paged = page(PAGE_LENGTH_MAX)
const flag = z.enum(['true', 'false']).transform((text) => text === 'true')
const text = z.string().min(1).max(SEARCH_LENGTH_MAX)
const cid = z
  .string()
  .regex(/^[0-9A-Za-z]{1,128}$/, 'is no CID')
  .transform((value) => value as Cid)
/** Epochs from `from` to `to`, both included, ascending; or the `last` so many that the project has. */
const range = { from: epochId.optional(), to: epochId.optional(), last: integer(1, PAGE_LENGTH_MAX).optional() }
/** Whether points carry the snapshot (`data`), and its exact text (`text`), whose hash is the CID. */
const content = { data: flag.optional(), text: flag.optional() }

// --- what is answered -------------------------------------------------------------------------------------------------------

const count = z.int().min(0)
/** Seconds since the Unix epoch, by the anchor chain. */
const seconds = z.number().min(0)
const address = z.string().transform((value) => value as Address)

/** `pending`: on chain, not attested by a majority yet. `disputed`: the validators refused its batch and asked for another. `absent`: `reason` says why. */
export const STATUSES = ['pending', 'finalized', 'disputed', 'absent'] as const

const reason = z.object({
  code: z.enum(Object.keys(ABSENCE_REASONS) as [AbsenceReason, ...AbsenceReason[]]),
  message: z.string(),
  nearest: z.array(z.string()).optional(),
  newestEpochId: count.optional(),
  oldestEpochId: count.optional(),
  firstEpochId: count.optional(),
  untilBlock: count.optional(),
  indexedBlock: count.optional(),
})

/** One project in one epoch. */
const point = z.object({
  projectId: z.string(),
  epochId: count,
  status: z.enum(STATUSES),
  /** Where `status` is `absent`, or the bytes are not to be had. */
  reason: reason.optional(),
  /** Source blocks, both included. */
  begin: count.optional(),
  end: count.optional(),
  releasedAt: seconds.optional(),
  snapshotCid: z.string().optional(),
  batchCid: z.string().optional(),
  /** Anchor block in which its batch became final. */
  finalizedBlock: count.optional(),
  finalizedAt: seconds.optional(),
  /** Votes for the CID, and all of the project, in the batch. */
  votes: z.object({ winning: count, total: count }).optional(),
  /** The snapshot. Integers beyond 2^53 lose digits in most JSON readers: `text` has them all. */
  data: z.json().optional(),
  text: z.string().optional(),
})

const list = <Item extends z.ZodType>(item: Item) => z.object({ items: z.array(item), nextCursor: z.string().optional() })

const project = z.object({
  projectId: z.string(),
  projectType: z.string(),
  /** Contract, wallet …; absent where the type has one project without. */
  dataSource: z.string().optional(),
  namespace: z.string(),
  kind: z.enum(['snapshot', 'single', 'multi', 'unknown']),
  firstEpochId: count,
  lastEpochId: count,
  /** The newest epoch in which it is final. */
  lastFinalizedEpochId: count.optional(),
})
/** JSON Schema of the snapshot, with units and descriptions, where the market's computes say one. */
const projectDetail = project.extend({ description: z.string().optional(), schema: z.json().optional() })

const batch = z.object({
  batchCid: z.string(),
  epochId: count,
  /** Its place among the batches of the epoch, from 0. */
  index: count,
  status: z.enum(['pending', 'finalized', 'disputed']),
  anchoring: z.enum(['projects', 'roots']),
  submittedBlock: count,
  submittedAt: seconds,
  finalizedBlock: count.optional(),
  finalizedAt: seconds.optional(),
  /** Validators whose attestations are on chain, for whatever root. */
  attestations: z.array(z.object({ validator: address, block: count, at: seconds, isLate: z.boolean() })),
  /** What is known of its file. */
  file: z.enum(['read', 'waiting', 'unavailable', 'malformed']),
  projects: count.optional(),
  submissions: count.optional(),
  bytes: count.optional(),
  submissionsRoot: z.string().optional(),
  cidsRoot: z.string().optional(),
})

const epoch = z.object({
  epochId: count,
  begin: count,
  end: count,
  day: count.optional(),
  releasedBlock: count,
  releasedAt: seconds,
  /** No batch comes after. */
  endedBlock: count.optional(),
  endedAt: seconds.optional(),
  /** When the last of its batches became final. */
  finalizedAt: seconds.optional(),
  status: z.enum(['open', 'pending', 'finalized', 'disputed', 'empty']),
  /** Where it is over without an end. */
  reason: reason.optional(),
  batches: count,
  projects: count,
  finalizedProjects: count,
  submissions: count,
  slots: count,
  /** Slots of which at least one vote lost. */
  outvotedSlots: count,
})

const vote = z.object({
  submissionId: z.string(),
  slotId: count,
  projectId: z.string(),
  snapshotCid: z.string(),
  /** It is for what was finalized. */
  isWinning: z.boolean(),
})

const slotEpoch = z.object({ epochId: count, at: seconds, votes: count, winning: count, outvoted: z.array(z.string()) })
const slot = z.object({
  slotId: count,
  signer: address,
  isActive: z.boolean(),
  /** The newest epoch in whose batches it has a vote. */
  lastEpochId: count.optional(),
  /** Of the last 100 epochs that have an end, those whose batch files are all read: in how many it voted, how many votes were in batches, how many of them won. */
  recent: z.object({ epochs: count, voted: count, votes: count, winning: count }),
  /** Of those, how many in a row, up to the newest, in which it voted and was never outvoted. */
  streak: count,
  day: z.object({ day: count, submissions: count, quota: count, isRewarded: z.boolean() }).optional(),
})

const observation = z.object({
  epochId: count,
  at: seconds,
  block: count,
  status: z.enum(STATUSES),
  value: z.union([z.number(), z.string(), z.null()]),
})

/** Why submissions were not counted; what the code means, where this api knows it. */
const refusal = z.object({ code: z.string(), count, help: z.string().optional() })
const refusals = z.object({ epochId: count, accepted: count, refused: z.array(refusal) })

export const API = {
  status: {
    ...get('/v1/status', {}, 'How far the index has come, and what it holds.'),
    output: z.object({
      version: z.string(),
      anchorChainId: count,
      protocolState: address,
      dataMarket: address,
      /** The index is at this block of the anchor chain; the chain's head as last seen. */
      indexed: z.object({ block: count, at: seconds }).optional(),
      head: count.optional(),
      newestEpochId: count.optional(),
      epochs: count,
      projects: count,
      points: count,
      /** Winning snapshots whose bytes nobody has served so far. */
      unavailable: count,
    }),
  },
  market: {
    ...get('/v1/market', {}, 'The data market: its windows, its people, its manifest.'),
    output: z.object({
      dataMarket: address,
      protocolState: address,
      anchorChainId: count,
      sourceChainId: count,
      epochSize: count,
      sourceBlockTimeSeconds: z.number(),
      snapshotWindowBlocks: count,
      batchWindowBlocks: count,
      attestationWindowBlocks: count,
      attestationsMin: count,
      sequencers: z.array(address),
      validators: z.array(address),
      manifestCid: z.string().optional(),
      /** The file, as it is. */
      manifest: z.json().optional(),
    }),
  },
  projects: {
    ...get(
      '/v1/projects',
      { search: text.optional(), type: text.optional(), source: text.optional(), ...paged },
      'Projects by id. `search`: part of an id; `type`, `source`: exactly, in any case.',
    ),
    output: list(project),
  },
  project: { ...get('/v1/projects/{projectId}', { projectId }, 'One project.'), output: projectDetail },
  points: {
    ...get(
      '/v1/projects/{projectId}/epochs',
      { projectId, ...range, ...content, ...paged },
      'Its data points, ascending: `from`, `to`, or the `last` so many. With values unless `data=false`. Epochs without one are left out.',
    ),
    output: list(point),
  },
  latest: {
    ...get(
      '/v1/projects/{projectId}/latest',
      { projectId, status: z.enum(['finalized', 'any']).optional(), ...content },
      'Its newest final data point; `status=any`: the newest that is on chain, whatever became of it so far.',
    ),
    output: point,
    isAbsenceTold: true,
  },
  point: {
    ...get('/v1/projects/{projectId}/epochs/{epochId}', { projectId, epochId, ...content }, 'One data point, or why there is none.'),
    output: point,
    isAbsenceTold: true,
  },
  votes: {
    ...get('/v1/projects/{projectId}/epochs/{epochId}/votes', { projectId, epochId, ...paged }, 'Who voted for what.'),
    output: list(vote),
  },
  sources: {
    ...get(
      '/v1/projects/{projectId}/epochs/{epochId}/sources',
      { projectId, epochId },
      'What an aggregate was made from, as far as the computes of the market say: one step down.',
    ),
    output: z.object({
      projectId: z.string(),
      epochId: count,
      sources: z.array(z.object({ projectId: z.string(), fromEpochId: count, toEpochId: count })),
    }),
  },
  series: {
    ...get(
      '/v1/projects/{projectId}/series',
      { projectId, path: text, ...range, format: z.enum(['json', 'csv']).optional(), ...paged },
      'One field over epochs: `path=pairs.0.liquidity`. A segment `*` is the last key of a map, as of a block. `format=csv` for spreadsheets.',
    ),
    output: list(observation),
  },
  proof: {
    ...get('/v1/proofs/{projectId}/{epochId}', { projectId, epochId }, 'A proof that stands alone (docs/PROOF.md).'),
    output: z.json(),
  },
  epochs: { ...get('/v1/epochs', paged, 'Epochs, newest first.'), output: list(epoch) },
  epoch: { ...get('/v1/epochs/{epochId}', { epochId }, 'One epoch.'), output: epoch.extend({ batchList: z.array(batch) }) },
  epochPoints: {
    ...get('/v1/epochs/{epochId}/projects', { epochId, ...content, ...paged }, 'Its data points, by project. Values with `data=true`.'),
    output: list(point),
  },
  epochOutvoted: { ...get('/v1/epochs/{epochId}/outvoted', { epochId, ...paged }, 'Its votes that lost.'), output: list(vote) },
  batch: {
    ...get(
      '/v1/batches/{batchCid}',
      { batchCid: cid, epoch: epochId.optional() },
      'One batch; of a CID anchored for several epochs, that of `epoch` or the newest.',
    ),
    output: batch,
  },
  batchSubmissions: {
    ...get('/v1/batches/{batchCid}/submissions', { batchCid: cid, epoch: epochId.optional(), ...paged }, 'Its submissions, in order.'),
    output: list(vote.extend({ signature: z.string() })),
  },
  slots: { ...get('/v1/slots', paged, 'Slots, by id.'), output: list(slot) },
  slot: { ...get('/v1/slots/{slotId}', { slotId }, 'Is this node working?'), output: slot },
  slotEpochs: {
    ...get('/v1/slots/{slotId}/epochs', { slotId, ...paged }, 'What became of its votes, newest epoch first.'),
    output: list(slotEpoch),
  },
  validators: {
    ...get('/v1/validators', {}, 'Validators, and how often each attested of the last 100 batches that are decided.'),
    output: z.object({
      items: z.array(z.object({ validator: address, attested: count, late: count, batches: count, lastAt: seconds.optional() })),
    }),
  },
  refusals: {
    ...get(
      '/v1/refusals',
      {},
      'Submissions that sequencers refused in the newest epochs, by code, newest epoch first. It is their own word: no batch holds what was refused.',
    ),
    output: z.object({
      /** Sequencers that this api was told of: without any, nothing is known. */
      sequencers: count,
      /** How many of them told. */
      answered: count,
      items: z.array(refusals),
    }),
  },
} as const satisfies Record<string, RouteForm<unknown>>

/** Characters of a GraphQL query. */
const QUERY_LENGTH_MAX = 8 * 1024
const query = z.string().min(1).max(QUERY_LENGTH_MAX)
const operationName = z.string().max(128).nullish()
export const GRAPHQL = {
  get: get(
    '/graphql',
    { query, operationName, variables: z.string().max(QUERY_LENGTH_MAX).optional() },
    'A GraphQL query: the same data in one question. `variables` is JSON.',
  ),
  post: post(
    '/graphql',
    { query, operationName, variables: z.record(z.string(), z.unknown()).nullish() },
    'A GraphQL query, in a JSON body.',
  ),
} as const

export type ApiRoute = keyof typeof API
export type ApiInput<Name extends ApiRoute> = z.output<(typeof API)[Name]['input']>
/** What a client may send: everything as text. */
export type ApiStreamInput = z.output<typeof STREAM.input>
export type ApiQuery<Name extends ApiRoute> = z.input<(typeof API)[Name]['input']>
export type ApiOutput<Name extends ApiRoute> = z.output<(typeof API)[Name]['output']>
export type Point = z.output<typeof point>
export type Project = z.output<typeof project>
export type Batch = z.output<typeof batch>
export type Epoch = z.output<typeof epoch>
export type Vote = z.output<typeof vote>
export type Slot = z.output<typeof slot>
export type SlotEpoch = z.output<typeof slotEpoch>
export type Reason = z.output<typeof reason>
export type Observation = z.output<typeof observation>

/**
 * `GET /v1/stream` sends these as server-sent events, `id` a cursor that `Last-Event-ID` goes on from, `data` one of them. Filters: `project`
 * (several), `type`, `status`, `kind` of event (several; `cut` comes all the same); `text=true` asks for the exact text of snapshots. An id without data comes first: where the stream begins, so that
 * whoever loses the connection before the first event misses none. `point` whenever a data point gets another status: it stands for the event of the same (project, epoch) before.
 * `undone` when a reorganisation has taken away what was told of it: what holds then follows. `epoch` when an epoch moves on. `cut` is the last one of a
 * reader that was too slow, and says so.
 */
export const STREAM_PATH = '/v1/stream'
/** A field of a query that may come several times. */
const several = <Item extends z.ZodType>(item: Item) =>
  z.union([item.transform((one) => [one]), z.array(item).min(1).max(STREAM_FILTERS_MAX)])
/** Projects that one stream is filtered by: more of them are a stream without a filter. */
const STREAM_FILTERS_MAX = 100
export const STREAM = {
  ...get(
    STREAM_PATH,
    {
      project: several(projectId).optional(),
      type: text.optional(),
      status: several(z.enum(STATUSES)).optional(),
      kind: several(z.enum(['point', 'undone', 'epoch'])).optional(),
      text: flag.optional(),
    },
    'Server-sent events: whatever becomes of data points and epochs, from now on or from `Last-Event-ID` on. `project`, `type` and `status` choose among data points.',
  ),
  output: z.string(),
  type: 'text/event-stream',
}
export const STREAM_EVENTS = {
  point: point.omit({ data: true }).extend({ text: z.string().optional() }),
  epoch,
  undone: z.object({ projectId: z.string(), epochId: count }),
  cut: z.object({ reason: z.string() }),
} as const
export type StreamEvent = {
  readonly [Kind in keyof typeof STREAM_EVENTS]: {
    readonly kind: Kind
    readonly id: string
    readonly data: z.output<(typeof STREAM_EVENTS)[Kind]>
  }
}[keyof typeof STREAM_EVENTS]
