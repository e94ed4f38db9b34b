/**
 * What is said between a process and its isolate, each message as the text of `encode`, or several together as that of a list: a turn and a message for
 * each of a hundred thousand questions would take longer than the questions.
 */

/** So many: what goes on with one answer has its time of what goes on with all that come with it. */
export const TOGETHER_MAX = 100

/** Of texts of `encode`, what `encode` makes of the list. */
export const together = (texts: readonly string[]): string => `["list",${texts.join()}]`

/** A failure on either side. What has a code is one again on the other. */
export interface Failure {
  readonly message: string
  readonly code?: string | undefined
  readonly facts?: unknown
}
export type Outcome = { readonly ok: true; readonly value: unknown } | ({ readonly ok: false } & Failure)

/** What a run is given beside data: functions are asked at once, methods of `remotes` are promised. */
export interface Given {
  readonly values: Readonly<Record<string, unknown>>
  readonly functions: readonly string[]
  readonly remotes: Readonly<Record<string, readonly string[]>>
}

/** What a set is made of; a snapshot may be asked for all at once, too, and for the data sources that join. */
export type Part = 'preloads' | 'snapshots' | 'bulks' | 'joinings' | 'aggregates'

export type Task =
  | { readonly do: 'describe' }
  | { readonly do: 'validate'; readonly config: unknown }
  | { readonly do: 'create'; readonly config: unknown }
  | {
      readonly do: 'run'
      readonly config: unknown
      readonly part: Part
      readonly index: number
      readonly given: Given
    }

/** Into the isolate. */
export type Inward =
  | { readonly run: number; readonly task: Task }
  | { readonly run: number; readonly call: number; readonly outcome: Outcome }

/** Out of it. */
export type Outward =
  | { readonly run: number; readonly outcome: Outcome }
  | { readonly run: number; readonly call: number; readonly on: string; readonly method: string; readonly args: readonly unknown[] }

/** What a compute set of a folder may take. */
export interface IsolateLimits {
  /** Of the set's thread: one run that needs more ends, and all others of the moment are done again. */
  readonly heapMbMax: number
  /** How long one run may compute without waiting for anything. */
  readonly turnMsMax: number
  /** What one run may ask of the source chain and of history. */
  readonly callsMax: number
}
