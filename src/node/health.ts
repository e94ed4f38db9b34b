import { isWeftError } from '#domain/errors.ts'
import { systemClock } from '#io/clock/system.ts'
import { Answer, type HttpRoute } from '#io/http/port.ts'
import { type HttpLimits, type HttpServer, serveHttp } from '#io/http/server.ts'
import { EXPOSITION_TYPE, expositionOf } from '#wire/exposition.ts'
import { type AlertOptions, type Alerts, createAlerts, postJson } from './alerts.ts'
import { createFaring, type Faring, type RoleStatus } from './faring.ts'
import type { RoleHome } from './home.ts'
import { ownNames } from './loopback.ts'
import { removeRun, writeRun } from './run-file.ts'
import { healthPortOf, type Role } from './settings/roles.ts'
import { tellUnready } from './tell-unready.ts'

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

export interface Health extends Pick<Faring, 'begin' | 'end'> {
  readonly url: string | undefined
  stop(): Promise<void>
}

export interface HealthOptions {
  readonly role: Role
  /** `auto`, `off`, or host:port. */
  readonly listen: string
  /** Names by which it may be called, beside addresses of this machine. */
  readonly hosts?: readonly string[]
  /** Whom to tell; nobody where it is left out. */
  readonly alerts?: Omit<AlertOptions, 'role'> | undefined
}

type Home = Pick<RoleHome, 'directory' | 'notes' | 'report'>

/** Serves from before the role is wired, so that it can be asked what it waits for. Throws `LISTEN_FAILED`, and as `writeRun`. */
export async function startHealth({ alerts: told, ...options }: HealthOptions, home: Home): Promise<Health> {
  const { role, listen } = options
  const faring = createFaring(role, home)
  const alerts = told && startAlerts({ role, ...told }, faring, home)
  const telling = tellUnready({ unready: faring.unready, report: home.report })
  let server: HttpServer | undefined
  const stop = async (): Promise<void> => {
    telling.stop()
    await alerts?.stop()
    removeRun(home.directory)
    faring.stop()
    await server?.stop()
  }
  try {
    if (listen !== 'off') server = await serve(options, routesOf(faring, alerts), home)
    writeRun(home.directory, { ...faring.run, url: server?.url })
  } catch (failure) {
    await stop()
    throw failure
  }
  return { url: server?.url, begin: faring.begin, end: faring.end, stop }
}

function startAlerts(options: AlertOptions, { sender, unready }: Faring, { notes, report }: Home): Alerts {
  const reasons = () => unready().map(({ reason }) => reason)
  const alerts = createAlerts(options, { nowMs: systemClock.nowMs, report, sender, unready: reasons, post: postJson })
  notes.listen(alerts.event)
  return alerts
}

function routesOf({ run: { role }, ...faring }: Faring, alerts: Alerts | undefined): readonly HttpRoute[] {
  return [
    { method: 'GET', path: '/livez', answer: () => ({ role, isAlive: true }) },
    {
      method: 'GET',
      path: '/readyz',
      answer() {
        const reasons = faring.unready()
        const isReady = reasons.length === 0
        return new Answer({ status: isReady ? 200 : 503, body: { json: { role, isReady, reasons } } })
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      answer() {
        faring.refresh()
        return new Answer({ type: EXPOSITION_TYPE, body: { text: expositionOf(faring.readings()) } })
      },
    },
    {
      method: 'GET',
      path: '/status',
      answer: async (): Promise<RoleStatus> => ({ ...(await faring.status()), alerts: alerts?.sent() ?? [] }),
    },
  ]
}

/** At the place that is given; otherwise at the first free port from that of the role on, so that it is found where people look for it. No page of a browser may ask. */
async function serve({ role, listen, hosts = [] }: HealthOptions, routes: readonly HttpRoute[], { report }: Home): Promise<HttpServer> {
  const askers = { origins: [], isOwnName: ownNames(hosts), isOwnPage: () => false }
  const at = (place: string) =>
    serveHttp({ listen: place, routes, pages: {}, ...askers, limits: LIMITS }, { nowMs: systemClock.nowMs, report })
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
