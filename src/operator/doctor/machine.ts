import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, resolve } from 'node:path'
import { atWork, readRun, type Run } from '#node/run-file.ts'
import type { Role } from '#node/settings/roles.ts'
import { flagOf, type SettingName, SETTINGS } from '#node/settings/settings.ts'
import type { Given } from './chains.ts'
import { bad, doubtful, type Finding, good } from './finding.ts'

/** What this machine has: room, files, ports. */

const GIGABYTE = 1e9
const FREE_LOW_BYTES = 5 * GIGABYTE
const FREE_MIN_BYTES = GIGABYTE
/** A sequencer holds a socket per peer, an IPFS node a file per block that is read. */
const FILES_MIN = 4_096

/** The process that works on the data directory now. */
export const runningOn = ({ dataDir = '' }: Given): Run | undefined => atWork(readRun(dataDir))

/** Why the role has ended by itself, or did not start, if nobody has started it since. */
export function lastEndOf({ dataDir = '' }: Given): readonly Finding[] {
  const { failed } = readRun(dataDir) ?? {}
  if (failed === undefined) return []
  const how = failed.isStart === true ? 'its last start failed' : 'it ended by itself'
  const when = new Date(failed.atMs).toISOString().slice(0, 19)
  return [doubtful('last end', `${how} at ${when}Z: ${failed.why}`, 'start it again when that is mended')]
}

/** The folder itself, or where it would be made. */
export function nearestFolder(path: string): string {
  const here = resolve(path)
  return existsSync(here) || dirname(here) === here ? here : nearestFolder(dirname(here))
}

/** What to do with a folder that cannot be written to; `undefined` of one that can. Whose it is says nothing where the file system is read-only. */
export function mendUnwritable(folder: string, access: (path: string, mode: number) => void = accessSync): string | undefined {
  try {
    access(folder, constants.W_OK)
    return undefined
  } catch (cause) {
    const isReadOnly = (cause as NodeJS.ErrnoException).code === 'EROFS'
    return isReadOnly ? 'its file system is read-only: mount it to be written to' : `\`chown -R $(id -u) ${folder}\``
  }
}

export function diskOf({ dataDir = '.' }: Given): readonly Finding[] {
  const folder = nearestFolder(dataDir)
  if (!statSync(folder).isDirectory())
    return [bad('data directory', `${folder} is no folder`, `\`mv ${folder} ${folder}.other\`, or another --data-dir`)]
  const mending = mendUnwritable(folder)
  if (mending !== undefined) return [bad('data directory', `${folder} cannot be written to`, `${mending}, or another --data-dir`)]
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  const detail = `${(free / GIGABYTE).toFixed(1)} GB free at ${folder}`
  const mend = `\`./weft storage prune --data-dir ${dataDir}\` while the role is stopped, or a larger disk`
  if (free < FREE_MIN_BYTES) return [bad('disk', detail, mend)]
  return [free < FREE_LOW_BYTES ? doubtful('disk', detail, mend) : good('disk', detail)]
}

/** As Linux tells a process of itself; elsewhere nothing is said. */
export function filesOf(limits = textAt('/proc/self/limits')): readonly Finding[] {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1]
  if (soft === undefined) return []
  const isEnough = soft === 'unlimited' || Number(soft) >= FILES_MIN
  return [
    isEnough
      ? good('open files', `${soft} at once`)
      : doubtful(
          'open files',
          `${soft} at once, ${FILES_MIN} are better`,
          '`ulimit -n 65536` before the start, `LimitNOFILE=65536` in a systemd unit',
        ),
  ]
}

function textAt(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const LISTENING: readonly SettingName[] = [
  'grpcListen',
  'p2pListen',
  'hearListen',
  'ipfsListen',
  'httpListen',
  'statusListen',
  'healthListen',
  'gatewayPort',
]

/** Where a setting listens; `undefined` for what takes a free port, or none. */
export function placeIn(value: unknown): { readonly host: string; readonly port: number } | undefined {
  if (typeof value === 'number') return value === 0 ? undefined : { host: '127.0.0.1', port: value }
  const [, host = '', port = ''] = /^\/ip[46]\/([^/]+)\/tcp\/(\d+)/.exec(String(value)) ?? /^(.+):(\d+)$/.exec(String(value)) ?? []
  return Number(port) === 0 ? undefined : { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
}

function whyNot({ host, port }: { readonly host: string; readonly port: number }): Promise<string | undefined> {
  return new Promise((done) => {
    const server = createServer()
    server.once('error', (failure: NodeJS.ErrnoException) => done(failure.code ?? failure.message))
    server.listen(port, host, () => server.close(() => done(undefined)))
  })
}

/** Of a role that does not run: whether it could listen where it is to. */
export async function portsOf(role: Role, settings: Given): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const name of LISTENING.filter((setting) => (SETTINGS[setting].roles as readonly Role[]).includes(role))) {
    for (const place of [settings[name]].flat().map(placeIn)) {
      if (place === undefined) continue
      const check = `port ${place.port}`
      const failure = await whyNot(place)
      if (failure === undefined) findings.push(good(check, `free for ${flagOf(name)}`))
      else if (failure === 'EADDRINUSE')
        findings.push(
          bad(
            check,
            `taken by another process; ${flagOf(name)} needs it`,
            `\`ss -ltnp sport = :${place.port}\` says by whom; or another ${flagOf(name)}`,
          ),
        )
      else
        findings.push(
          bad(
            check,
            `${place.host} cannot be listened on: ${failure}`,
            `another ${flagOf(name)}: an address of this machine, and a port above 1023`,
          ),
        )
    }
  }
  return findings
}
