import { createHash, randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { detailOf, WeftError } from '#domain/errors.ts'
import { replaceFile } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { isRecord, parseJson, unlessThrown } from '#wire/untrusted.ts'

const home = join(import.meta.dirname, '../..')
/** Beside the libraries that it is made with: installing others takes it away. */
const BUILDS = join(home, 'node_modules/.weft-dashboard')
const CONFIG = join(home, 'dashboard/vite.config.ts')
/** A package has no sources to build from: it brings the pages as they were when it was made. */
const BROUGHT = join(home, 'dashboard/dist')

/** Where the pages come from, and where they go; unless said, the dashboard of this checkout. */
export interface DashboardOptions {
  readonly root?: string
  readonly builds?: string
  /** Called when it takes longer than a look: about two seconds of building. */
  readonly onBuild?: () => void
}

/** What was read for a build, by path from the root of the pages, with its hash. It tells whether the build is of today's files. */
type Sources = Readonly<Record<string, string>>

/** Of this process, not of whoever asks: what is shared is a folder of this machine. A build leaves it when it ends, whichever way. */
const underWay = new Map<string, Promise<string>>()

/**
 * The folder with the pages of the dashboard, built when there is none yet or one of its sources has changed. Several may ask at once, in several
 * processes: each build has a folder of its own, that no later one touches. Throws `DASHBOARD_UNBUILT`.
 */
export function dashboardFolder({
  root = join(home, 'dashboard'),
  builds = BUILDS,
  onBuild = () => undefined,
}: DashboardOptions = {}): Promise<string> {
  if (!existsSync(CONFIG)) return Promise.resolve(BROUGHT)
  const place = resolve(builds)
  const started = underWay.get(place)
  if (started !== undefined) return started
  const work = currentOrBuilt({ root, builds: place, onBuild }).finally(() => underWay.delete(place))
  underWay.set(place, work)
  return work
}

async function currentOrBuilt({ root, builds, onBuild }: Required<DashboardOptions>): Promise<string> {
  try {
    const current = currentBuild(root, builds)
    if (current !== undefined) return current
    onBuild()
    return await build(root, builds)
  } catch (cause) {
    throw new WeftError('DASHBOARD_UNBUILT', { detail: detailOf(cause) }, cause)
  }
}

/** The build that was made last, when all it was made of is as it was. */
function currentBuild(root: string, builds: string): string | undefined {
  const stamp = unlessThrown(() => parseJson(readFileSync(join(builds, 'current.json'), 'utf8')))
  if (!isRecord(stamp) || typeof stamp['folder'] !== 'string' || !isRecord(stamp['sources'])) return undefined
  const sources = Object.entries(stamp['sources'])
  const isCurrent = sources.every(([path, hash]) => unlessThrown(() => hashOf(join(root, path))) === hash)
  const folder = join(builds, stamp['folder'])
  return isCurrent && unlessThrown(() => readFileSync(join(folder, 'index.html'))) !== undefined ? folder : undefined
}

async function build(root: string, builds: string): Promise<string> {
  // Not needed to run a role, and half a second to load.
  const vite = await import('vite')
  const name = randomUUID()
  const folder = join(builds, name)
  makeFolder(builds)
  const result = await vite.build({ root, configFile: CONFIG, logLevel: 'error', build: { outDir: folder } })
  const modules = [result]
    .flat()
    .flatMap((each) => ('output' in each ? each.output : []))
    .flatMap((file) => ('moduleIds' in file ? file.moduleIds : []))
  const sources = sourcesOf(root, [...modules, ...besides(root)])
  // Not before it is whole: a folder that is not named here is nobody's.
  replaceFile(join(builds, 'current.json'), JSON.stringify({ folder: name, sources }), 0o600)
  return folder
}

/** What goes into a build and is no module; of the libraries their versions stand for them. */
const besides = (root: string): string[] => [
  CONFIG,
  join(home, 'package-lock.json'),
  join(root, 'index.html'),
  ...readdirSync(join(root, 'public')).map((name) => join(root, 'public', name)),
]

function sourcesOf(root: string, ids: readonly string[]): Sources {
  // What bundlers make up themselves is no path.
  const paths = ids.map((id) => id.replace(/\?.*$/, '')).filter((path) => path.startsWith('/') && !path.includes('/node_modules/'))
  return Object.fromEntries(paths.map((path) => [relative(root, path), hashOf(path)]))
}

const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('base64url')
