import { z } from 'zod'
import { get, integer, projectId, type RouteForm } from './routes.ts'

/** What a deployed node says of its own snapshotter (spec/08 §1): the same routes, the same shapes. An api has none of them. */

/** Epochs of a page, as deployed nodes bound it. */
const PAGE_LENGTH = 10
const PAGE_LENGTH_MAX = 30

const count = z.int().min(0)
const update = z.object({
  status: z.enum(['success', 'failed']),
  error: z.string().nullable(),
  extra: z.record(z.string(), z.string()).nullable(),
  /** Seconds since 1970. */
  timestamp: count,
})
const updates = z.record(z.string(), update)

export const SNAPSHOTTER_API = {
  snapshotterStatus: {
    ...get('/internal/snapshotter/status', {}, 'How the submissions of this snapshotter fared, over all epochs that it still knows.'),
    output: z.object({
      totalSuccessfulSubmissions: count,
      totalIncorrectSubmissions: count,
      totalMissedSubmissions: count,
      projects: z.array(
        z.object({ projectId: z.string(), successfulSubmissions: count, incorrectSubmissions: count, missedSubmissions: count }),
      ),
    }),
  },
  snapshotterProjectStatus: {
    ...get(
      '/internal/snapshotter/status/{projectId}',
      { projectId, data: z.string().max(5).optional() },
      'The epochs in which a project was missed, or another CID than ours was finalized; with `data=true` where the two differ.',
    ),
    output: z.object({
      missedSubmissions: z.array(z.object({ epochId: count, finalizedSnapshotCid: z.string(), reason: z.string() })),
      incorrectSubmissions: z.array(
        z.object({ epochId: count, submittedSnapshotCid: z.string(), finalizedSnapshotCid: z.string(), reason: z.string() }),
      ),
    }),
  },
  epochProcessingStatus: {
    ...get(
      '/internal/snapshotter/epochProcessingStatus',
      { page: integer(1).default(1), size: integer(1, PAGE_LENGTH_MAX).default(PAGE_LENGTH) },
      'How far each project of the newest epochs has come, newest first.',
    ),
    output: z.object({
      items: z.array(
        z.object({
          epochId: count,
          epochEnd: count,
          transitionStatus: z.object({
            EPOCH_RELEASED: update,
            /** By project type; the others by project id. */
            PRELOAD: updates,
            SNAPSHOT_BUILD: updates,
            SNAPSHOT_SUBMIT_COLLECTOR: updates,
            SNAPSHOT_FINALIZE: updates,
          }),
        }),
      ),
      total: count,
      page: count,
      size: count,
      pages: count,
    }),
  },
} as const satisfies Record<string, RouteForm<unknown>>

export type SnapshotterRoute = keyof typeof SNAPSHOTTER_API
export type SnapshotterInput<Name extends SnapshotterRoute> = z.output<(typeof SNAPSHOTTER_API)[Name]['input']>
export type SnapshotterOutput<Name extends SnapshotterRoute> = z.input<(typeof SNAPSHOTTER_API)[Name]['output']>
export type StateUpdate = z.input<typeof update>
