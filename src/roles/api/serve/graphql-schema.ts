import { buildSchema, type GraphQLSchema } from 'graphql'
import pLimit from 'p-limit'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { PointRow } from '#io/database/port.ts'
import type { Asking } from '#io/http/port.ts'
import { API, type ApiInput, type ApiRoute, type Epoch, type Project } from '#wire/api.ts'
import { parseRequest, type RouteForm } from '#wire/routes.ts'
import { parseJson } from '#wire/untrusted.ts'
import { absentPoint } from './absence.ts'
import {
  type RangeRead,
  readEpoch,
  readLatest,
  readPoint,
  readRange,
  shownPoint,
  strictJson,
  TEXT_LENGTH_MAX,
  textLength,
} from './points.ts'
import type { Answers } from './served.ts'
import type { WindowedDeps } from './windows.ts'

/** The same data as below `/v1`, to be asked for in one question: arguments are those of the routes, and so are their limits. */
export const GRAPHQL_SCHEMA: GraphQLSchema = buildSchema(`
  "An integer that fits a double."
  scalar Count
  "Any JSON."
  scalar Json

  type Query {
    status: Json!
    market: Json!
    "Projects by id. search: part of an id; type, source: exactly, in any case."
    projects(search: String, type: String, source: String, limit: Int, cursor: String): ProjectList!
    project(projectId: String!): Project
    "One data point, or why there is none."
    point(projectId: String!, epochId: Count!): Point!
    "Newest first."
    epochs(limit: Int, cursor: String): EpochList!
    epoch(epochId: Count!): Epoch
    "Of a CID anchored for several epochs, that of epoch or the newest."
    batch(batchCid: String!, epoch: Count): Batch
    slots(limit: Int, cursor: String): SlotList!
    slot(slotId: Count!): Slot
    validators: [Validator!]!
  }
  type ProjectList { items: [Project!]! nextCursor: String }
  type Project {
    projectId: String! projectType: String! dataSource: String namespace: String! kind: String!
    firstEpochId: Count! lastEpochId: Count! lastFinalizedEpochId: Count
    "The newest final one; status any: the newest on chain."
    latest(status: String): Point
    "Ascending: from, to, or the last so many."
    points(from: Count, to: Count, last: Int, limit: Int, cursor: String): PointList!
    "One field over epochs."
    series(path: String!, from: Count, to: Count, last: Int, limit: Int, cursor: String): ObservationList!
  }
  type PointList { items: [Point!]! nextCursor: String }
  type Point {
    projectId: String! epochId: Count! status: String! reason: Json begin: Count end: Count releasedAt: Count
    snapshotCid: String batchCid: String finalizedBlock: Count finalizedAt: Count votes: VoteCount
    "The snapshot. Integers beyond 2^53 lose digits: text has them all."
    data: Json
    text: String
  }
  type VoteCount { winning: Count! total: Count! }
  type ObservationList { items: [Observation!]! nextCursor: String }
  type Observation { epochId: Count! at: Count! block: Count! status: String! value: Json }
  type EpochList { items: [Epoch!]! nextCursor: String }
  type Epoch {
    epochId: Count! begin: Count! end: Count! day: Count releasedBlock: Count! releasedAt: Count! endedBlock: Count endedAt: Count finalizedAt: Count
    status: String! reason: Json batches: Count! projects: Count! finalizedProjects: Count! submissions: Count! slots: Count! outvotedSlots: Count!
    batchList: [Batch!]!
    points(limit: Int, cursor: String): PointList!
    outvoted(limit: Int, cursor: String): VoteList!
  }
  type Batch {
    batchCid: String! epochId: Count! index: Count! status: String! anchoring: String! submittedBlock: Count! submittedAt: Count!
    finalizedBlock: Count finalizedAt: Count file: String! projects: Count submissions: Count bytes: Count submissionsRoot: String cidsRoot: String
    attestations: [Attestation!]!
  }
  type Attestation { validator: String! block: Count! at: Count! isLate: Boolean! }
  type VoteList { items: [Vote!]! nextCursor: String }
  type Vote { submissionId: String! slotId: Count! projectId: String! snapshotCid: String! isWinning: Boolean! }
  type SlotList { items: [Slot!]! nextCursor: String }
  type Slot { slotId: Count! signer: String! isActive: Boolean! lastEpochId: Count recent: Json! streak: Count! day: Json }
  type Validator { validator: String! attested: Count! late: Count! batches: Count! lastAt: Count }
`)

/** Reads of the index that one question has under way. */
const READS_MAX = 4

type Args = Readonly<Record<string, unknown>>

/** `withText`: whether the question names snapshots at all. */
export interface Question {
  readonly deps: WindowedDeps
  readonly answers: Answers
  readonly asking: Asking
  readonly withText: boolean
}

/** What the fields of `Query` are answered with. */
export function graphqlRoot(question: Question) {
  const ask = createAsk(question)
  const points = createPoints(question, ask.inTurn)
  const project = (row: Project) => ({
    ...row,
    latest: (args: Args) => points.latest(ask.input('latest', { ...args, projectId: row.projectId })),
    points: (args: Args) => points.range(ask.input('points', { ...args, projectId: row.projectId })),
    series: (args: Args) => ask.of('series', { ...args, projectId: row.projectId }),
  })
  const epoch = (row: Epoch) => ({
    ...row,
    batchList: async () => (await ask.of<{ readonly batchList: readonly unknown[] }>('epoch', { epochId: row.epochId })).batchList,
    points: (args: Args) => points.ofEpoch(ask.input('epochPoints', { ...args, epochId: row.epochId })),
    outvoted: (args: Args) => ask.of('epochOutvoted', { ...args, epochId: row.epochId }),
  })
  const listOf = async <Item>(name: ApiRoute, args: Args, shown: (item: Item) => unknown) => {
    const { items, nextCursor } = await ask.of<{ readonly items: readonly Item[]; readonly nextCursor?: string }>(name, args)
    return { items: items.map(shown), nextCursor }
  }
  return {
    status: () => ask.of('status', {}),
    market: () => ask.of('market', {}),
    projects: (args: Args) => listOf('projects', args, project),
    project: (args: Args) => unlessUnknown(async () => project(await ask.of('project', args))),
    point: (args: Args) => points.point(ask.input('point', args)),
    epochs: (args: Args) => listOf('epochs', args, epoch),
    epoch: (args: Args) => unlessUnknown(async () => epoch(await ask.of('epoch', args))),
    batch: ({ batchCid, epoch: of }: Args) => unlessUnknown(() => ask.of('batch', { batchCid, epoch: of })),
    slots: (args: Args) => ask.of('slots', args),
    slot: (args: Args) => unlessUnknown(() => ask.of('slot', args)),
    validators: async () => (await ask.of<{ readonly items: readonly unknown[] }>('validators', {})).items,
  }
}

/** The answers of the routes; arguments are checked as theirs are. */
function createAsk({ answers, asking }: Question) {
  const limit = pLimit(READS_MAX)
  const inTurn = <Value>(work: () => Promise<Value>): Promise<Value> =>
    limit(async () => {
      await asking.breathe()
      return work()
    })
  function input<Name extends ApiRoute>(name: Name, args: Args): ApiInput<Name> {
    const given = Object.entries(args).filter(([, value]) => value !== null && value !== undefined)
    return parseRequest(
      API[name] as unknown as RouteForm<ApiInput<Name>>,
      Object.fromEntries(given.map(([key, value]) => [key, String(value)])),
    )
  }
  return {
    inTurn,
    input,
    of: <Value = unknown>(name: ApiRoute, args: Args): Promise<Value> => {
      const answer = answers[name] as (input: unknown, asking: Asking) => unknown
      return inTurn(async () => (await answer(input(name, args), asking)) as Value)
    },
  }
}

/** Data points as objects; all of an answer hold so many characters and no more. */
function createPoints({ deps, asking, withText }: Question, inTurn: ReturnType<typeof createAsk>['inTurn']) {
  const { index } = deps
  let length = 0
  const shown = (row: PointRow) => {
    length += row.text?.length ?? 0
    if (length > TEXT_LENGTH_MAX) throw new WeftError('ANSWER_TOO_LARGE', { lengthMax: TEXT_LENGTH_MAX })
    return { ...shownPoint(row), text: row.text, data: () => (row.text === undefined ? null : parseJson(strictJson(row.text))) }
  }
  const shownList = async (read: () => Promise<RangeRead>) => {
    const { rows, nextCursor } = await inTurn(read)
    asking.spend(textLength(rows))
    return { items: rows.map(shown), nextCursor }
  }
  const shownOne = (row: PointRow) => {
    asking.spend(textLength([row]))
    return shown(row)
  }
  return {
    range: (asked: ApiInput<'points'>) => shownList(() => readRange(asked, { index, asking, withText })),
    ofEpoch: (asked: ApiInput<'epochPoints'>) => shownList(() => readEpoch(asked, { index, asking, withText })),
    async latest(asked: ApiInput<'latest'>) {
      const row = await inTurn(() => readLatest(asked, { index, withText }))
      return row && shownOne(row)
    },
    async point(asked: ApiInput<'point'>) {
      const row = await inTurn(() => readPoint(asked, { index, withText }))
      return row === undefined ? absentPoint(asked, deps) : shownOne(row)
    },
  }
}

/** What is not there is `null`; what is wrong with the question is told. */
async function unlessUnknown<Value>(read: () => Promise<Value>): Promise<Value | null> {
  try {
    return await read()
  } catch (failure) {
    if (isWeftError(failure) && ['PROJECT_UNKNOWN', 'EPOCH_UNKNOWN', 'BATCH_UNKNOWN', 'SLOT_UNKNOWN'].includes(failure.code)) return null
    throw failure
  }
}
