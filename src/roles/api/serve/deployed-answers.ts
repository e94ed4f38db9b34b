import { WeftError } from '#domain/errors.ts'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { EpochRow } from '#io/database/port.ts'
import { Answer, type Asking } from '#io/http/port.ts'
import type { Reason } from '#wire/api.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { DEPLOYED_API, type DeployedInput, type DeployedRoute, OBSERVATIONS_MAX } from '#wire/deployed-api.ts'
import { reasonOfAbsence } from './absence.ts'
import { headersOf, type KeepingOf } from './point-answers.ts'
import { readPoint, reasonOf, strictJson, TEXT_LENGTH_MAX } from './points.ts'
import type { WindowedDeps } from './windows.ts'

/** One per route. */
type DeployedAnswers = { readonly [Name in DeployedRoute]: (input: DeployedInput<Name>, asking: Asking) => unknown }

type PointAsked = { readonly projectId: ProjectId; readonly epochId: EpochId }

/** The same data in the shapes that deployed nodes have given it. The words are ours. */
export function deployedAnswers(deps: WindowedDeps, keepingOf: KeepingOf): DeployedAnswers {
  const { index } = deps
  const absent = async (asked: PointAsked): Promise<Answer> => withoutPoint(asked, await reasonOfAbsence(asked, deps))
  const nodeStatus = (path: string) => () => {
    throw new WeftError('NODE_STATUS_ABSENT', { path })
  }

  return {
    health: () => ({ status: 'OK' }),
    async currentEpoch() {
      const [epoch] = await index.epochs({ limit: 1 })
      // Zeros are what the contract holds before its first release.
      return epoch === undefined ? { begin: 0, end: 0, epochId: 0 } : { begin: epoch.begin, end: epoch.end, epochId: epoch.epochId }
    },
    async epochInfo({ epochId }) {
      const epoch = await index.epoch(epochId)
      return epoch === undefined ? refusal(404, `This index has no epoch ${epochId}.`) : shownInfo(epoch)
    },
    async lastFinalizedEpoch({ projectId, use_pending: pending = 'true' }) {
      const project = await index.project(projectId)
      const isFinalWanted = /^false$/i.test(pending)
      const epochId = isFinalWanted ? project?.lastFinalizedEpochId : project?.lastEpochId
      const epoch = epochId === undefined ? undefined : await index.epoch(epochId)
      if (epoch === undefined)
        return refusal(404, `Project ${projectId} is ${isFinalWanted ? 'final' : 'known'} in no epoch of this index.`)
      return { epochId: epoch.epochId, ...shownInfo(epoch) }
    },
    async data(asked) {
      const row = await readPoint(asked, { index, withText: true })
      if (row === undefined) return absent(asked)
      if (row.text === undefined)
        return withoutPoint(asked, reasonOf(row.content === 'not_json' ? 'not_json' : 'unavailable'), headersOf(row))
      // These bytes are what the CID names: the tag is a strong one.
      const etag = `"${encodeURI(row.snapshotCid)}${row.status === 'finalized' ? '' : `.${row.status}`}"`
      const body = { bytes: new TextEncoder().encode(row.text) }
      return new Answer({ body, etag, keeping: await keepingOf(row), headers: headersOf(row) })
    },
    async cid(asked) {
      const row = await readPoint(asked, { index, withText: false })
      if (row === undefined) return absent(asked)
      return new Answer({ body: { json: row.snapshotCid }, headers: headersOf(row) })
    },
    async taskStatus({ task_type: type, wallet_address: wallet }) {
      const rows = await index.projects({ type, source: wallet, limit: OBSERVATIONS_MAX })
      const epochId = rows.find((row) => row.projectType === type && row.lastFinalizedEpochId !== undefined)?.lastFinalizedEpochId
      return epochId === undefined
        ? { completed: false, message: `Nothing of ${type} is final for ${wallet} so far.` }
        : { completed: true, message: `What ${type} says of ${wallet} is final, last in epoch ${epochId}.` }
    },
    timeSeries: (asked, asking) => timeSeries(asked, { deps, asking }),
    async verify(asked) {
      const row = await readPoint(asked, { index, withText: true })
      if (row === undefined) return absent(asked)
      const { projectId, epochId, status, snapshotCid, batchCid, votes } = row
      const computedCid = row.text === undefined ? undefined : await snapshotCidOf(new TextEncoder().encode(row.text))
      const proof = `/v1/proofs/${encodeURIComponent(projectId)}/${epochId}`
      return { projectId, epochId, status, snapshotCid, computedCid, isMatching: computedCid === snapshotCid, batchCid, votes, proof }
    },
    snapshotterStatus: nodeStatus(DEPLOYED_API.snapshotterStatus.path),
    snapshotterProjectStatus: nodeStatus(DEPLOYED_API.snapshotterProjectStatus.path),
    epochProcessingStatus: nodeStatus(DEPLOYED_API.epochProcessingStatus.path),
  }
}

/** An error has these two fields; a reason of ours comes after them. */
function refusal(status: number, message: string, reason?: Reason, headers: Readonly<Record<string, string>> = {}): Answer {
  return new Answer({ status, headers, body: { json: { status: 'error', message, ...(reason !== undefined && { reason }) } } })
}

/** 404, and why, for people and for programs. */
function withoutPoint({ projectId, epochId }: PointAsked, reason: Reason, headers?: Readonly<Record<string, string>>): Answer {
  return refusal(404, `Nothing to read of project ${projectId} in epoch ${epochId}. ${reason.message}`, reason, headers)
}

const shownInfo = ({ releasedAt, releasedContractNumber, end }: EpochRow) => ({
  timestamp: releasedAt,
  blocknumber: releasedContractNumber,
  epochEnd: end,
})

/**
 * Snapshots at whole multiples of the step, newest first, from the last one up to the epoch's release down to the first behind the start. Which
 * epoch was released at one of them is reckoned from how long the market's epochs are; those without a snapshot are left out.
 */
async function timeSeries(
  { epochId, projectId, startTime, stepSeconds }: DeployedInput<'timeSeries'>,
  { deps: { index, windows }, asking }: { readonly deps: WindowedDeps; readonly asking: Asking },
): Promise<Answer> {
  const [epoch, project, market] = await Promise.all([index.epoch(epochId), index.project(projectId), windows.market()])
  if (epoch === undefined) return refusal(404, `This index has no epoch ${epochId} to begin from.`)
  if (project === undefined) return refusal(404, `This index has no project ${projectId}.`)
  const stepsBack = Math.floor((epoch.releasedAt - startTime) / stepSeconds)
  if (stepsBack < 1)
    return refusal(
      400,
      `Epoch ${epochId} was released at ${epoch.releasedAt}: the start must be a step of ${stepSeconds} s before that, or more.`,
    )
  if (stepsBack > OBSERVATIONS_MAX)
    return refusal(
      400,
      `From ${startTime} on there are ${stepsBack} steps of ${stepSeconds} s: take longer ones, or a later start, for ${OBSERVATIONS_MAX} at most.`,
    )
  const secondsEach = market.epochSize * market.sourceBlockTimeSeconds
  const sinceStep = epoch.releasedAt % stepSeconds
  const epochsEach = Math.max(1, Math.floor(stepSeconds / secondsEach))
  const stepsMax = Math.floor((epoch.releasedAt - sinceStep - startTime) / stepSeconds)
  const texts: string[] = []
  let length = 0
  let at = Math.max(project.firstEpochId, epochId - Math.floor(sinceStep / secondsEach))
  for (let step = 0; step <= stepsMax && length < TEXT_LENGTH_MAX; step += 1) {
    const row = await readPoint({ projectId, epochId: at as EpochId }, { index, withText: true })
    if (row?.text !== undefined) texts.push(strictJson(row.text))
    length += row?.text?.length ?? 0
    if (at === project.firstEpochId) break
    at = Math.max(project.firstEpochId, at - epochsEach)
    await asking.breathe()
  }
  return new Answer({ body: { text: `[${texts.join(',')}]` } })
}
