import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { endGroup } from '#node/process-group.ts'
import { type Fault, plant } from './fault.ts'

/** Who noticed a fault. `hung` and `mute` are no way to notice one: a run without an end, and one that ends without naming a test. */
export type Verdict =
  | { readonly kind: 'near' | 'far'; readonly by: string; readonly testPath: string }
  | { readonly kind: 'unseen' | 'hung' }
  | { readonly kind: 'mute'; readonly tail: string }

/** A run of the nearest tests takes seconds; whoever needs longer than this waits for something that does not come. */
const NEAR_LIMIT_MS = 150_000
const FAR_LIMIT_MS = 300_000
const TAIL_CHARS = 2_000

interface Assertion {
  readonly status: string
  readonly fullName: string
}
interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly Assertion[]
  }[]
}

/** What tells the whole story: asked when the tests beside the file saw nothing. */
const FAR = ['test/journey', 'test/sim']

interface Circle {
  readonly kind: 'near' | 'far'
  readonly paths: readonly string[]
  readonly limitMs: number
}

/** Whom to ask, the cheapest first: the tests of the file, all in its folder and in those above it, then those that tell the story. */
function circlesAround(path: string): readonly Circle[] {
  return [
    { kind: 'near', paths: [path.replace(/ts$/, 'test')], limitMs: NEAR_LIMIT_MS },
    ...foldersAround(path).map((folder) => ({ kind: 'near', paths: [folder], limitMs: FAR_LIMIT_MS }) as const),
    { kind: 'far', paths: FAR, limitMs: FAR_LIMIT_MS },
  ]
}

/** Up to that of the role or the adapter: stages that lie in folders of their own are tested where they are put together. */
function foldersAround(path: string): readonly string[] {
  const names = dirname(path).split('/')
  return Array.from({ length: Math.max(1, names.length - 2) }, (_, up) => `${names.slice(0, names.length - up).join('/')}/`)
}

/** Plants the fault in a copy of the project and asks who notices. */
export async function judge(copy: string, fault: Fault, signal: AbortSignal): Promise<Verdict> {
  const restore = plant(copy, fault)
  try {
    for (const { kind, paths, limitMs } of circlesAround(fault.path)) {
      const heard = await runTests({ copy, paths, limitMs, signal })
      if (heard === 'green') continue
      if (heard === 'hung') return { kind: 'hung' }
      return 'tail' in heard ? { kind: 'mute', ...heard } : { kind, ...heard }
    }
    return { kind: 'unseen' }
  } finally {
    restore()
  }
}

interface Asked {
  readonly copy: string
  /** Only test files below these. */
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
  const end = (): void => endGroup(child.pid)
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
  // Also after a good end: what the tests started may run on.
  end()
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
  for (const { name, status, message, assertionResults } of testResults) {
    const failed = assertionResults.find((assertion) => assertion.status === 'failed')
    // A file whose set-up fails has no failed test, but says why.
    const by = failed?.fullName ?? (status === 'failed' && message !== '' ? message.split('\n', 1).join() : undefined)
    if (by !== undefined) return { by, testPath: name.slice(copy.length + 1) }
  }
  return undefined
}

/** What a verdict rests on: while the patch, the patched file and the test that noticed are the same, nobody need ask again. */
export function evidenceOf(root: string, fault: Fault, testPath: string): string {
  const hash = createHash('sha256').update(JSON.stringify(fault.patch))
  for (const path of [fault.path, testPath]) hash.update(existsSync(join(root, path)) ? readFileSync(join(root, path)) : '')
  return hash.digest('hex')
}
