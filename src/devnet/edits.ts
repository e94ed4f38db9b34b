import { createHash } from 'node:crypto'
import { type FSWatcher, globSync, readFileSync, watch } from 'node:fs'
import { join } from 'node:path'
import type { JsonValue } from '#domain/compute.ts'
import { isWeftError } from '#domain/errors.ts'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { ComputeSetChoice } from '#domain/market-rules.ts'
import type { Clock } from '#io/clock/port.ts'
import { type FolderSet, openComputeFolder } from '#node/compute-folder.ts'
import type { ComputePlace } from '#node/compute-place.ts'
import { differencesOf, runEpoch } from '#node/compute-run.ts'
import type { OneOrTwo } from '#node/compute-twice.ts'
import { COMPUTE_SETS, openComputes } from '#node/computes.ts'
import { filledIn } from '#node/own-computes.ts'
import { planProjects } from '#roles/snapshotter/plan.ts'
import { parseCanonicalJson } from '#wire/canonical-json.ts'

/** `./weft devnet --watch`: an edit of a folder is tried on the last epochs, shown, and in force from the next epoch on. */

/** Editors write a file in several steps. */
const QUIET_MS = 100
/** Tried on so many of the newest. */
const EPOCHS_TRIED = 2

export interface EditDeps {
  /** What the market asks for now. */
  readonly computes: readonly ComputeSetChoice[]
  /** Grows by each edition that is good. */
  readonly editions: FolderSet[]
  /** Addresses of the source chain, by the names that configurations use. */
  readonly places: JsonValue
  /** A market that has the epochs; which computes it runs is decided here. */
  readonly place: ComputePlace
  /** Keeps what is read of the source chain. */
  readonly cache: string
  readonly signal: AbortSignal
  say(text: string): void
  /** Brings the computes to every role. Resolves with the epoch from which on they hold. */
  publish(computes: readonly ComputeSetChoice[], projects: readonly ProjectId[]): Promise<EpochId>
}

type Results = ReadonlyMap<ProjectId, OneOrTwo>

/** What is done about edits, one after the other. */
export function createEdits(deps: EditDeps) {
  const { editions, place, say } = deps
  let computes = deps.computes
  const seen = new Map(editions.map(({ folder }) => [folder, contentOf(folder)]))
  let edits = 0

  async function tried(choices: readonly ComputeSetChoice[], only: readonly ProjectId[]): Promise<ReadonlyMap<EpochId, Results>> {
    const opened = openComputes([...choices], [...editions, ...COMPUTE_SETS])
    const newest = (await place.newest()) ?? 0
    const epochIds = [newest - 1, newest].filter((epochId) => epochId > 0).slice(-EPOCHS_TRIED) as EpochId[]
    const history = {
      firstEpochId: (projectId: string) => place.firstEpochId(projectId as ProjectId),
      async snapshot(projectId: string, epochId: number) {
        const final = await place.finalized(projectId as ProjectId, epochId as EpochId)
        return final === undefined ? undefined : parseCanonicalJson(new TextEncoder().encode(final.text))
      },
    }
    const options = { only, folder: deps.cache, isTwice: false, history, signal: deps.signal }
    return new Map(await Promise.all(epochIds.map(async (epochId) => [epochId, await runEpoch(epochId, place, opened, options)] as const)))
  }

  /** Opens it, tries it, and has it published. Resolves also where it is broken, which is told. */
  async function edited(folder: string): Promise<void> {
    const before = editions.findLast((set) => set.folder === folder)
    let fresh: FolderSet | undefined
    try {
      const content = contentOf(folder)
      if (content === seen.get(folder)) return
      seen.set(folder, content)
      const opened = openComputeFolder(folder)
      edits += 1
      fresh = { ...opened, version: `${opened.version}-edit.${edits}` }
      const [choice] = filledIn([fresh], deps.places) as [ComputeSetChoice]
      const next = computes.map((each) => (each.name === before?.name ? choice : each))
      const known = [...editions, fresh, ...COMPUTE_SETS]
      const projects = planProjects(openComputes([...next], known).computes, place.namespace)
      const types = typesOf(fresh, choice.config)
      const only = projects.filter(({ compute }) => types.has(compute.projectType)).map(({ projectId }) => projectId)
      // What it was before is asked of the same epochs.
      const old = await tried(computes, only)
      editions.push(fresh)
      if (old.size === 0) say(`the edit of ${folder} is not tried: there is no epoch yet to try it on`)
      for (const line of changesInWords(await tried(next, only), old)) say(line)
      const fromEpochId = await deps.publish(
        next,
        projects.map(({ projectId }) => projectId),
      )
      computes = next
      say(`edited: ${fresh.name} ${fresh.version}, in every node from epoch ${fromEpochId} on`)
    } catch (failure) {
      if (deps.signal.aborted) return
      if (fresh !== undefined && !editions.includes(fresh)) void fresh.stop()
      const problems = isWeftError(failure, 'SETTINGS_INVALID') ? [failure.facts.problems].flat() : [(failure as Error).message]
      say(
        [
          `✘ the edit of ${folder} is not taken, ${before?.name} ${before?.version} stays:`,
          ...problems.map((problem) => `    ${problem}`),
        ].join('\n'),
      )
    }
  }
  return { edited }
}

/** Calls `edited` after each change of one of the folders, one at a time. */
export function watchFolders(
  folders: readonly string[],
  edited: (folder: string) => Promise<void>,
  clock: Clock,
): { stop(): Promise<void> } {
  const stopping = new AbortController()
  let working = Promise.resolve()
  const waiting = new Set<string>()
  const changed = (folder: string): void => {
    if (waiting.has(folder)) return
    waiting.add(folder)
    working = working
      .then(() => clock.sleep(QUIET_MS, stopping.signal))
      .then(() => {
        waiting.delete(folder)
        return edited(folder)
      })
      .catch(() => undefined)
  }
  const watchers: FSWatcher[] = folders.map((folder) => watch(folder, { persistent: false, recursive: true }, () => changed(folder)))
  return {
    async stop() {
      stopping.abort()
      for (const watcher of watchers) watcher.close()
      await working
    },
  }
}

/** Of what a set is made of. */
function contentOf(folder: string): string {
  const hash = createHash('sha256')
  const names = globSync('**/*.{ts,json}', { cwd: folder, exclude: ['**/node_modules', '**/*.test.ts'] })
  for (const name of names.sort()) hash.update(`${name}\n`).update(readFileSync(join(folder, name)))
  return hash.digest('hex')
}

function typesOf(set: FolderSet, config: unknown): ReadonlySet<string> {
  const { snapshots, aggregates } = set.create(config)
  return new Set([...snapshots, ...aggregates].map(({ projectType }) => projectType))
}

/** Per project: its CID before and now, and where the two differ. */
function* changesInWords(now: ReadonlyMap<EpochId, Results>, before: ReadonlyMap<EpochId, Results>): Generator<string> {
  for (const [epochId, results] of now)
    for (const [projectId, project] of results) {
      const old = before.get(epochId)?.get(projectId)
      const name = `epoch ${epochId}, ${projectId}`
      if (!('json' in project)) yield `✘ ${name}: ${project.reason}: ${project.detail}`
      else if (old === undefined || !('json' in old)) yield `+ ${name}: ${project.cid} ${project.json}`
      else if (old.cid === project.cid) yield `= ${name}: ${project.cid}`
      else
        yield [`~ ${name}: ${old.cid} is ${project.cid} now`, ...differencesOf(project.json, old.json).map((line) => `    ${line}`)].join(
          '\n',
        )
    }
}
