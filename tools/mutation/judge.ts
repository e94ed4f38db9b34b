import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Fault, plant } from './fault.ts'

/** Who noticed a fault. `hung` and `mute` are no way to notice one: a run without an end, and one that ends without naming a test. */
export type Verdict =
  | { readonly kind: 'near' | 'far'; readonly by: string; readonly testPath: string }
  | { readonly kind: 'unseen' | 'hung' }
  | { readonly kind: 'mute'; readonly tail: string }

/** A run of the nearest tests takes seconds; whoever needs longer than this waits for something that does not come. */
const NEAR_LIMIT_MS = 150_000
const FAR_LIMIT_MS = 600_000
const TAIL_CHARS = 2_000

interface Assertion {
  readonly status: string
  readonly fullName: string
}
interface Report {
  readonly testResults: readonly { readonly name: string; readonly status: string; readonly assertionResults: readonly Assertion[] }[]
}

/** The tests that stand in the folder of the file; of a folder without any, in the one above it. */
function nearOf(path: string): string {
  return `${dirname(path)}/`
}

/** Plants the fault in a copy of the project and asks the tests beside the file, then all that need no network of their own. */
export async function judge(copy: string, fault: Fault, signal: AbortSignal): Promise<Verdict> {
  const restore = plant(copy, fault)
  try {
    const near = await runTests({ copy, paths: [nearOf(fault.path)], limitMs: NEAR_LIMIT_MS, signal })
    if (near !== 'green')
      return typeof near === 'string' ? { kind: near } : 'tail' in near ? { kind: 'mute', ...near } : { kind: 'near', ...near }
    const far = await runTests({ copy, paths: [], limitMs: FAR_LIMIT_MS, signal })
    if (far === 'green') return { kind: 'unseen' }
    return typeof far === 'string' ? { kind: far } : 'tail' in far ? { kind: 'mute', ...far } : { kind: 'far', ...far }
  } finally {
    restore()
  }
}

interface Asked {
  readonly copy: string
  /** Only test files below these; all when empty. */
  readonly paths: readonly string[]
  readonly limitMs: number
  readonly signal: AbortSignal
}

/** `green`, `hung`, or the first test that failed; the end of what was printed when something else did. */
export async function runTests(asked: Asked): Promise<'green' | 'hung' | { by: string; testPath: string } | { tail: string }> {
  const { copy, paths, limitMs, signal } = asked
  // A signal that aborted before calls no listener.
  signal.throwIfAborted()
  const reportPath = join(copy, 'report.json')
  rmSync(reportPath, { force: true })
  const vitest = join(copy, 'node_modules/vitest/vitest.mjs')
  const flags = ['--project', 'fast', '--bail', '1', '--maxWorkers', '1', '--passWithNoTests']
  const reporting = ['--reporter=json', `--outputFile.json=${reportPath}`]
  const child = spawn(process.execPath, [vitest, 'run', ...flags, ...reporting, ...paths], {
    cwd: copy,
    // A group of its own: what its tests started ends with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  const keep = (chunk: Buffer) => {
    printed = (printed + chunk.toString()).slice(-TAIL_CHARS)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const end = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
  }
  signal.addEventListener('abort', end, { once: true })
  let isHung = false
  const timer = setTimeout(() => {
    isHung = true
    end()
  }, limitMs)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  clearTimeout(timer)
  signal.removeEventListener('abort', end)
  signal.throwIfAborted()
  if (isHung) return 'hung'
  if (code === 0) return 'green'
  return firstFailure(reportPath, copy) ?? { tail: printed }
}

function firstFailure(reportPath: string, copy: string): { by: string; testPath: string } | undefined {
  if (!existsSync(reportPath)) return undefined
  const { testResults } = JSON.parse(readFileSync(reportPath, 'utf8')) as Report
  for (const { name, assertionResults } of testResults) {
    const failed = assertionResults.find(({ status }) => status === 'failed')
    if (failed !== undefined) return { by: failed.fullName, testPath: name.slice(copy.length + 1) }
  }
  return undefined
}

/** What a verdict rests on: while the patch, the patched file and the test that noticed are the same, nobody need ask again. */
export function evidenceOf(root: string, fault: Fault, testPath: string): string {
  const hash = createHash('sha256').update(JSON.stringify(fault.patch))
  for (const path of [fault.path, testPath]) hash.update(existsSync(join(root, path)) ? readFileSync(join(root, path)) : '')
  return hash.digest('hex')
}
