import type { ComputeEpoch, ComputeSet, JsonValue, SourceReader } from '#domain/compute.ts'
import { computeEpoch, type EarlierEpochs } from '#node/compute-epoch.ts'

const NO_HISTORY: EarlierEpochs = { firstEpochId: async () => undefined, snapshot: async () => undefined }

/** Every project of an epoch, each of which must have data. Of `dayEpochs` epochs is a day. */
export async function computed(
  computes: ComputeSet,
  given: { readonly epoch: ComputeEpoch; readonly source: SourceReader; readonly history?: EarlierEpochs; readonly dayEpochs: number },
): Promise<ReadonlyMap<string, JsonValue>> {
  const { epoch, source, history = NO_HISTORY, dayEpochs } = given
  const projects = await computeEpoch(computes, { namespace: 'NS', epoch, source, history, epochSeconds: 86_400 / dayEpochs })
  return new Map(
    [...projects].map(([projectId, project]) => {
      if ('reason' in project) throw new Error(`${projectId}: ${project.reason}: ${project.detail}`)
      return [projectId, project.snapshot]
    }),
  )
}
