import { z } from 'zod'
import { parseAddress } from '#domain/ids.ts'
import { epochId, get, integer, post, projectId, type RouteForm } from './routes.ts'
import { SNAPSHOTTER_API } from './snapshotter-api.ts'

/**
 * What deployed nodes answer about finalized data (spec/08 §1), for dashboards and tools that ask them: the same routes, the same shapes, and errors
 * as `{status:"error",message}`. What is new stands in headers.
 */

const count = z.int().min(0)
/** Of a time series (spec/08 §1). */
export const OBSERVATIONS_MAX = 200
/** A task type and a wallet make a project id. */
const TEXT_LENGTH_MAX = 128

const epochInfo = z.object({ timestamp: count, blocknumber: count, epochEnd: count })
const ofPoint = { epochId, projectId }
const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'is no address')
  .transform(parseAddress)

export const DEPLOYED_API = {
  health: { ...get('/health', {}, 'Whether this server answers.'), output: z.object({ status: z.literal('OK') }) },
  currentEpoch: { ...get('/current_epoch', {}, 'The newest epoch.'), output: z.object({ begin: count, end: count, epochId: count }) },
  epochInfo: {
    ...get('/epoch/{epochId}', { epochId }, 'When an epoch was released, in which anchor block, and its last source block.'),
    output: epochInfo,
  },
  lastFinalizedEpoch: {
    ...get(
      '/last_finalized_epoch/{projectId}',
      { projectId, use_pending: z.string().max(5).optional() },
      'The newest epoch that has the project; with `use_pending=false` the newest in which it is final.',
    ),
    output: epochInfo.extend({ epochId: count }),
  },
  data: {
    ...get('/data/{epochId}/{projectId}/', ofPoint, 'The snapshot, byte for byte; `X-Snapshot-Status` and `X-Snapshot-Cid` beside it.'),
    output: z.json(),
  },
  cid: { ...get('/cid/{epochId}/{projectId}/', ofPoint, 'The CID of the snapshot.'), output: z.string() },
  taskStatus: {
    ...post(
      '/task_status',
      { task_type: z.string().min(1).max(TEXT_LENGTH_MAX), wallet_address: address },
      'Whether a task of a wallet has ever been final: project `task_type:wallet_address:namespace`.',
    ),
    output: z.object({ completed: z.boolean(), message: z.string() }),
  },
  timeSeries: {
    ...get(
      '/time_series/{epochId}/{startTime}/{stepSeconds}/{projectId}',
      { epochId, projectId, startTime: integer(0), stepSeconds: integer(1) },
      'Snapshots a step of time apart, from the epoch back to the start: 200 at most.',
    ),
    output: z.array(z.json()),
  },
  verify: {
    ...get(
      '/verify/{epochId}/{projectId}',
      ofPoint,
      'What the chain says of a data point, whether its bytes have its CID, and where its proof is.',
    ),
    output: z.object({
      projectId: z.string(),
      epochId: count,
      status: z.enum(['pending', 'finalized', 'disputed']),
      snapshotCid: z.string(),
      /** Worked out from the bytes just now; absent where they are not to be had. */
      computedCid: z.string().optional(),
      isMatching: z.boolean(),
      batchCid: z.string(),
      votes: z.object({ winning: count, total: count }).optional(),
      /** Path of the proof that stands alone. */
      proof: z.string(),
    }),
  },
  ...SNAPSHOTTER_API,
} as const satisfies Record<string, RouteForm<unknown>>

export type DeployedRoute = keyof typeof DEPLOYED_API
export type DeployedInput<Name extends DeployedRoute> = z.output<(typeof DEPLOYED_API)[Name]['input']>
