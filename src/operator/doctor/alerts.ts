import { once } from 'node:events'
import { connect } from 'node:net'
import { alertPlacesOf } from '#node/alert-places.ts'
import type { Given } from './chains.ts'
import { bad, type Finding, good } from './finding.ts'

/** Whether those who are to hear of what goes wrong are reached. Nothing is sent to them: they would believe it. */

const CHECK = 'alerts'
const TIMEOUT_MS = 5_000

export async function lookAtAlerts({ alertTo, heartbeatUrl }: Given): Promise<readonly Finding[]> {
  const places = alertTo === undefined ? [] : alertPlacesOf({ alertTo })
  const heartbeat = heartbeatUrl?.reveal() ?? ''
  const beats = heartbeat === '' ? [] : [{ kind: 'heartbeat', url: heartbeat }]
  return Promise.all([...places, ...beats].map(({ kind, url }) => lookAt(kind, new URL(url))))
}

/** Of a URL that may be a secret, what can be said is its host. */
async function lookAt(kind: string, { protocol, hostname, host, port }: URL): Promise<Finding> {
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'http:' ? 80 : 443) })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(TIMEOUT_MS) })
    return good(CHECK, `${kind} at ${host} is reached; nothing was sent there`)
  } catch (failure) {
    const { code = 'no answer in time' } = failure as { readonly code?: unknown }
    const why = typeof code === 'string' && code !== 'ABORT_ERR' ? code : 'no answer in time'
    const setting = kind === 'heartbeat' ? '--heartbeat-url' : '--alert-to'
    return bad(CHECK, `${kind} at ${host} is not reached: ${why}; nobody would be told`, `is it up, and is its URL in ${setting} right?`)
  } finally {
    socket.destroy()
  }
}
