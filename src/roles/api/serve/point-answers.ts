import { WeftError } from '#domain/errors.ts'
import { createGate } from '#domain/gate.ts'
import type { PointRow } from '#io/database/port.ts'
import { Answer, type Keeping } from '#io/http/port.ts'
import type { Point } from '#wire/api.ts'
import { keccak256 } from '#wire/keccak.ts'
import { absentPoint, reasonOfNone } from './absence.ts'
import { lately } from './lately.ts'
import { contentOf, holdsText, pointJson, readLatest, readPoint, readRange, shownPoint, type Content } from './points.ts'
import { csvAnswer, seriesOf } from './series.ts'
import type { Answers, ServeDeps } from './served.ts'
import type { WindowedDeps } from './windows.ts'

/**
 * Anchor blocks on top of the one that made a data point final before caches may keep it for ever: as deep as roles follow a rewrite. A cache that
 * has kept what a reorganisation took back tells it for a year.
 */
export const SETTLED_BLOCKS = 128
/** How old the block may be that this is measured from. */
const NEWEST_FOR_MS = 1_000

/** Proofs made at once, and of one address or key: the chain is asked for no more than a few, and those must not be one caller's alone. */
const PROOFS_AT_ONCE = { lengthMax: 64, perHolderMax: 4 }

/** How long others may keep a data point. */
export type KeepingOf = (row: PointRow) => Promise<Keeping>

export function createKeeping({ index, clock }: Pick<ServeDeps, 'index' | 'clock'>): KeepingOf {
  // The newest release: as good as the newest block, and a matter of one row.
  const newestBlock = lately(async () => (await index.epochs({ limit: 1 }))[0]?.releasedBlock ?? 0, NEWEST_FOR_MS, clock)
  return async ({ content, status, finalizedBlock }) => {
    const isFinal = content === 'here' && status === 'finalized' && finalizedBlock !== undefined
    return isFinal && finalizedBlock + SETTLED_BLOCKS <= (await newestBlock()) ? 'immutable' : 'brief'
  }
}

/** The answers about data points. One that is not there is 404, with the same form as one that is, and the reason. */
export function pointAnswers(deps: WindowedDeps, keepingOf: KeepingOf) {
  const { index } = deps
  const proofs = createGate({ queue: 'proofs', ...PROOFS_AT_ONCE })
  return {
    async points({ data, text, ...asked }, asking) {
      const content = contentOf({ data, text }, true)
      const { rows, nextCursor } = await readRange(asked, { index, asking, withText: holdsText(content) })
      return listAnswer(rows, content, nextCursor)
    },
    async latest({ projectId, status, data, text }) {
      const content = contentOf({ data, text }, true)
      const row = await readLatest({ projectId, status }, { index, withText: holdsText(content) })
      if (row !== undefined) return pointAnswer(row, content, 'brief')
      const { newestEpochId = 0 } = await index.bounds()
      const reason = await reasonOfNone(projectId, deps)
      return absent({ projectId, epochId: newestEpochId, status: 'absent', reason })
    },
    async point({ projectId, epochId, data, text }) {
      const content = contentOf({ data, text }, true)
      const row = await readPoint({ projectId, epochId }, { index, withText: holdsText(content) })
      if (row === undefined) return absent(await absentPoint({ projectId, epochId }, deps))
      return pointAnswer(row, content, await keepingOf(row))
    },
    async series({ format, ...asked }, asking) {
      const series = await seriesOf(asked, deps, asking)
      return format === 'csv' ? csvAnswer(series) : series
    },
    async proof({ projectId, epochId }, { caller }) {
      const row = await readPoint({ projectId, epochId }, { index, withText: false })
      if (row === undefined) return absent(await absentPoint({ projectId, epochId }, deps))
      if (row.status !== 'finalized') throw new WeftError('NOT_FINAL', { projectId, epochId, status: row.status })
      const proof = await proofs.through(caller, () => deps.proofOf({ projectId, epochId }))
      return new Answer({ body: { json: proof }, headers: headersOf(row) })
    },
  } satisfies Partial<Answers>
}

/** Several, in one text: snapshots are not read to be written again. */
export const listAnswer = (rows: readonly PointRow[], content: Content, nextCursor: string | undefined): Answer => {
  const items = rows.map((row) => pointJson(row, content)).join(',')
  const next = nextCursor === undefined ? '' : `,"nextCursor":${JSON.stringify(nextCursor)}`
  return new Answer({ body: { text: `{"items":[${items}]${next}}` } })
}

function pointAnswer(row: PointRow, content: Content, keeping: Keeping): Answer {
  return new Answer({ body: { text: pointJson(row, content) }, keeping, etag: tagOf(row), headers: headersOf(row) })
}

/** The CID says which snapshot it is, the hash behind it all else that is told: another epoch may have the same, and what became of it changes. */
export function tagOf(row: PointRow): string | undefined {
  if (row.content !== 'here') return undefined
  const told = keccak256(new TextEncoder().encode(JSON.stringify(shownPoint(row))))
  return `W/"${encodeURI(row.snapshotCid)}.${told.subarray(0, TOLD_BYTES).toHex()}"`
}
/** Told apart are answers to one question, a handful in all. */
const TOLD_BYTES = 8

/** What is on chain is any text: what a header cannot hold is written as a URL would. */
export const headersOf = ({ snapshotCid, status }: Pick<PointRow, 'snapshotCid' | 'status'>) => ({
  'x-snapshot-status': status,
  'x-snapshot-cid': encodeURI(snapshotCid),
})

const absent = (point: Point): Answer => new Answer({ status: 404, body: { json: point }, headers: { 'x-snapshot-status': 'absent' } })
