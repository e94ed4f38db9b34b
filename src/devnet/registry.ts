import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { WeftError } from '#domain/errors.ts'
import { onDisk } from '#node/disk.ts'

/** Where everything of a running devnet is reached; `devnet.json` in its data directory. */
export interface DevnetEndpoints {
  readonly processId: number
  readonly dataDir: string
  readonly anchorRpcUrl: string
  readonly anchorChainId: number
  readonly sourceRpcUrl: string
  readonly sourceChainId: number
  readonly protocolState: string
  readonly dataMarket: string
  readonly nodes: string
  /** Read-only trustless gateways of the embedded IPFS nodes. */
  readonly gateways: Readonly<Record<string, string>>
  /** Multiaddrs. */
  readonly sequencer: readonly string[]
  readonly relay: readonly string[]
  /** host:port of the gRPC service of each collector. */
  readonly collectors: readonly string[]
  readonly projects: readonly string[]
}

/** Points at the devnet started last by this user, so that `weft verify` needs no flag while one runs. */
function pointerPath(): string {
  return join(tmpdir(), `weft-devnet-${userInfo().uid}.json`)
}

const endpointsPath = (dataDir: string): string => join(dataDir, 'devnet.json')

/** Makes the devnet findable: in its data directory, and through the pointer. Throws `STORE_FAILED`. */
export function announce(endpoints: DevnetEndpoints): void {
  const { dataDir } = endpoints
  const write = (path: string, text: string): void => onDisk(path, 'writing it', () => writeFileSync(path, text, { mode: 0o600 }))
  write(endpointsPath(dataDir), `${JSON.stringify(endpoints, undefined, 2)}\n`)
  write(pointerPath(), JSON.stringify({ dataDir }))
}

/** Takes back what `announce` wrote, unless another devnet has announced itself since. */
export function withdraw(dataDir: string): void {
  rmSync(endpointsPath(dataDir), { force: true })
  if (pointedAt() === dataDir) rmSync(pointerPath(), { force: true })
}

/** The endpoints of the devnet in `dataDir`, or of the one started last. Throws `DATA_DIR_UNKNOWN` when it does not run or may not be read. */
export function findDevnet(dataDir?: string): DevnetEndpoints {
  const folder = dataDir ?? pointedAt()
  const endpoints = folder === undefined ? undefined : readJson<DevnetEndpoints>(endpointsPath(folder))
  if (endpoints === undefined || !isAlive(endpoints.processId))
    throw new WeftError('DATA_DIR_UNKNOWN', { dataDir: folder ?? '(none given, none announced)' })
  return endpoints
}

function pointedAt(): string | undefined {
  return readJson<{ dataDir: string }>(pointerPath())?.dataDir
}

/** Not there, somebody else's, or no folder at all: whichever, no devnet of this user is found there. */
const UNREADABLE: ReadonlySet<string> = new Set(['ENOENT', 'EACCES', 'ENOTDIR', 'EISDIR'])

function readJson<Value>(path: string): Value | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Value
  } catch (failure) {
    if (failure instanceof SyntaxError || UNREADABLE.has((failure as NodeJS.ErrnoException).code ?? '')) return undefined
    throw failure
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (failure) {
    // EPERM: it lives, but belongs to somebody else.
    return (failure as NodeJS.ErrnoException).code === 'EPERM'
  }
}
