import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
import { openRecords } from '#roles/snapshotter/records.ts'
import { NAMESPACE } from '../journey/cast.ts'
import { prices } from '../journey/prices.ts'
import type { Run } from './simulation.ts'

/** Each mean looks one epoch back, at one price. */
const MEANS = planProjects(prices, NAMESPACE).flatMap((project) =>
  project.kind === 'aggregate' && project.compute.aggregateOn === 'SingleProject'
    ? [{ mean: project.projectId, price: project.baseIds[0] as ProjectId }]
    : [],
)

/**
 * Whatever became of the epoch before, and whatever is wrong now: an honest snapshotter that gave a price then knows what to take for it, and
 * where all of them gave the same one their means are the same. So what a bad epoch has broken is whole again in the next but one.
 */
export function checkAggregates({ cast, plan, successes }: Run, last: EpochId, report: (found: string) => void): void {
  const given = new Map<string, Cid>()
  for (const { submission, isHostile } of successes) {
    const { epochId, projectId, slotId, snapshotCid } = submission.request
    if (!isHostile) given.set(`${epochId} ${projectId} ${slotId}`, snapshotCid)
  }
  const givenBy = (slotIds: readonly SlotId[], epochId: number, projectId: ProjectId): Cid | undefined =>
    slotIds.map((slotId) => given.get(`${epochId} ${projectId} ${slotId}`)).find((cid) => cid !== undefined)
  for (let epochId = 2 as EpochId; epochId <= last; epochId = (epochId + 1) as EpochId) {
    for (const { mean, price } of MEANS) {
      const nodes = cast.honest.map((machine, seat) => ({
        name: machine.name,
        before: givenBy(plan.honestSeats[seat] as readonly SlotId[], epochId - 1, price),
        record: openRecords(machine.disk()).project(epochId, mean),
      }))
      for (const { name, before, record } of nodes)
        if (before !== undefined && record?.reason === 'history_missing')
          report(`${name} gave ${price} of epoch ${epochId - 1}, and in the next one says: ${record.detail}`)
      const means = new Set(nodes.flatMap(({ record }) => record?.snapshotCid ?? []))
      const isShared = nodes.every(({ before }) => before !== undefined) && new Set(nodes.map(({ before }) => before)).size === 1
      if (isShared && means.size > 1)
        report(`honest snapshotters share ${price} of epoch ${epochId - 1} and differ on the mean of the next`)
    }
  }
}
