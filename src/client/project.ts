import type { Schema } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { ApiOutput, Observation, Point, Reason } from '#wire/api.ts'
import { fieldOf, parsePath } from '#wire/field.ts'
import { isRecord } from '#wire/untrusted.ts'
import { type Asking, answerOf, type ItemOf, itemsOf, listOf } from './answers.ts'
import { bodyOf, type Endpoints } from './endpoints.ts'
import { addressOf, PATHS } from './paths.ts'
import { type Asked, type DataPoint, type Told, toldPoint } from './points.ts'
import { type Verifying, verified } from './verify.ts'

/** Epochs from `from` to `to`, both included; or the `last` so many that the project has. */
export interface Range extends Asking {
  readonly from?: number
  readonly to?: number
  readonly last?: number
}

/** What one project's data are asked of. */
export interface Project<Value> {
  readonly projectId: string
  /** What is known of it: its type, its source, its first and its last epoch, and the schema of its snapshots where the computes say one. */
  info(asking?: Asking): Promise<ApiOutput<'project'>>
  /** Its newest data point that is final, or with `any` that is on chain; or why there is none. An endpoint may be behind, and no proof shows that. */
  latest(asking?: Asking & { readonly status?: 'finalized' | 'any' }): Promise<DataPoint<Value>>
  /** Its data point of an epoch; where `status` is `absent`, `reason` says why. */
  at(epochId: number, asking?: Asking): Promise<DataPoint<Value>>
  /** Its data points, ascending. Epochs without one are left out: that an endpoint leaves out others too is not noticed. */
  range(range?: Range): AsyncGenerator<DataPoint<Value>, void>
  /** One field over epochs, as `pairs.0.liquidity`, as the endpoint says it: with `verify` other than `none` it is read from verified snapshots. */
  series(path: string, range?: Range): AsyncGenerator<Observation, void>
  votes(epochId: number, asking?: Asking): AsyncGenerator<ItemOf<'votes'>, void>
  /** What an aggregate was made from, one step down. */
  sources(epochId: number, asking?: Asking): Promise<ApiOutput<'sources'>>
}

export interface ProjectDeps {
  readonly endpoints: Endpoints
  readonly verifying: Verifying
  /** Entries of a page. */
  readonly pageLength: number
}

/** Proofs of a page that are fetched and checked side by side. */
const PROOFS_AT_ONCE = 8
/** The text comes, and the value is made of it here. */
const WITH_TEXT = { data: false, text: true }

export function createProject<Value>(
  { projectId, schema }: { readonly projectId: string; readonly schema?: Schema<Value> | undefined },
  { endpoints, verifying, pageLength }: ProjectDeps,
): Project<Value> {
  function one(path: string, asked: Asked, signal: AbortSignal | undefined): Promise<DataPoint<Value>> {
    return endpoints.ask({
      path,
      read: ({ status, body, endpoint }) => {
        // What is absent is answered as such, under 404.
        const isPoint = status === 404 && isRecord(body) && body['status'] === 'absent'
        const told = toldPoint(isPoint ? body : bodyOf({ status, body, endpoint }), asked, endpoint)
        return verified(told, { endpoint, schema, signal }, verifying)
      },
      essence: essenceOf,
      progress: progressOf,
      lack: ({ reason }) => reason?.code,
      signal,
    })
  }

  async function* range({ signal, ...asked }: Range = {}): AsyncGenerator<DataPoint<Value>, void> {
    let previous: number | undefined
    const fields = { projectId, ...asked, ...WITH_TEXT, limit: pageLength }
    async function read(items: readonly unknown[], endpoint: string): Promise<readonly DataPoint<Value>[]> {
      const page = items.map((item) => toldPoint(item, { projectId }, endpoint))
      checkOrder(page, { ...asked, previous }, endpoint)
      const points: DataPoint<Value>[] = []
      for (let at = 0; at < page.length; at += PROOFS_AT_ONCE) {
        const some = page.slice(at, at + PROOFS_AT_ONCE)
        points.push(...(await Promise.all(some.map((told) => verified(told, { endpoint, schema, signal }, verifying)))))
      }
      return points
    }
    for await (const point of itemsOf(endpoints, { path: PATHS.points, fields, read, essence: essenceOf, progress: progressOf, signal })) {
      previous = point.epochId
      yield point
    }
  }

  async function* series(path: string, { signal, ...asked }: Range = {}): AsyncGenerator<Observation, void> {
    if (verifying.verify === 'none')
      return yield* listOf(endpoints, 'series', { fields: { projectId, path, ...asked, limit: pageLength }, signal })
    const segments = parsePath(path)
    if (segments === undefined)
      throw new WeftError('REQUEST_INVALID', { problems: ['path: is no path: names or numbers, with dots between them'] })
    for await (const { epochId, releasedAt = 0, end = 0, status, text } of range({ ...asked, ...(signal && { signal }) }))
      yield { epochId, at: releasedAt, block: end, status, value: text === undefined ? null : fieldOf(text, segments) }
  }

  return {
    projectId,
    info: ({ signal } = {}) => answerOf(endpoints, 'project', { fields: { projectId }, signal }),
    latest: ({ status, signal } = {}) => one(addressOf(PATHS.latest, { projectId, status, ...WITH_TEXT }), { projectId }, signal),
    at: (epochId, { signal } = {}) => one(addressOf(PATHS.point, { projectId, epochId, ...WITH_TEXT }), { projectId, epochId }, signal),
    range,
    series,
    votes: (epochId, { signal } = {}) => listOf(endpoints, 'votes', { fields: { projectId, epochId, limit: pageLength }, signal }),
    sources: (epochId, { signal } = {}) => answerOf(endpoints, 'sources', { fields: { projectId, epochId }, signal }),
  }
}

/** What endpoints that agree say alike: one may know sooner than another who attested. */
const essenceOf = ({
  projectId,
  epochId,
  status,
  snapshotCid,
  text,
}: Pick<Point, 'projectId' | 'epochId' | 'status' | 'snapshotCid' | 'text'>) => ({
  projectId,
  epochId,
  status,
  snapshotCid: snapshotCid ?? null,
  text: text ?? null,
})

/** Of what is absent, what says that it is so for good; all else may be had of an endpoint that is further, or keeps more. */
const NEVER: readonly (Reason['code'] | undefined)[] = ['epoch_skipped', 'window_over', 'not_batched']
const STEPS = { absent: 0, pending: 1, disputed: 2, finalized: 3 } as const satisfies Record<Point['status'], number>

/** How far an endpoint is that says this of a point: the epoch, what became of the point in it, and whether its bytes are there. */
function progressOf({ epochId, status, text, reason }: Pick<Point, 'epochId' | 'status' | 'text' | 'reason'>): number {
  const isOver = status === 'absent' && NEVER.includes(reason?.code)
  return epochId * 8 + (isOver ? 7 : STEPS[status] * 2 + (text === undefined ? 0 : 1))
}

/** Throws `VERIFICATION_FAILED` for what was not asked for, or comes twice. */
function checkOrder(
  page: readonly Told[],
  { from = 0, to = Number.POSITIVE_INFINITY, previous = -1 }: Range & { previous: number | undefined },
  endpoint: string,
) {
  let atLeast = Math.max(from, previous + 1)
  for (const { epochId } of page) {
    if (epochId < atLeast || epochId > to)
      throw new WeftError('VERIFICATION_FAILED', {
        step: 'asked',
        expected: `an epoch from ${atLeast} to ${to}`,
        got: String(epochId),
        endpoint,
      })
    atLeast = epochId + 1
  }
}
