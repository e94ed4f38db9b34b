import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
import { openRecords } from '#roles/snapshotter/records.ts'
import { NAMESPACE } from '../journey/cast.ts'
import { prices } from '../journey/prices.ts'
import type { Run } from './simulation.ts'

/** The price that each mean looks one epoch back at. */
const PRICE_OF = new Map(
  planProjects(prices, NAMESPACE).flatMap((project): [ProjectId, ProjectId][] =>
    project.kind === 'aggregate' && project.compute.aggregateOn === 'SingleProject'
      ? [[project.projectId, project.baseIds[0] as ProjectId]]
      : [],
  ),
)

/** What each honest snapshotter's collector took of the project for one slot at least. */
function givenIn({ plan, successes }: Run): (epochId: number, projectId: ProjectId) => readonly (Cid | undefined)[] {
  const given = new Map<string, Cid>()
  for (const { submission, isHostile } of successes) {
    const { epochId, projectId, slotId, snapshotCid } = submission.request
    if (!isHostile) given.set(`${epochId} ${projectId} ${slotId}`, snapshotCid)
  }
  const by = (slotIds: readonly SlotId[], epochId: number, projectId: ProjectId) =>
    slotIds.map((slotId) => given.get(`${epochId} ${projectId} ${slotId}`)).find((cid) => cid !== undefined)
  return (epochId, projectId) => plan.honestSeats.map((slotIds) => by(slotIds, epochId, projectId))
}

/**
 * Tells whether honest snapshotters owe the same answer: all of them gave the same price in the epoch before, if it is a mean. One that was
 * away then must believe what became final, which may be a liar's.
 */
export function createAgreement(run: Run): (epochId: EpochId, projectId: ProjectId) => boolean {
  const givenOf = givenIn(run)
  return (epochId, projectId) => {
    const price = PRICE_OF.get(projectId)
    if (price === undefined || epochId === 1) return true
    const given = givenOf(epochId - 1, price)
    return !given.includes(undefined) && new Set(given).size === 1
  }
}

/**
 * Whatever became of the epoch before, and whatever is wrong now: an honest snapshotter that gave a price then knows what to take for it.
 * So what a bad epoch has broken is whole again in the next but one; that it is the same for all is asked of all data.
 */
export function checkAggregates(run: Run, last: EpochId, report: (found: string) => void): void {
  const givenOf = givenIn(run)
  for (let epochId = 2 as EpochId; epochId <= last; epochId = (epochId + 1) as EpochId) {
    for (const [mean, price] of PRICE_OF) {
      const given = givenOf(epochId - 1, price)
      for (const [seat, machine] of run.cast.honest.entries()) {
        const record = openRecords(machine.disk()).project(epochId, mean)
        if (given[seat] !== undefined && record?.reason === 'history_missing')
          report(`${machine.name} gave ${price} of epoch ${epochId - 1}, and in the next one says: ${record.detail}`)
      }
    }
  }
}
