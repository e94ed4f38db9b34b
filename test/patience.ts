import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ChildProcess } from 'node:child_process'
import type { Reporter, TestModule } from 'vitest/node'

/**
 * Ends a run that would never end. Vitest's own time-outs fire inside the worker that runs a test: one that is caught in a loop, of code
 * or of promises, never gets to its timers. So the main process listens: a test file of which nothing is heard for too long is named,
 * and the run fails.
 */

export interface PatienceOptions {
  /** How long nothing may be heard of a test file. */
  readonly silenceMaxMs: (path: string) => number
  /** How long the whole run may take. */
  readonly runMaxMs: number
  readonly checkEveryMs: number
}

export interface PatienceDeps {
  readonly nowMs: () => number
  readonly say: (text: string) => void
  /** Ends the run, and every worker with it. */
  readonly giveUp: () => void
}

/** Longer than any test or hook there is: the longest, a group of simulated networks, has 200 s. */
const SILENCE_MAX_MS = 240_000
/** These run a compiler, which has ten minutes, and nothing is heard of them meanwhile. */
const COMPILING = 'test/contracts/'
const SILENCE_COMPILING_MAX_MS = 660_000
/** Several times what all tests take on two cores. */
const RUN_MAX_MS = 40 * 60_000

/** Who explores, by `SIM_RUNS` or `SIM_FIND`, has asked for as long as it takes; of what hangs nothing is heard all the same. */
export function limitsOf(environment: NodeJS.ProcessEnv): PatienceOptions {
  const isExploring = environment['SIM_RUNS'] !== undefined || environment['SIM_FIND'] !== undefined
  return {
    silenceMaxMs: (path) => (path.startsWith(COMPILING) ? SILENCE_COMPILING_MAX_MS : SILENCE_MAX_MS),
    runMaxMs: isExploring ? Number.POSITIVE_INFINITY : RUN_MAX_MS,
    checkEveryMs: 5_000,
  }
}

interface Word {
  readonly atMs: number
  readonly what: string
}

export function createPatience(options: PatienceOptions, deps: PatienceDeps): Reporter {
  /** The last that was heard of each test file under way. */
  const running = new Map<string, Word>()
  /** What comes late of a file that has ended is no sign of life: it would be waited for ever. */
  const ended = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let startedMs = 0

  const hear = (module: TestModule, what: string): void => {
    if (!ended.has(module.relativeModuleId)) running.set(module.relativeModuleId, { atMs: deps.nowMs(), what })
  }
  const inSeconds = (ms: number): string => `${Math.round(ms / 1_000)} s`

  function check(): void {
    const nowMs = deps.nowMs()
    const silent = [...running].filter(([path, { atMs }]) => nowMs - atMs > options.silenceMaxMs(path))
    const isOver = nowMs - startedMs > options.runMaxMs
    if (silent.length === 0 && !isOver) return
    clearInterval(timer)
    const reason = isOver ? `the run takes longer than ${inSeconds(options.runMaxMs)}` : 'a test file hangs'
    const lines = [...running].map(([path, { atMs, what }]) => `  ${path}: nothing heard for ${inSeconds(nowMs - atMs)}, since ${what}`)
    deps.say(`weft: given up, for ${reason}. Under way:\n${lines.join('\n') || '  no test file'}\n`)
    deps.giveUp()
  }

  return {
    onTestRunStart() {
      startedMs = deps.nowMs()
      running.clear()
      ended.clear()
      clearInterval(timer)
      timer = setInterval(check, options.checkEveryMs)
    },
    onTestModuleQueued: (module) => hear(module, 'it was given to a worker'),
    onTestModuleStart: (module) => hear(module, 'it was started'),
    onTestCaseReady: (test) => hear(test.module, `'${test.fullName}' began`),
    onTestCaseResult: (test) => hear(test.module, `'${test.fullName}' ended`),
    onHookStart: ({ name, entity }) => hear(entity.type === 'module' ? entity : entity.module, `${name} began`),
    onHookEnd: ({ name, entity }) => hear(entity.type === 'module' ? entity : entity.module, `${name} ended`),
    onTestModuleEnd({ relativeModuleId }) {
      ended.add(relativeModuleId)
      running.delete(relativeModuleId)
    },
    onTestRunEnd() {
      clearInterval(timer)
    },
  }
}

/** For the run that reads the configuration: ends this process and those it started, also those that hear no signal any more. */
export function patience(): Reporter {
  const children = new Set<ChildProcess>()
  const note = (message: unknown): void => {
    const { process: child } = message as { readonly process: ChildProcess }
    children.add(child)
    child.once('exit', () => children.delete(child))
  }
  subscribe('child_process', note)
  return createPatience(limitsOf(process.env), {
    nowMs: () => performance.now(),
    say: (text) => void process.stderr.write(text),
    giveUp() {
      unsubscribe('child_process', note)
      for (const child of children) child.kill('SIGKILL')
      process.exit(1)
    },
  })
}
