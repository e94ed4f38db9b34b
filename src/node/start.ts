import { isWeftError, toldOf } from '#domain/errors.ts'
import { systemClock } from '#io/clock/system.ts'
import { alertPlacesOf } from './alert-places.ts'
import { startHealth } from './health.ts'
import { marketOf, openHome, type RoleHome } from './home.ts'
import type { LogOptions } from './log.ts'
import type { RunningRole, Wire } from './role.ts'
import { noteFailedStart, noteFailure } from './run-file.ts'
import type { Role } from './settings/roles.ts'
import type { Settings } from './settings/settings.ts'
import type { Pools } from './pools.ts'
import { createStarted } from './stop.ts'
import { startTraces } from './traces.ts'
import { VERSION } from './version.ts'

interface StartOptions {
  readonly logTo?: string
  /** The name of the role in a process of several, and what it has in common with them. */
  readonly part?: string
  readonly pools?: Pools
  /** Aborts when nobody wants the role any more, though it has not started yet. */
  readonly signal?: AbortSignal
}

/** Opens the role's home, wires it and sets it to work. When any of that fails, or is told to stop, what was started before is stopped again. */
export async function startWith<Handle>(
  role: Role,
  settings: Settings,
  wire: Wire<Handle>,
  { signal = new AbortController().signal, ...options }: StartOptions = {},
): Promise<RunningRole<Handle>> {
  const { dataDir, logFormat, identityPassword } = settings
  const stopping = new AbortController()
  const leaving = AbortSignal.any([signal, stopping.signal])
  const own = { role, dataDir, market: marketOf(settings), identityPassword }
  const startedMs = systemClock.nowMs()
  let isStart = true
  const failed = (failure: unknown): void => {
    const how = { atMs: systemClock.nowMs(), why: whyOf(failure), ...(isStart && { isStart }) }
    noteFailure(dataDir, { role, processId: process.pid, startedMs, version: VERSION, failed: how })
  }
  const home = opened(() => openHome({ ...own, format: logFormat as LogOptions['format'], ...options, signal: leaving }), failed)
  const started = createStarted()
  home.report('starting', {})
  started.add('data directory', home)
  try {
    const health = await startHealth({ role, listen: settings.healthListen, hosts: settings.healthHosts, alerts: alertsIn(settings) }, home)
    started.add('health server', health)
    const traces = await startTraces(role, settings, home)
    if (traces !== undefined) started.add('traces', traces)
    const wired = await wire(settings, { ...home, tracer: traces?.tracer }, started, signal)
    home.announce(wired.places)
    home.report('started', { ...wired.places, ...(health.url !== undefined && { health: health.url }) })
    health.begin(wired.vitals)
    isStart = false
    const ended = wired.run(stopping.signal).catch((failure: unknown) => {
      if (!stopping.signal.aborted) throw failure
    })
    // The hosting process awaits `ended`; until it does, a failure must not count as unhandled.
    ended.catch((failure: unknown) => {
      home.report('failed', isWeftError(failure) ? toldOf(failure) : { detail: String(failure) })
      failed(failure)
    })
    void ended.finally(health.end).catch(() => undefined)
    // Last of all, so that it ends before what it works with, and is named should it not end.
    started.add(`work of the ${role}`, {
      async stop() {
        health.end()
        stopping.abort()
        await ended.catch(() => undefined)
        home.report('stopped', {})
      },
    })
    return { places: wired.places, handle: wired.handle, healthUrl: health.url, ended, stop: started.stop }
  } catch (failure) {
    if (signal.aborted) home.report('stopped', {})
    else failed(failure)
    // What went wrong first is what a person must hear; that something would not stop after it is a consequence, for the log.
    await started.stop().catch((consequence: unknown) => home.report('stop_failed', { detail: String(consequence) }))
    throw failure
  }
}

/** A folder in which another process works, or that is another role's or program's, is not ours to write into. */
const IS_OTHERS = ['DATA_DIR_LOCKED', 'DATA_DIR_OF_OTHER', 'STORE_FOREIGN'] as const

function opened(open: () => RoleHome, failed: (failure: unknown) => void): RoleHome {
  try {
    return open()
  } catch (failure) {
    if (!IS_OTHERS.some((code) => isWeftError(failure, code))) failed(failure)
    throw failure
  }
}

const whyOf = (failure: unknown): string => (isWeftError(failure) ? failure.message : String(failure))

/** What must be done before a role is started, its key unlocked, say: that it failed is written down as of a start. */
export async function beforeStart<Value>(
  { role, dataDir }: { readonly role: Role; readonly dataDir: string },
  work: Promise<Value>,
): Promise<Value> {
  try {
    return await work
  } catch (failure) {
    noteFailedStart(dataDir, { role, why: whyOf(failure) })
    throw failure
  }
}

/** Whom to tell, where anybody wants to be told. */
function alertsIn(settings: Settings) {
  const { alertTo, heartbeatUrl, alertCooldown } = settings
  const url = heartbeatUrl.reveal()
  if (alertTo.reveal() === '' && url === '') return undefined
  return { places: alertPlacesOf(settings), cooldownMs: 1_000 * alertCooldown, heartbeatUrl: url === '' ? undefined : url }
}

/** Starts one role as the command line does. Only its own code is loaded. */
export async function startRole(role: Role, settings: Settings, options: StartOptions = {}): Promise<RunningRole> {
  return startWith(role, settings, await wireOf(role, settings), options)
}

async function wireOf(role: Role, { mode }: Settings): Promise<Wire<unknown>> {
  switch (role) {
    case 'epochs':
      return (await import('./epochs.ts')).wireEpochs
    case 'snapshotter':
      return (await import('./snapshotter.ts')).wireSnapshotter()
    case 'collector':
      return (await import('./collector.ts')).wireCollector
    case 'relay':
      return (await import('./relay.ts')).wireRelay
    case 'sequencer':
      if (mode === 'listen' || mode === 'ballot') return (await import('./scale-out.ts')).wirePart(mode)
      return (await import('./sequencer.ts')).wireSequencer()
    case 'validator':
      return (await import('./validator.ts')).wireValidator
    case 'api':
      return (await import('./api.ts')).wireApi
  }
}
