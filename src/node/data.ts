import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { AskedPoint } from './data-point.ts'

/** A project in an epoch, as it is printed. */
export interface PointRow {
  readonly projectId: ProjectId
  readonly epochId: EpochId
  readonly status: string
  readonly snapshotCid?: string
  /** The snapshot. */
  readonly text?: string
  /** Why there is none. */
  readonly why?: string
}

export interface EpochRow {
  readonly epochId: EpochId
  /** Last source block. */
  readonly end: number
  /** Seconds of the anchor chain; 0 for one that was left out. */
  readonly releasedAt: number
  readonly status: string
  readonly batches: number
}

/** What a market holds, from wherever it is read. Every method throws as that does. */
export interface Data {
  /** The project and the epoch that a person means. Throws `PROJECT_AMBIGUOUS`, `PROJECT_UNKNOWN`. */
  meant(asked: AskedPoint): Promise<{ readonly projectId: ProjectId; readonly epochId: EpochId }>
  points(projectId: ProjectId, epochIds: readonly EpochId[]): AsyncIterable<PointRow>
  /** Those whose id holds the text, in any case; all, when it is empty. */
  projects(search: string): Promise<readonly ProjectId[]>
  /** The newest, newest first. */
  epochs(count: number): Promise<readonly EpochRow[]>
}
