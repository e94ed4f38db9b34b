import type { JsonValue, Schema } from '#domain/compute.ts'
import type { ApiOutput, ApiRoute } from '#wire/api.ts'
import { type Asking, answerOf, type ItemOf, type ListRoute, listOf, type Query } from './answers.ts'
import { type ClientOptions, partsOf } from './options.ts'
import type { Fields } from './paths.ts'
import { createProject, type Project } from './project.ts'
import { type ClientStreamEvent, streamOf, type Watching } from './stream.ts'

/** What Weft's data are read with, in a browser or in Node.js: `import { createClient } from 'weft/client'`. */

export type { JsonValue, Schema } from '#domain/compute.ts'
export { isWeftError, WeftError } from '#domain/errors.ts'
export type {
  ApiInput,
  ApiOutput,
  ApiRoute,
  Batch,
  Epoch,
  Observation,
  Point,
  Project as ProjectFacts,
  Reason,
  Slot,
  SlotEpoch,
  Vote,
} from '#wire/api.ts'
export type { ClientOptions } from './options.ts'
export { type DataPoint, type PlainJson, plain, type Verify } from './points.ts'
export type { Project, Range } from './project.ts'
export type { ClientStreamEvent, Watching } from './stream.ts'

/** A project whose data are read and followed. */
export interface FollowedProject<Value> extends Project<Value> {
  /** Each of its data points whenever it gets another status, and what a reorganisation undoes. It begins with what comes next, and ends with the signal. */
  stream(
    watching?: Omit<Watching, 'projects' | 'types' | 'kinds'>,
  ): AsyncGenerator<Exclude<ClientStreamEvent<Value>, { kind: 'epoch' }>, never>
}

export interface Client {
  /**
   * One project. Its values are of the type that the caller names (`project<Reserves>(id)`), unseen; or of the schema's, which then checks each, whoever wrote
   * it: zod's and its likes do (https://standardschema.dev).
   */
  project<Value = JsonValue>(projectId: string, form?: { readonly schema?: Schema<Value> }): FollowedProject<Value>
  /** Projects by id: `search`, a part of it; `type`, `source`. */
  projects(query?: Partial<Query<'projects'>> & Asking): AsyncGenerator<ItemOf<'projects'>, void>
  /** Newest first. */
  epochs(asking?: Asking): AsyncGenerator<ItemOf<'epochs'>, void>
  epoch(epochId: number, asking?: Asking): Promise<ApiOutput<'epoch'>>
  status(asking?: Asking): Promise<ApiOutput<'status'>>
  market(asking?: Asking): Promise<ApiOutput<'market'>>
  slot(slotId: number, asking?: Asking): Promise<ApiOutput<'slot'>>
  validators(asking?: Asking): Promise<ApiOutput<'validators'>>
  /** Whatever moves in the market, as of now, until the signal ends it; connections that end are made again, and nothing is missed in between. */
  stream(watching?: Watching): AsyncGenerator<ClientStreamEvent<JsonValue>, never>
  /** The answer of any route of the api. */
  get<Name extends ApiRoute>(name: Name, query: Query<Name>, asking?: Asking): Promise<ApiOutput<Name>>
  /** The items of any list of the api, page by page as they are taken. */
  list<Name extends ListRoute>(name: Name, query: Query<Name>, asking?: Asking): AsyncGenerator<ItemOf<Name>, void>
}

/** Throws `CLIENT_OPTIONS_INVALID`. Asks nobody anything yet. */
export function createClient(options: ClientOptions): Client {
  const parts = partsOf(options)
  const { endpoints, pageLength } = parts
  const get: Client['get'] = (name, fields, { signal } = {}) => answerOf(endpoints, name, { fields: fields as Fields, signal })
  const list: Client['list'] = (name, fields, { signal } = {}) =>
    listOf(endpoints, name, { fields: { limit: pageLength, ...fields }, signal })
  return {
    get,
    list,
    project: <Value>(projectId: string, form: { readonly schema?: Schema<Value> } = {}) => ({
      ...createProject<Value>({ projectId, ...form }, parts),
      stream: (watching = {}) =>
        streamOf<Value>({ ...watching, projects: [projectId], kinds: ['point', 'undone'], ...form }, parts) as ReturnType<
          FollowedProject<Value>['stream']
        >,
    }),
    projects: ({ signal, ...query } = {}) => list('projects', query, { signal }),
    epochs: (asking) => list('epochs', {}, asking),
    epoch: (epochId, asking) => get('epoch', { epochId }, asking),
    status: (asking) => get('status', {}, asking),
    market: (asking) => get('market', {}, asking),
    slot: (slotId, asking) => get('slot', { slotId }, asking),
    validators: (asking) => get('validators', {}, asking),
    stream: (watching = {}) => streamOf<JsonValue>(watching, parts),
  }
}
