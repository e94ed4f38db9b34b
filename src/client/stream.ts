import type { JsonValue, Schema } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { Point, StreamEvent } from '#wire/api.ts'
import { isRecord } from '#wire/untrusted.ts'
import type { ClientParts } from './options.ts'
import { addressOf, STREAM_PATH } from './paths.ts'
import { type DataPoint, toldPoint } from './points.ts'
import { follow } from './follow.ts'
import { verified } from './verify.ts'

/** What is told of as it happens. */

/** What is wanted of the stream: all, unless said. */
export interface Watching {
  readonly projects?: readonly string[]
  readonly types?: readonly string[]
  readonly status?: Point['status']
  /** A `cut` comes all the same. */
  readonly kinds?: readonly Exclude<ClientStreamEvent<unknown>['kind'], 'cut'>[]
  /** Whether data points come with their values, verified as all are: yes, unless said. */
  readonly values?: boolean
  readonly signal?: AbortSignal
}

/**
 * `undone`: what was told of the data point does not hold any more, and what does follows. `cut`: events before this one are lost, because the
 * connection was away for longer than the endpoint remembers, or it is another endpoint's turn, which has its own order; `reason` says it. Read what is there.
 */
export type ClientStreamEvent<Value> =
  | { readonly kind: 'point'; readonly id: string; readonly data: DataPoint<Value> }
  | Extract<StreamEvent, { kind: 'epoch' | 'undone' | 'cut' }>

const KINDS: readonly string[] = ['point', 'epoch', 'undone', 'cut'] satisfies ClientStreamEvent<unknown>['kind'][]

export function streamOf<Value = JsonValue>(
  {
    projects,
    types,
    status,
    kinds,
    values = true,
    schema,
    signal = new AbortController().signal,
  }: Watching & { readonly schema?: Schema<Value> },
  { verifying, ...deps }: ClientParts,
): AsyncGenerator<ClientStreamEvent<Value>, never> {
  return follow<ClientStreamEvent<Value>>(
    {
      path: addressOf(STREAM_PATH, { project: projects, type: types, status, kind: kinds, text: values }),
      signal,
      async read({ id, kind, body }, endpoint) {
        // What comes new with a later version is for later clients.
        if (!KINDS.includes(kind)) return undefined
        if (!isRecord(body)) throw new WeftError('API_FAILED', { endpoint, detail: `the stream holds no JSON object in an event ${kind}` })
        if (kind !== 'point') return { kind, id, data: body } as unknown as ClientStreamEvent<Value>
        const told = toldPoint(body, {}, endpoint)
        if (projects !== undefined && !projects.includes(told.projectId))
          throw new WeftError('VERIFICATION_FAILED', { step: 'asked', expected: projects.join(), got: told.projectId, endpoint })
        return { kind, id, data: await verified(told, { endpoint, schema, signal }, verifying) }
      },
    },
    deps,
  )
}
