import { join } from 'node:path'
import { isWeftError, toldOf, WeftError } from '#domain/errors.ts'
import type { Clock } from '#io/clock/port.ts'
import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import { type Backoff, pauseMs } from '#life/backoff.ts'
import { createPools, type Pools } from './pools.ts'
import { openLog, type Log, type LogOptions } from './log.ts'
import { type NodeConfig, type Part, problemsOfPart } from './node-config.ts'
import { readSettings } from './read-settings.ts'
import type { RunningRole } from './role.ts'
import { type Given, SETTINGS, type Settings, unknownVariables } from './settings/settings.ts'
import { startRole } from './start.ts'
import { aborted, createStarted } from './stop.ts'

/** Several roles in one process. Each is wired as it is alone; they share the endpoints of chains, and nothing else. */

/** A part with its settings, ready to start. */
export interface ReadyPart extends Part {
  readonly settings: Settings
}

/** What a supervisor would do for a role of its own: again, sooner at first. */
const AGAIN: Backoff = { firstMs: 1_000, lastMs: 60_000 }

/** Whether to try again beside the others. Whoever has the port may leave it: an earlier self that still ends, a program that a person stops. */
const mayPass = (failure: unknown): boolean => isWeftError(failure) && (failure.kind === 'transient' || failure.code === 'LISTEN_FAILED')

/** The settings of every part: variables win over the file. All problems of all parts are told at once. Throws `SETTINGS_INVALID`. */
export function readParts({ dataDir, parts }: NodeConfig, env: Given): readonly ReadyPart[] {
  const problems = unknownVariables(env)
  const known = Object.fromEntries(Object.entries(env).filter(([name]) => !problems.some((problem) => problem.startsWith(`${name} `))))
  const { [SETTINGS.dataDir.env]: _, ...others } = known
  const ready = parts.flatMap((part) => {
    try {
      return [{ ...part, settings: readSettings(part.role, { dataDir: join(dataDir, part.name) }, others, part.file) }]
    } catch (failure) {
      problems.push(...problemsOfPart(part, failure))
      return []
    }
  })
  problems.push(...clashesOf(ready))
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  const collectors = ready.filter(({ role }) => role === 'collector')
  return ready.map((part) => (part.role === 'snapshotter' ? withCollector(part, collectors, others) : part))
}

/** A snapshotter that names no collector has that of its market in the same process. */
function withCollector(part: ReadyPart, collectors: readonly ReadyPart[], env: Given): ReadyPart {
  if (part.file['collector'] !== undefined || env[SETTINGS.collector.env] !== undefined) return part
  const { dataMarket } = part.settings
  const own = collectors.find(({ settings }) => settings.dataMarket === dataMarket) ?? (collectors.length === 1 ? collectors[0] : undefined)
  return own === undefined ? part : { ...part, settings: { ...part.settings, collector: own.settings.grpcListen } }
}

/** What two parts would both take: places to listen at, and slots. */
function clashesOf(parts: readonly ReadyPart[]): string[] {
  const taken = new Map<string, string>()
  const claims = ({ settings, role }: ReadyPart): string[] => {
    const places = [
      settings.grpcListen,
      settings.httpListen,
      settings.statusListen,
      ...[settings.p2pListen ?? []].flat(),
      settings.ipfsListen,
    ]
    const fixed = places
      .filter((place) => place !== undefined && place !== '' && !/[:/]0$/.test(place))
      .map((place) => `listens at ${place}`)
    const gateway = settings.gatewayPort ? [`listens at port ${settings.gatewayPort}`] : []
    const slots = role === 'snapshotter' ? settings.slots.map((slot) => `signs for slot ${slot} of ${settings.dataMarket}`) : []
    return [...fixed, ...gateway, ...slots]
  }
  const problems: string[] = []
  for (const part of parts)
    for (const claim of claims(part)) {
      const other = taken.get(claim)
      if (other !== undefined && other !== part.name) problems.push(`${part.name} ${claim}, as ${other} does`)
      taken.set(claim, part.name)
    }
  for (const { name, settings, role } of parts)
    if (role === 'collector' && /:0$/.test(settings.grpcListen))
      problems.push(`${name}: grpcListen names no port, and snapshotters must find it`)
  return problems
}

/** What a host of parts needs; tests start other things than roles. */
export interface NodeDeps {
  readonly start?: (part: ReadyPart, options: { readonly signal: AbortSignal; readonly pools: Pools }) => Promise<RunningRole>
  readonly log?: LogOptions
  readonly clock?: Pick<Clock, 'sleep'>
}

const startPart: NonNullable<NodeDeps['start']> = (part, options) => startRole(part.role, part.settings, { ...options, part: part.name })

/**
 * Runs the parts until the signal aborts, and then stops them one after the other, those first that others wait for least. A part that fails in a way
 * that may pass, or whose port is taken, is started again; one that needs a person is told and left, and the others go on. Throws the last failure when none is left.
 */
export async function runParts(
  parts: readonly ReadyPart[],
  signal: AbortSignal,
  { start = startPart, log: options, clock = systemClock }: NodeDeps = {},
): Promise<void> {
  const format = parts[0]?.settings.logFormat as LogOptions['format']
  const log = openLog({ role: 'node', format, ...options })
  const pools = createPools()
  const started = createStarted()
  const hosted = parts.map((part) => host(part, signal, { log, clock, start: (starting) => start(part, { signal: starting, pools }) }))
  for (const [index, part] of parts.entries()) started.add(part.name, { stop: () => hosted[index]?.stop() })
  try {
    await Promise.race([aborted(signal), lastFailure(hosted.map(({ ended }) => ended))])
  } finally {
    await started.stop()
    log.stop()
  }
}

/** Rejects when every part has failed, with what failed last. */
async function lastFailure(ends: readonly Promise<void>[]): Promise<void> {
  let last: unknown
  const noted = ends.map((end) =>
    end.catch((failure: unknown) => {
      last = failure
    }),
  )
  await Promise.all(noted)
  if (last !== undefined) throw last
}

interface Hosting {
  readonly log: Log
  readonly clock: Pick<Clock, 'sleep'>
  start(signal: AbortSignal): Promise<RunningRole>
}

/** One part at work, again and again. `ended` rejects with what needs a person. */
function host({ name }: ReadyPart, signal: AbortSignal, { log, clock, start }: Hosting) {
  let running: RunningRole | undefined
  /** Why it does not run, as it was told. */
  let missing: string | undefined
  const stop = async (): Promise<void> => {
    const role = running
    running = undefined
    await role?.stop()
  }
  const ended = (async () => {
    for (let attempts = 1; !signal.aborted; attempts += 1) {
      try {
        running = await start(signal)
        if (missing !== undefined) log.report('part_back', { part: name, code: missing })
        missing = undefined
        await Promise.race([aborted(signal), running.ended])
        return
      } catch (failure) {
        if (signal.aborted) return
        await stop().catch((consequence: unknown) => log.report('stop_failed', { part: name, detail: String(consequence) }))
        const told = isWeftError(failure) ? toldOf(failure) : { detail: String(failure) }
        if (!mayPass(failure)) {
          log.report('part_failed', { part: name, ...told })
          throw failure
        }
        const waitMs = pauseMs(AGAIN, attempts, systemRandom)
        const why = String(told['code'])
        if (why !== missing) log.report('part_again', { part: name, ...told, pauseMs: waitMs })
        missing = why
        await clock.sleep(waitMs, signal).catch(() => undefined)
      }
    }
  })()
  // Whoever hosts awaits it; until then a failure must not count as unhandled.
  ended.catch(() => undefined)
  return {
    ended,
    async stop(): Promise<void> {
      // One that is still starting ends with the signal, by itself.
      if (signal.aborted) await ended.catch(() => undefined)
      await stop()
    },
  }
}
