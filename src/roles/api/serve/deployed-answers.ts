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

/** One per route of deployed nodes. */
type DeployedAnswers = { readonly [Name in DeployedRoute]: (input: DeployedInput<Name>, asking: Asking) => unknown }

type PointAsked = { readonly projectId: ProjectId; readonly epochId: EpochId }

/** The answers in the words and forms of deployed nodes. */
export function deployedAnswers(deps: WindowedDeps, keepingOf: KeepingOf): DeployedAnswers {
  const { index } = deps
  const absent = async (asked: PointAsked, what: string): Promise<Answer> => {
    const reason = await reasonOfAbsence(asked, deps)
    return refusal(404, `No ${what} found for project_id: ${asked.projectId}, epoch_id: ${asked.epochId}`, reason)
  }
  const nodeStatus = (path: string) => () => {
    throw new WeftError('NODE_STATUS_ABSENT', { path })
  }

  return {
    health: () => ({ status: 'OK' }),
    async currentEpoch() {
      const [epoch] = await index.epochs({ limit: 1 })
      // As the contract says it before the first release.
      return epoch === undefined ? { begin: 0, end: 0, epochId: 0 } : { begin: epoch.begin, end: epoch.end, epochId: epoch.epochId }
    },
    async epochInfo({ epochId }) {
      const epoch = await index.epoch(epochId)
      return epoch === undefined ? refusal(404, `Unable to get epoch ${epochId}: it is not known to have been released`) : shownInfo(epoch)
    },
    async lastFinalizedEpoch({ projectId, use_pending: pending = 'true' }) {
      const project = await index.project(projectId)
      const epochId = /^false$/i.test(pending) ? project?.lastFinalizedEpochId : project?.lastEpochId
      const epoch = epochId === undefined ? undefined : await index.epoch(epochId)
      if (epoch === undefined) return refusal(404, `Unable to get last finalized epoch for project ${projectId}: there is none`)
      return { epochId: epoch.epochId, ...shownInfo(epoch) }
    },
    async data(asked) {
      const row = await readPoint(asked, { index, withText: true })
      if (row === undefined) return absent(asked, 'data')
      if (row.text === undefined) {
        const reason = reasonOf(row.content === 'not_json' ? 'not_json' : 'unavailable')
        return refusal(404, `No data found for project_id: ${asked.projectId}, epoch_id: ${asked.epochId}`, reason, headersOf(row))
      }
      // These bytes are what the CID names: the tag is a strong one.
      const etag = `"${encodeURI(row.snapshotCid)}${row.status === 'finalized' ? '' : `.${row.status}`}"`
      const body = { bytes: new TextEncoder().encode(row.text) }
      return new Answer({ body, etag, keeping: await keepingOf(row), headers: headersOf(row) })
    },
    async cid(asked) {
      const row = await readPoint(asked, { index, withText: false })
      if (row === undefined) return absent(asked, 'finalized cid')
      return new Answer({ body: { json: row.snapshotCid }, headers: headersOf(row) })
    },
    async taskStatus({ task_type: type, wallet_address: wallet }) {
      const rows = await index.projects({ type, source: wallet, limit: OBSERVATIONS_MAX })
      const epochId = rows.find((row) => row.projectType === type && row.lastFinalizedEpochId !== undefined)?.lastFinalizedEpochId
      const task = `Task ${type} for wallet ${wallet}`
      return epochId === undefined
        ? { completed: false, message: `${task} is not completed yet` }
        : { completed: true, message: `${task} was completed in epoch ${epochId}` }
    },
    timeSeries: (asked, asking) => timeSeries(asked, { deps, asking }),
    async verify(asked) {
      const row = await readPoint(asked, { index, withText: true })
      if (row === undefined) return absent(asked, 'data')
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

/** In the form of deployed nodes; what they do not say comes after it. */
function refusal(status: number, message: string, reason?: Reason, headers: Readonly<Record<string, string>> = {}): Answer {
  return new Answer({ status, headers, body: { json: { status: 'error', message, ...(reason !== undefined && { reason }) } } })
}

const shownInfo = ({ releasedAt, releasedBlock, end }: EpochRow) => ({ timestamp: releasedAt, blocknumber: releasedBlock, epochEnd: end })

/** From the step before the epoch back, newest first, as deployed nodes walk: by epochs of the length that the market's have. */
async function timeSeries(
  { epochId, projectId, startTime, stepSeconds }: DeployedInput<'timeSeries'>,
  { deps: { index, chain }, asking }: { readonly deps: WindowedDeps; readonly asking: Asking },
): Promise<Answer> {
  const failed = (why: string): Answer =>
    refusal(
      400,
      `Unable to get time series data for project_id: ${projectId}, start_time: ${startTime}, step: ${stepSeconds}, error: ${why}`,
    )
  const [epoch, project, market] = await Promise.all([index.epoch(epochId), index.project(projectId), chain.market()])
  if (epoch === undefined || project === undefined) return refusal(404, `No data found for project_id: ${projectId}, epoch_id: ${epochId}`)
  const observations = Math.floor((epoch.releasedAt - startTime) / stepSeconds)
  if (observations <= 0) return failed('Start timestamp is after current epoch timestamp')
  if (observations > OBSERVATIONS_MAX) return failed('Too many observations requested, maximum is 200')
  const epochSeconds = market.epochSize * market.sourceBlockTimeSeconds
  const gap = epoch.releasedAt % stepSeconds
  const step = Math.max(1, Math.floor(stepSeconds / epochSeconds))
  const count = Math.floor((epoch.releasedAt - gap - startTime) / stepSeconds)
  const texts: string[] = []
  let length = 0
  let at = Math.max(project.firstEpochId, epochId - Math.floor(gap / epochSeconds))
  for (let told = 0; told <= count && length < TEXT_LENGTH_MAX; told += 1) {
    const row = await readPoint({ projectId, epochId: at as EpochId }, { index, withText: true })
    if (row?.text !== undefined) texts.push(strictJson(row.text))
    length += row?.text?.length ?? 0
    if (at === project.firstEpochId) break
    at = Math.max(project.firstEpochId, at - step)
    await asking.breathe()
  }
  return new Answer({ body: { text: `[${texts.join(',')}]` } })
}
