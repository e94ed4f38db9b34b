import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { WeftError } from '#domain/errors.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { isAlive } from '#node/run-file.ts'
import type { DevnetFolder } from './folder.ts'

/** Where everything of a devnet is reached; `devnet.json` in its data directory while it runs, `kept.json` afterwards. */
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
  /** Read-only trustless gateways of the embedded IPFS nodes, by the folder of their role. */
  readonly gateways: Readonly<Record<string, string>>
  /** Multiaddrs. */
  readonly sequencer: readonly string[]
  /** URL of its HTTP routes. */
  readonly sequencerHttp: string
  /** URL of the data api, and of the dashboard. */
  readonly api: string
  readonly relay: readonly string[]
  /** host:port of the gRPC service of each collector. */
  readonly collectors: readonly string[]
  readonly projects: readonly string[]
  /** Folders of compute sets that run beside those that the devnet has. */
  readonly computes?: readonly string[]
}

export const RUNNING = 'devnet.json'
/** Takes its place at the end, where the folder stays. */
export const KEPT = 'kept.json'
/** What the anchor chain leaves when it ends. */
export const CHAIN_STATE = 'anchor-chain.json'

/** One per devnet of this user that runs or was kept, so that `./weft verify` needs no flag, and one that ends takes none away from another. */
interface Announcement {
  readonly dataDir: string
  readonly processId: number
  /** Of two, the later one has the higher number. */
  readonly order: number
}

function announcementsFolder(): string {
  return join(tmpdir(), `weft-devnets-${userInfo().uid}`)
}

function announcementPath(dataDir: string): string {
  return join(announcementsFolder(), `${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}.json`)
}

/** Makes the devnet findable: in its data directory, and among those that run. Throws as `onDisk`. */
export function announce(endpoints: DevnetEndpoints, devnet: Pick<DevnetFolder, 'file'>): void {
  const { dataDir, processId } = endpoints
  const write = (path: string, value: unknown): void =>
    onDisk(path, 'writing it', () => replaceFile(path, `${JSON.stringify(value, undefined, 2)}\n`, 0o600))
  write(devnet.file(RUNNING), endpoints)
  const folder = announcementsFolder()
  onDisk(folder, 'creating it', () => mkdirSync(folder, { recursive: true, mode: 0o700 }))
  // Anybody may have made it: `verify` would ask whatever chain it finds there.
  if (!isOwn(folder)) return
  const earlier = announcements()
  for (const other of earlier)
    if (!isAlive(other.processId) && findKept(other.dataDir) === undefined) rmSync(announcementPath(other.dataDir), { force: true })
  const order = 1 + Math.max(0, ...earlier.map((other) => other.order))
  write(announcementPath(dataDir), { dataDir, processId, order } satisfies Announcement)
}

/** Takes back what `announce` wrote, and nothing of another devnet. */
export function withdraw(dataDir: string): void {
  rmSync(join(dataDir, RUNNING), { force: true })
  rmSync(announcementPath(dataDir), { force: true })
}

/** It runs no more; what was where stays written down, and announced, for whoever opens the folder again. */
export function keep(dataDir: string, devnet: Pick<DevnetFolder, 'file'>): void {
  onDisk(dataDir, 'keeping it', () => renameSync(devnet.file(RUNNING), devnet.file(KEPT)))
}

/** The endpoints of the devnet in `dataDir`, or of the one started last. Throws `DATA_DIR_UNKNOWN` when it does not run or may not be read. */
export function findDevnet(dataDir?: string): DevnetEndpoints {
  const folders = dataDir === undefined ? announced() : [dataDir]
  for (const folder of folders) {
    const endpoints = readJson<DevnetEndpoints>(join(folder, RUNNING))
    if (endpoints !== undefined && isAlive(endpoints.processId)) return endpoints
  }
  throw new WeftError('DATA_DIR_UNKNOWN', { dataDir: dataDir ?? '(none given, none announced)' })
}

/** Where things were in a devnet that has ended and left everything that a proof needs. */
export function findKept(dataDir: string): DevnetEndpoints | undefined {
  return existsSync(join(dataDir, CHAIN_STATE)) ? readJson<DevnetEndpoints>(join(dataDir, KEPT)) : undefined
}

/** The folder of the devnet started last, of those that run and those that were kept. */
export function latestDevnet(): string | undefined {
  return announced().find((folder) => isRunning(folder) || findKept(folder) !== undefined)
}

function isRunning(folder: string): boolean {
  const endpoints = readJson<DevnetEndpoints>(join(folder, RUNNING))
  return endpoints !== undefined && isAlive(endpoints.processId)
}

/** Folders of devnets that have announced themselves, the latest first. */
function announced(): string[] {
  return announcements()
    .sort((left, right) => right.order - left.order)
    .map(({ dataDir }) => dataDir)
}

function announcements(): Announcement[] {
  const folder = announcementsFolder()
  if (!isOwn(folder)) return []
  return readdirSync(folder).flatMap((name) => readJson<Announcement>(join(folder, name)) ?? [])
}

/** A folder of this user that nobody else writes to. */
function isOwn(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false })
  return found?.isDirectory() === true && found.uid === userInfo().uid && (found.mode & 0o022) === 0
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
