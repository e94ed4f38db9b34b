import type { JsonValue, Schema } from '#domain/compute.ts'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { isProjectId, safeUint } from '#domain/ids.ts'
import type { Point } from '#wire/api.ts'
import { parseCanonicalJson } from '#wire/canonical-json.ts'
import { isRecord } from '#wire/untrusted.ts'

/** Data points, as a client has them: what an endpoint said of one, and the snapshot, as far as it was verified. */

/** How far what is read is checked here, and not by the endpoint that is asked. */
export type Verify = 'none' | 'cid' | 'proof'

/**
 * One project in one epoch. `cid` has shown that `value` is what has this `snapshotCid`; `proof` also that the market holds it as final, in the batch
 * `batchCid`, as of a block that the RPC endpoints agree upon. All else is the word of the endpoint.
 */
export interface DataPoint<Value = JsonValue> extends Omit<Point, 'data'> {
  /**
   * The snapshot: in it integers are `bigint` and other numbers `number`, so that no digit is lost (`plain` makes all of them numbers). It is there,
   * and `text` with it, only where it is verified as the client was asked to: with `proof` what is not final yet has none.
   */
  readonly value?: Value
  readonly verified: Verify
}

/** What an endpoint says of a point, of the right form. */
export type Told = Omit<Point, 'data'>

const STATUSES: readonly string[] = ['pending', 'finalized', 'disputed', 'absent'] satisfies Point['status'][]
const TEXTS = ['snapshotCid', 'batchCid', 'text'] as const

/** Where a point comes from, and what its value should look like. */
export interface Origin<Value = JsonValue> {
  readonly endpoint: string
  readonly schema?: Schema<Value> | undefined
  readonly signal?: AbortSignal | undefined
}

const NUMBERS = ['begin', 'end', 'releasedAt', 'finalizedBlock', 'finalizedAt'] as const

const isMaybe = (type: 'string' | 'number', value: unknown): boolean => value === undefined || typeof value === type
const isVotes = (votes: unknown): boolean =>
  votes === undefined || (isRecord(votes) && typeof votes['winning'] === 'number' && typeof votes['total'] === 'number')

function isReason(reason: unknown): boolean {
  if (reason === undefined) return true
  if (!isRecord(reason) || typeof reason['code'] !== 'string' || typeof reason['message'] !== 'string') return false
  const { nearest = [] } = reason
  return Array.isArray(nearest) && nearest.every((name) => typeof name === 'string')
}

/** What was asked for. */
export interface Asked {
  readonly projectId?: string | undefined
  readonly epochId?: number | undefined
}

/** Throws `API_FAILED` where it is no data point, `VERIFICATION_FAILED` where it is another one. */
export function toldPoint(body: unknown, asked: Asked, endpoint: string): Told {
  if (
    !isRecord(body) ||
    typeof body['projectId'] !== 'string' ||
    !isProjectId(body['projectId']) ||
    typeof body['epochId'] !== 'number' ||
    safeUint(body['epochId']) === undefined ||
    !STATUSES.includes(body['status'] as string) ||
    !TEXTS.every((name) => isMaybe('string', body[name])) ||
    !NUMBERS.every((name) => isMaybe('number', body[name])) ||
    !isVotes(body['votes']) ||
    !isReason(body['reason'])
  )
    throw new WeftError('API_FAILED', { endpoint, detail: 'the answer holds no data point where one belongs' })
  const { data: _, ...told } = body as Point
  expectSame('asked', asked.projectId ?? told.projectId, { got: told.projectId, endpoint })
  expectSame('asked', asked.epochId ?? told.epochId, { got: told.epochId, endpoint })
  return told
}

/** Throws `VERIFICATION_FAILED`. */
export function expectSame<Value>(
  step: string,
  expected: Value,
  { got, endpoint }: { readonly got: Value; readonly endpoint: string },
): void {
  if (got !== expected) throw new WeftError('VERIFICATION_FAILED', { step, expected: String(expected), got: String(got), endpoint })
}

/** The text as a value, of the schema's form where there is one. Throws `API_FAILED` where it is no JSON, `VALUE_UNEXPECTED`. */
export function readValue<Value>(told: Told, text: string, { schema, endpoint }: Origin<Value>): Value {
  const { projectId, epochId } = told
  const value = jsonOf(text, endpoint)
  if (schema === undefined) return value as Value
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) throw new WeftError('VALUE_UNEXPECTED', { projectId, epochId, problems: ['the schema answers later'] })
  if (result.issues === undefined) return result.value
  const problems = result.issues.map(({ path = [], message }) => {
    const keys = path.map((part) => String(typeof part === 'object' ? part.key : part))
    return `${keys.join('.') || 'the snapshot'}: ${message}`
  })
  throw new WeftError('VALUE_UNEXPECTED', { projectId, epochId, problems })
}

/** An api has no text for what is no JSON: that there is one is its own fault, and another may do better. */
function jsonOf(text: string, endpoint: string): JsonValue {
  try {
    return parseCanonicalJson(new TextEncoder().encode(text))
  } catch (failure) {
    if (!isWeftError(failure, 'JSON_MALFORMED')) throw failure
    throw new WeftError('API_FAILED', { endpoint, detail: `a snapshot is no JSON: ${failure.facts.detail}` }, failure)
  }
}

export type PlainJson = null | boolean | string | number | readonly PlainJson[] | { readonly [key: string]: PlainJson }

/** The same with numbers alone, as `JSON.parse` has them: handy to reckon with, and integers beyond 2^53 lose digits. */
export function plain(value: JsonValue): PlainJson {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field as JsonValue)]))
}
