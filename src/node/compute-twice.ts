import { detailOf } from '#domain/errors.ts'
import { execFile } from 'node:child_process'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import type { JsonValue, SourceReader } from '#domain/compute.ts'
import type { ProjectId } from '#domain/ids.ts'
import { decode, encode } from '#io/isolate/text.ts'
import { type AddedSource, withSource } from './added-source.ts'
import { openComputeFolders } from './compute-folder.ts'
import { computeEpoch, type ComputedProject, type EarlierEpochs, type EpochGiven, type FailedProject } from './compute-epoch.ts'
import { COMPUTE_SETS, type ComputeList, type MarketComputes, openComputes } from './computes.ts'
import { filledIn } from './own-computes.ts'
import { type Fixture, recorded, replayed } from './source-record.ts'

/**
 * An epoch is computed twice: here and in a process of its own, with another time zone, another locale and its projects in another order. What
 * differs between the two would be different votes.
 */

/** Which computes, in words that another process understands. */
export interface ComputesNamed {
  /** Folders of sets beside those that are shipped. */
  readonly folders: readonly string[]
  /** Which sets, configured. */
  readonly sets: ComputeList
  /** How a set of a folder is configured that is not among them; without it, as its `config.json` says, where `$name` is what has that name in `places`. */
  readonly own?: { readonly config: unknown } | { readonly places: JsonValue }
  /** Beside the sources that are configured. */
  readonly added?: AddedSource
}

export interface OpenedComputes extends MarketComputes {
  stop(): Promise<void>
}

/** Throws `SETTINGS_INVALID` with all that is wrong. */
export function openNamed({ folders, sets, own = { places: {} }, added }: ComputesNamed): OpenedComputes {
  const found = openComputeFolders(folders)
  const stop = async (): Promise<void> => void (await Promise.all(found.map((set) => set.stop())))
  try {
    const unnamed = found.filter(({ name }) => !sets.some((each) => each.name === name))
    const choices =
      'config' in own ? unnamed.map(({ name, version }) => ({ name, version, config: own.config })) : filledIn(unnamed, own.places)
    const [list, known] = [
      [...sets, ...choices],
      [...found, ...COMPUTE_SETS],
    ]
    return { ...openComputes(added === undefined ? list : withSource(list, added, known), known), stop }
  } catch (failure) {
    void stop()
    throw failure
  }
}

export type OneOrTwo = ComputedProject | FailedProject
/** What there is of a project, and how the second run differs, where it does. */
export type Twice = OneOrTwo & { readonly difference?: string | undefined }

type Asked = Omit<EpochGiven, 'isReversed' | 'signal'>

/** Both runs, with the first difference of each project. Rejects with the signal's reason, and when the other process cannot open the computes. */
export async function runTwice(
  named: ComputesNamed,
  opened: Pick<OpenedComputes, 'computes'>,
  asked: Asked,
  signal?: AbortSignal,
): Promise<ReadonlyMap<ProjectId, Twice>> {
  const [source, history] = [recorded(asked.source), recorded(asked.history)]
  const given = { ...asked, source: source.source, history: history.source, ...(signal && { signal }) }
  const here = await computeEpoch(opened.computes, given)
  const records = { source: source.fixture(), history: history.fixture() }
  const there = await computeThere(named, { ...asked, ...records }, signal)
  return new Map(
    [...here].map(([projectId, project]) => [projectId, { ...project, difference: between(project, there.get(projectId)) }] as const),
  )
}

function between(here: OneOrTwo, there: string | FailedProject | undefined): string | undefined {
  const failed = (project: Pick<FailedProject, 'reason' | 'detail'>): string => `${project.reason}: ${project.detail}`
  if (typeof there !== 'object') return 'json' in here ? firstDifference(here.json, there ?? '') : `here ${failed(here)}, there it has data`
  return 'json' in here ? `the second run fails: ${failed(there)}` : undefined
}

/** `byte 12: …"price":1.5… here, …"price":1.6… there`; nothing when they are the same. */
export function firstDifference(left: string, right: string): string | undefined {
  if (left === right) return undefined
  let at = 0
  while (left[at] === right[at]) at += 1
  const around = (text: string): string => `…${text.slice(Math.max(0, at - 20), at + 20)}…`
  return `byte ${at}: ${around(left)} here, ${around(right)} there`
}

type There = Omit<Asked, 'source' | 'history'> & { readonly source: Fixture; readonly history: Fixture }
type Said = { readonly projects: ReadonlyMap<string, string | FailedProject> } | { readonly failure: string }

const OTHER_PLACE = { TZ: 'Pacific/Chatham', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' }
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024

async function computeThere(
  named: ComputesNamed,
  given: There,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, string | FailedProject>> {
  const asked = encode({ named, given })
  // In a package all is JavaScript.
  const script = join(import.meta.dirname, `compute-elsewhere${extname(import.meta.filename)}`)
  const running = promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', script], {
    env: { ...OTHER_PLACE },
    maxBuffer: OUTPUT_BYTES_MAX,
    ...(signal && { signal }),
  })
  // Whoever ends before it has read all is told of by its end.
  running.child.stdin?.on('error', () => undefined).end(asked)
  const said = decode((await running).stdout) as Said
  if ('failure' in said) throw new Error(`the second run fails: ${said.failure}`)
  return said.projects
}

/** The work of the other process: what it is to compute is a text, and so is what it says of it. */
export async function answerThere(text: string): Promise<string> {
  const { named, given } = decode(text) as { readonly named: ComputesNamed; readonly given: There }
  try {
    const opened = openNamed(named)
    try {
      const source = replayed<SourceReader>(given.source)
      const history = replayed<EarlierEpochs>(given.history, ['firstEpochId', 'snapshot'])
      const computed = await computeEpoch(opened.computes, { ...given, source, history, isReversed: true })
      const told = [...computed].map(([projectId, project]) => [projectId, 'json' in project ? project.json : project] as const)
      return encode({ projects: new Map(told) } satisfies Said)
    } finally {
      await opened.stop()
    }
  } catch (failure) {
    return encode({ failure: detailOf(failure) } satisfies Said)
  }
}
