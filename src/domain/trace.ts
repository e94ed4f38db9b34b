import type { EpochId, ProjectId } from './ids.ts'

/** What a role has on record of a project in an epoch, in the order in which it happened there: for people who ask where a datum is, and why. */
export interface TraceStep {
  /** `released`, `computed`, `receipt` …: what happened. */
  readonly step: string
  /** When, in ms since 1970, where that is on record. */
  readonly atMs?: number
  /** Why it ended so; a row of `#domain/project.ts`, `#domain/epoch.ts`, `#domain/reasons.ts` or `#domain/rejection.ts`. */
  readonly reason?: string
  /** The rest, to be read. */
  readonly detail: string
}

export interface TracePoint {
  readonly projectId: ProjectId
  readonly epochId: EpochId
}
