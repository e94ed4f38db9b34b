import vm from 'node:vm'
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { type Failure, type Inward, type Outward, TOGETHER_MAX, together } from './messages.ts'
import { ENTRY_FILE, HARDEN, readProgram, SERVE, type Sources } from './program.ts'
import { decode, encode } from './text.ts'

/**
 * The thread of one compute set. Each run has a context of its own, which sees the language and what it is given: nothing is left over from
 * another run, and one that does not end is ended alone.
 */

/** What the thread is started with. */
export interface WorkerData {
  readonly port: MessagePort
  /** Raised with each message that goes out on `port`: who waits on the spot waits for this. */
  readonly told: Int32Array
  readonly answers: MessagePort
  /** Raised with each message on `answers`. */
  readonly answered: Int32Array
  /** A folder to be read, or what was read of it before. */
  readonly program: string | Sources
  readonly turnMsMax: number
}

interface Run {
  readonly context: vm.Context
  /** Calls that are not answered yet. */
  open: number
  /** Those of the turn that are not told yet. */
  calls: string[]
  isOver: boolean
}

const { port, told, answers, answered, program, turnMsMax } = workerData as WorkerData
const ANSWER_MS_MAX = 30_000
const ENTRY = 'weft:entry'
const ENTRY_TEXT = `import '${HARDEN}'\nimport * as loaded from '${ENTRY_FILE}'\nimport { serve } from '${SERVE}'\nserve(loaded)\n`
const TURN = new vm.Script('take()')
const TOO_LONG = 'ERR_SCRIPT_EXECUTION_TIMEOUT'

function tell(text: string): void {
  port.postMessage(text)
  Atomics.add(told, 0, 1)
  Atomics.notify(told, 0)
}

const found = typeof program === 'string' ? readProgram(program) : { sources: program }
tell(encode(found))
if ('sources' in found) {
  const runs = new Map<number, Run>()
  port.on('message', (text: string) => handle(text, found.sources, runs))
}

function handle(text: string, sources: Sources, runs: Map<number, Run>): void {
  const messages = [decode(text)].flat() as readonly Inward[]
  const [first] = messages as readonly [Inward]
  const { run: id } = first
  let next = text
  const take = (): string => {
    const taken = next
    next = ''
    return taken
  }
  const fail = (failure: unknown): void => {
    runs.delete(id)
    tell(encode({ run: id, outcome: { ok: false, ...failureOf(failure) } } satisfies Outward))
  }
  let run = runs.get(id)
  if ('call' in first) {
    if (run === undefined) return
    run.open -= messages.length
    inboxes.set(run, take)
  }
  try {
    if (run === undefined) {
      run = openRun(id, runs)
      inboxes.set(run, take)
      runs.set(id, run)
      load(run.context, sources)
    }
    TURN.runInContext(run.context, { timeout: turnMsMax })
    tellCalls(run)
  } catch (failure) {
    fail(failure)
    return
  }
  if (!run.isOver && run.open === 0) fail(new Error('it waits for something that nobody will bring'))
}

function tellCalls({ calls }: Run): void {
  if (calls.length > 0) tell(together(calls.splice(0)))
}

/** What each run takes next. */
const inboxes = new WeakMap<Run, () => string>()

function openRun(id: number, runs: Map<number, Run>): Run {
  // Without a prototype, for what a context finds on this object it has. An ordinary global (`DONT_CONTEXTIFY`) would be faster, but there
  // neither a time limit nor the end of memory ends what fills its memory (Node.js 26.10).
  const outside = Object.create(null) as Record<string, unknown>
  const context = vm.createContext(outside, {
    name: `run ${id}`,
    codeGeneration: { strings: false, wasm: false },
    // Its promises are settled within the turn, and so within the turn's time.
    microtaskMode: 'afterEvaluate',
  })
  const run: Run = { context, open: 0, calls: [], isOver: false }
  // Only texts pass. They are out of anybody's reach before the set is loaded (`harden.ts`).
  Object.assign(outside, {
    next: () => inboxes.get(run)?.(),
    call(text: unknown) {
      if (run.isOver) return
      run.open += 1
      if (run.calls.push(String(text)) === TOGETHER_MAX) tellCalls(run)
    },
    conclude(text: unknown) {
      if (run.isOver) return
      run.isOver = true
      runs.delete(id)
      // Before its end: how many there were may be too many.
      tellCalls(run)
      tell(String(text))
    },
    ask: (text: unknown) => askNow(String(text)),
  })
  return run
}

/** What the code of each file is compiled to, once for all contexts. */
const compiled = new Map<string, Buffer>()

function load(context: vm.Context, sources: Sources): void {
  const modules = new Map<string, vm.SourceTextModule>()
  const all: Sources = {
    ...sources,
    [ENTRY]: { text: ENTRY_TEXT, imports: { [HARDEN]: HARDEN, [ENTRY_FILE]: ENTRY_FILE, [SERVE]: SERVE } },
  }
  for (const [name, { text }] of Object.entries(all)) {
    const cachedData = compiled.get(name)
    const options = { context, identifier: name, importModuleDynamically: never, ...(cachedData && { cachedData }) }
    const module = new vm.SourceTextModule(text, options)
    if (cachedData === undefined) compiled.set(name, (module as unknown as vm.Script).createCachedData())
    modules.set(name, module)
  }
  for (const [name, module] of modules)
    module.linkRequests(
      module.moduleRequests.map(({ specifier }) => modules.get(all[name]?.imports[specifier] ?? '') as vm.SourceTextModule),
    )
  const entry = modules.get(ENTRY) as vm.SourceTextModule
  entry.instantiate()
  entry.evaluate({ timeout: turnMsMax }).catch(() => undefined)
  // Of one that was ended from outside there is no error.
  if (entry.status === 'errored') throw entry.error ?? Object.assign(new Error(), { code: TOO_LONG })
}

/** `import(…)` is refused before anything runs; one that was not found waits for ever, and so ends its run. */
const never = () => new Promise<never>(() => undefined)

/** Stands still until the process has answered: for what a compute asks without waiting. */
function askNow(text: string): string {
  const before = Atomics.load(answered, 0)
  tell(encode({ ask: text }))
  if (Atomics.wait(answered, 0, before, ANSWER_MS_MAX) === 'timed-out') throw new Error('no answer')
  return (receiveMessageOnPort(answers) as { readonly message: string }).message
}

function failureOf(failure: unknown): Failure {
  if ((failure as NodeJS.ErrnoException | undefined)?.code !== TOO_LONG) return { message: wordsOf(failure) }
  const detail = `it computes for ${turnMsMax} ms without waiting for anything, and does not end`
  return { message: detail, code: 'COMPUTE_LIMIT', facts: { limit: 'time', allowed: turnMsMax, detail } }
}

function wordsOf(failure: unknown): string {
  const { message, stack = '' } = (failure ?? {}) as { readonly message?: unknown; readonly stack?: unknown }
  const place = /(?:^|[\s(])((?:[\w.-]+\/)*[\w.-]+\.ts:\d+)/.exec(String(stack))?.[1]
  return `${place === undefined ? '' : `${place}: `}${String(message ?? failure)}`
}
