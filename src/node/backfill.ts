import { join } from 'node:path'
import type { JsonValue } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import { createRecent } from '#domain/recent.ts'
import { kuboPlace } from '#io/ipfs/kubo.ts'
import { putFile } from '#io/ipfs/put-file.ts'
import { setsInWords } from '#roles/snapshotter/plan.ts'
import { parseCanonicalJson } from '#wire/canonical-json.ts'
import type { EarlierEpochs, FailedProject } from './compute-epoch.ts'
import type { ComputePlace } from './compute-place.ts'
import { runEpoch } from './compute-run.ts'
import type { OneOrTwo, OpenedComputes } from './compute-twice.ts'
import { keepFile, textIn } from './epoch-source.ts'

/**
 * A folder of past epochs: `data/PROJECT/EPOCH.json` has the bytes of a snapshot, `epochs/EPOCH.json` what each project has, written when all of
 * them are there. An epoch that has it is not computed again.
 */

/** Bytes of earlier snapshots that are held for aggregates. */
const HELD_BYTES_MAX = 64 * 1024 * 1024

export interface BackfillOptions {
  /** Source blocks; epochs that lie whole within them are computed. */
  readonly from: number
  readonly to: number
  readonly folder: string
  /** Takes each snapshot to other places, before its epoch counts as done. */
  readonly copy?: ((bytes: Uint8Array) => Promise<unknown>) | undefined
  readonly signal: AbortSignal
  onEpoch(done: BackfilledEpoch): void
}

export interface BackfilledEpoch {
  readonly epochId: EpochId
  readonly end: number
  readonly projects: number
  readonly failed: number
  /** It was there already. */
  readonly isKept: boolean
}

interface EpochRecord {
  readonly epochId: number
  readonly begin: number
  readonly end: number
  readonly projects: Readonly<Record<string, { readonly snapshotCid: string } | FailedProject>>
}

/** Takes snapshots to a Kubo node by its RPC, which pins them. Throws as its place does. */
export function copyToKubo(url: string, signal: AbortSignal): (bytes: Uint8Array) => Promise<unknown> {
  const kubo = kuboPlace({ url })
  return (bytes) => putFile(kubo, bytes, signal)
}

/**
 * Computes the epochs one after the other: one is held in memory, and as much of earlier ones as aggregates ask for. Throws `SETTINGS_INVALID` for a
 * folder that was begun with other computes, and as `runEpoch`; whatever ends it, called again it goes on.
 */
export async function backfill(place: ComputePlace, opened: OpenedComputes, options: BackfillOptions): Promise<void> {
  const { folder, from, to, signal } = options
  beginWith(folder, place, opened)
  let first: EpochId | undefined
  const history = historyIn(folder, () => first)
  for await (const epochId of place.epochsWithin(from, to)) {
    signal.throwIfAborted()
    first ??= epochId
    const before = textIn(recordPath(folder, epochId))
    const isKept = before !== undefined
    const record = isKept ? (JSON.parse(before) as EpochRecord) : await computeOne(epochId, place, opened, history, options)
    const projects = Object.values(record.projects)
    const failed = projects.filter((project) => 'reason' in project && project.reason !== 'nothing_happened').length
    options.onEpoch({ epochId, end: record.end, projects: projects.length, failed, isKept })
  }
}

const recordPath = (folder: string, epochId: number): string => join(folder, 'epochs', `${epochId}.json`)
const dataPath = (folder: string, projectId: string, epochId: number): string =>
  join(folder, 'data', encodeURIComponent(projectId), `${epochId}.json`)

/** Epochs of two sets of computes, or of other blocks, are not one history. */
function beginWith(folder: string, { namespace, source, form }: ComputePlace, { sets }: OpenedComputes): void {
  const path = join(folder, 'backfill.json')
  const now = JSON.stringify({ namespace, source: source.name, form, computes: setsInWords(sets) }, undefined, 2)
  const before = textIn(path)
  if (before === undefined) keepFile(path, now)
  else if (before !== now)
    throw new WeftError('SETTINGS_INVALID', {
      problems: [`${folder} was begun as ${before.replace(/\s+/g, ' ')}, now it would be ${now.replace(/\s+/g, ' ')}`],
    })
}

async function computeOne(
  epochId: EpochId,
  place: ComputePlace,
  opened: OpenedComputes,
  history: EarlierEpochs,
  { folder, copy, signal }: BackfillOptions,
): Promise<EpochRecord> {
  const { begin, end } = await place.rangeOf(epochId)
  // What is read once is read once: a range of a year would fill the disk with what nobody asks again.
  const computed = await runEpoch(epochId, place, opened, { folder: undefined, isTwice: false, history, signal })
  const projects: Record<string, EpochRecord['projects'][string]> = {}
  for (const [projectId, project] of computed) {
    projects[projectId] = await keepProject(projectId, project, epochId, { folder, copy })
    signal.throwIfAborted()
  }
  const record = { epochId, begin, end, projects }
  // Last of all: an epoch that has it has everything.
  keepFile(recordPath(folder, epochId), JSON.stringify(record))
  return record
}

async function keepProject(
  projectId: ProjectId,
  project: OneOrTwo,
  epochId: EpochId,
  { folder, copy }: Pick<BackfillOptions, 'folder' | 'copy'>,
): Promise<EpochRecord['projects'][string]> {
  if (!('json' in project)) return { reason: project.reason, detail: project.detail }
  const bytes = new TextEncoder().encode(project.json)
  keepFile(dataPath(folder, projectId, epochId), bytes)
  await copy?.(bytes)
  return { snapshotCid: project.cid }
}

/** Earlier epochs of the folder, the latest asked for held in memory. */
function historyIn(folder: string, first: () => EpochId | undefined): EarlierEpochs {
  const held = createRecent<{ readonly snapshot: JsonValue | undefined }>(HELD_BYTES_MAX)
  return {
    firstEpochId: async () => first(),
    async snapshot(projectId, epochId) {
      if (epochId < (first() ?? 0)) return undefined
      const path = dataPath(folder, projectId, epochId)
      const known = held.get(path)
      if (known !== undefined) return known.snapshot
      const text = textIn(path)
      const snapshot = text === undefined ? undefined : parseCanonicalJson(new TextEncoder().encode(text))
      held.set(path, { snapshot }, path.length + (text?.length ?? 0))
      return snapshot
    },
  }
}
