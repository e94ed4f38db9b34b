import type { ApiOutput } from '#wire/api.ts'

export type EpochDetail = ApiOutput<'epoch'>

/** The way of an epoch, in the order of its steps. */
export const STAGES = ['submitted', 'finalized', 'attested'] as const
export type Stage = (typeof STAGES)[number]

export interface Step {
  readonly stage: Stage
  /** Seconds since the release. */
  readonly from: number
  /** Without one it is under way. */
  readonly to?: number
}

/** When the last of its batches came on chain, was attested by a majority, and was attested for the last time. */
function momentsOf({ batchList, finalizedAt }: EpochDetail): Readonly<Record<Stage, number | undefined>> {
  const latest = (moments: readonly number[]): number | undefined => (moments.length === 0 ? undefined : Math.max(...moments))
  const finals = batchList.flatMap((batch) => batch.finalizedAt ?? [])
  return {
    submitted: latest(batchList.map(({ submittedAt }) => submittedAt)),
    finalized: finalizedAt ?? (finals.length === batchList.length ? latest(finals) : undefined),
    attested: latest(batchList.flatMap(({ attestations }) => attestations.map(({ at }) => at))),
  }
}

/** The steps that an epoch has taken, and the one that it takes. What nobody will take any more is left out. */
export function stepsOf(epoch: EpochDetail): Step[] {
  const moments = momentsOf(epoch)
  const steps: Step[] = []
  let from = 0
  for (const stage of STAGES) {
    const moment = moments[stage]
    if (moment === undefined) {
      const isUnderWay = stage === 'submitted' ? epoch.status === 'open' : stage === 'finalized' && epoch.status !== 'empty'
      return isUnderWay ? [...steps, { stage, from }] : steps
    }
    const to = Math.max(from, moment - epoch.releasedAt)
    steps.push({ stage, from, to })
    from = to
  }
  return steps
}
