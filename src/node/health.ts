import { hostname } from 'node:os'
import { isWeftError } from '#domain/errors.ts'
import { EVENTS } from '#domain/events.ts'
import { reading, type Reading } from '#domain/metrics.ts'
import { UNREADY_REASONS } from '#domain/reasons.ts'
import type { Trouble } from '#domain/troubles.ts'
import { systemClock } from '#io/clock/system.ts'
import { Answer, type HttpRoute } from '#io/http/port.ts'
import { type HttpLimits, type HttpServer, serveHttp } from '#io/http/server.ts'
import { NO_TOTALS, type Sender } from '#wire/alert-bodies.ts'
import { EXPOSITION_TYPE, expositionOf } from '#wire/exposition.ts'
import { type AlertOptions, createAlerts, postJson, type SentAlert } from './alerts.ts'
import type { RoleHome } from './home.ts'
import type { MoneyNow } from './money.ts'
import { createLoopDelay, ofDisk, ofProcess } from './process-readings.ts'
import type { SlotNow, Unready, Vitals } from './role.ts'
import { removeRun, type Run, writeRun } from './run-file.ts'
import { healthPortOf, type Role } from './settings.ts'
import { VERSION } from './version.ts'

/** `/livez`, `/readyz`, `/metrics` and `/status` of a role, on the loopback: one for each role at work. */

/** A scraper or two, and a person: whoever asks more often, never reads or says nothing is cut. */
const LIMITS: Partial<HttpLimits> = {
  connectionsMax: 32,
  connectionsPerAddressMax: 16,
  requestsMax: 4,
  requestsPerAddressMax: 4,
  perAddress: { tokensPerSecond: 10, tokensMax: 50 },
  bodyBytesMax: 1_024,
  requestTimeoutMs: 5_000,
  answerTimeoutMs: 10_000,
}
/** Ports from that of the role on that are tried before any free one: as many roles of a kind as one machine has. */
const PORTS_TRIED = 10

/** How a role fares, as `/status` answers. */
export interface RoleStatus extends Omit<Run, 'url'> {
  readonly isReady: boolean
  readonly unready: readonly (Unready & { readonly help: string })[]
  /** What goes on, with what to do about it; then what happened within the last hour. */
  readonly troubles: readonly ToldTrouble[]
  readonly lately: readonly ToldTrouble[]
  readonly readings: readonly Reading[]
  readonly money?: MoneyNow | undefined
  readonly slots?: readonly SlotNow[] | undefined
  /** What people were told of, the newest first. */
  readonly alerts: readonly SentAlert[]
}
type ToldTrouble = Trouble & { readonly help: string }

export interface Health {
  readonly url: string | undefined
  /** The role works from now on. */
  begin(vitals: Vitals | undefined): void
  /** It does no more. */
  end(): void
  stop(): Promise<void>
}

export interface HealthOptions {
  readonly role: Role
  /** `auto`, `off`, or host:port. */
  readonly listen: string
  /** Whom to tell; nobody where it is left out. */
  readonly alerts?: Omit<AlertOptions, 'role'> | undefined
}

type Home = Pick<RoleHome, 'directory' | 'notes' | 'report'>

/** Serves from before the role is wired, so that it can be asked what it waits for. Throws `LISTEN_FAILED`. */
export async function startHealth({ role, listen, alerts: told }: HealthOptions, home: Home): Promise<Health> {
  let [vitals, phase] = [undefined as Vitals | undefined, 'starting' as 'starting' | 'working' | 'ended']
  const loop = listen === 'off' ? undefined : createLoopDelay()
  const run = { role, processId: process.pid, startedMs: systemClock.nowMs(), version: VERSION }

  function unready(): readonly Unready[] {
    if (phase !== 'working') return [{ reason: phase }]
    const { anchor, source, troubles } = home.notes
    const events = new Set(troubles.now().map(({ event }) => event))
    return [
      ...anchor.unready(),
      ...source.unready(),
      ...(events.has('not_appointed') ? [{ reason: 'not_appointed' } as const] : []),
      ...(events.has('call_needs_person') ? [{ reason: 'account_stuck' } as const] : []),
      ...(events.has('manifest_unknown') || events.has('epoch_held') ? [{ reason: 'rules_unknown' } as const] : []),
      ...(vitals?.unready() ?? []),
    ]
  }

  function readings(): readonly Reading[] {
    const reasons = unready()
    const going = Map.groupBy(home.notes.troubles.now(), ({ event }) => event)
    return [
      reading('weft_info', 1, { role, version: VERSION }),
      reading('weft_ready', reasons.length === 0 ? 1 : 0, {}),
      ...reasons.map(({ reason }) => reading('weft_unready', 1, { reason })),
      ...[...going].map(([event, troubles]) => reading('weft_trouble', troubles.length, { event })),
      ...(loop?.readings() ?? []),
      ...ofProcess(),
      ...ofDisk(home.directory),
      ...home.notes.recorder.read(),
      ...home.notes.anchor.readings(),
      ...home.notes.source.readings(),
      ...(vitals?.money?.readings() ?? []),
      ...(vitals?.readings() ?? []),
    ]
  }

  async function status(): Promise<RoleStatus> {
    const [money, slots] = await Promise.all([vitals?.money?.ask(), vitals?.slots?.()])
    const reasons = unready()
    const { troubles } = home.notes
    return {
      ...run,
      isReady: reasons.length === 0,
      unready: reasons.map((each) => ({ ...each, help: UNREADY_REASONS[each.reason] })),
      troubles: troubles.now().map(withHelp),
      lately: troubles.lately().map(withHelp),
      readings: readings(),
      money,
      slots,
      alerts: alerts?.sent() ?? [],
    }
  }

  const routes: readonly HttpRoute[] = [
    { method: 'GET', path: '/livez', answer: () => ({ role, isAlive: true }) },
    {
      method: 'GET',
      path: '/readyz',
      answer() {
        const reasons = unready()
        return new Answer({ status: reasons.length === 0 ? 200 : 503, body: { json: { role, isReady: reasons.length === 0, reasons } } })
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      answer() {
        // For the next time: a scraper waits for no chain.
        void vitals?.money?.ask()
        return new Answer({ type: EXPOSITION_TYPE, body: { text: expositionOf(readings()) } })
      },
    },
    { method: 'GET', path: '/status', answer: status },
  ]

  const server = listen === 'off' ? undefined : await serve({ role, listen }, routes, home)
  try {
    writeRun(home.directory, { ...run, url: server?.url })
  } catch (failure) {
    await server?.stop()
    throw failure
  }
  const unknown = (): Sender => ({ instanceId: `${role} at ${hostname()}`, slotId: 0, totals: NO_TOTALS })
  const alerts =
    told &&
    createAlerts(
      { role, ...told },
      {
        nowMs: systemClock.nowMs,
        report: home.report,
        sender: () => vitals?.sender?.() ?? unknown(),
        unready: () => unready().map(({ reason }) => reason),
        post: postJson,
      },
    )
  if (alerts !== undefined) home.notes.listen(alerts.event)
  return {
    url: server?.url,
    begin(given) {
      vitals = given
      phase = 'working'
    },
    end() {
      phase = 'ended'
    },
    async stop() {
      await alerts?.stop()
      removeRun(home.directory)
      loop?.stop()
      await server?.stop()
    },
  }
}

/** At the place that is given; otherwise at the first free port from that of the role on, so that it is found where people look for it. */
async function serve({ role, listen }: HealthOptions, routes: readonly HttpRoute[], { report }: Home): Promise<HttpServer> {
  const at = (place: string) => serveHttp({ listen: place, routes, pages: {}, limits: LIMITS }, { nowMs: systemClock.nowMs, report })
  if (listen !== 'auto') return at(listen)
  const first = healthPortOf(role)
  for (let port = first; port < first + PORTS_TRIED; port += 1) {
    try {
      return await at(`127.0.0.1:${port}`)
    } catch (failure) {
      if (!isWeftError(failure, 'LISTEN_FAILED')) throw failure
    }
  }
  return at('127.0.0.1:0')
}

const withHelp = (trouble: Trouble): ToldTrouble => ({ ...trouble, help: EVENTS[trouble.event].help })
