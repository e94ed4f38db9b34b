import { extname, join } from 'node:path'
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker, type WorkerOptions } from 'node:worker_threads'
import { detailOf, isWeftError, WeftError } from '#domain/errors.ts'
import { type Failure, type IsolateLimits, type Outcome, type Outward, type Task, TOGETHER_MAX, together } from './messages.ts'
import type { Sources } from './program.ts'
import { decode, encode } from './text.ts'
import type { WorkerData } from './worker.ts'

/** A thread that says nothing for so long at its start is not going to. */
const START_MS_MAX = 20_000

/** Memory ran out, or something ended it. */
export class ThreadDied extends Error {}

export interface RunRequest {
  readonly task: Task
  readonly input: Readonly<Record<string, unknown>>
}

export interface Thread {
  now(task: Task): Outcome
  perform(request: RunRequest): Promise<unknown>
  isDead(): boolean
  /** Resolves with what it ended of by itself, if it did. */
  stop(): Promise<unknown>
}

/** Names of what can be called on it. */
export function methodsOf(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Map) return []
  return Object.entries(value).flatMap(([name, member]) => (typeof member === 'function' ? [name] : []))
}

type Methods = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>

/** Makes a thread, as `new Worker` does: throws what the system says where there is none to be had. */
export type StartWorker = (entry: string, options: WorkerOptions) => Worker
export const startWorker: StartWorker = (entry, options) => new Worker(entry, options)

/** Throws `THREAD_UNAVAILABLE`. */
function spawn(program: string | Sources, limits: IsolateLimits, start: StartWorker) {
  const { port1: port, port2: theirs } = new MessageChannel()
  const { port1: answers, port2: theirAnswers } = new MessageChannel()
  const told = new Int32Array(new SharedArrayBuffer(4))
  const answered = new Int32Array(new SharedArrayBuffer(4))
  const data: WorkerData = { port: theirs, told, answers: theirAnswers, answered, program, turnMsMax: limits.turnMsMax }
  const options: WorkerOptions = {
    workerData: data,
    transferList: [theirs, theirAnswers],
    // What a test runner or a debugger adds to ours is none of a compute's business.
    execArgv: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: limits.heapMbMax, maxYoungGenerationSizeMb: 32 },
  }
  const worker = unlessUnavailable(() => start(ENTRY, options))
  // No process stays for computes that nobody waits for.
  worker.unref()
  const answer = (text: string): void => {
    answers.postMessage(text)
    Atomics.add(answered, 0, 1)
    Atomics.notify(answered, 0)
  }
  return { port, told, worker, answer }
}

function unlessUnavailable(start: () => Worker): Worker {
  try {
    return start()
  } catch (failure) {
    throw unavailable(failure)
  }
}

/** What the system says where there is no thread to be had. */
export const unavailable = (failure: unknown) =>
  new WeftError('THREAD_UNAVAILABLE', { what: 'a compute set', detail: detailOf(failure) }, failure)

/** In a package all is JavaScript. */
const ENTRY = join(import.meta.dirname, `worker${extname(import.meta.filename)}`)

export type Started =
  | { readonly thread: Thread; readonly sources: Sources }
  | { readonly problems: readonly string[]; readonly stop: Thread['stop'] }

/** Starts a thread on a folder, or on what was read of one. Throws `THREAD_UNAVAILABLE`. */
export function startThread(program: string | Sources, limits: IsolateLimits, start: StartWorker): Started {
  const { port, told, worker, answer } = spawn(program, limits, start)
  const pending = new Map<number, Pending>()
  // A process does not end while a run is waited for, and stays for nothing else.
  const hold = (): void => {
    for (const each of [worker, port])
      if (pending.size > 0) each.ref()
      else each.unref()
  }
  let runs = 0
  let isDead = false
  const died = Promise.withResolvers<unknown>()
  worker.once('error', died.resolve)
  worker.once('exit', () => {
    died.resolve(undefined)
    isDead = true
    for (const { reject } of pending.values()) reject(new ThreadDied('the thread of a compute set ended'))
    pending.clear()
    port.close()
  })
  async function stop(): Promise<unknown> {
    await worker.terminate()
    return died.promise
  }
  const begun = decode(receive({ port, told }, () => true) ?? encode({ problems: ['does not load'] }))
  if ('problems' in (begun as object)) return { problems: (begun as { readonly problems: readonly string[] }).problems, stop }

  const reply = createReplies((text) => port.postMessage(text))
  const dispatch = (text: string): void => {
    for (const said of [decode(text)].flat() as readonly Said[]) answerTo(said, { pending, limits, answer, reply })
  }
  port.on('message', dispatch)
  port.unref()
  const thread: Thread = {
    isDead: () => isDead,
    stop,
    now(task) {
      const run = runs++
      let outcome: Outcome | undefined
      port.postMessage(encode({ run, task }))
      receive({ port, told }, (text) => {
        const said = decode(text) as Said
        if ('outcome' in said && said.run === run) outcome = said.outcome
        else dispatch(text)
        return outcome !== undefined
      })
      return outcome ?? { ok: false, message: 'does not answer: it takes too much memory, or does not end' }
    },
    perform({ task, input }) {
      const run = runs++
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      pending.set(run, { input, resolve, reject, calls: 0 })
      hold()
      try {
        port.postMessage(encode({ run, task }))
      } catch (failure) {
        pending.delete(run)
        reject(failure)
      }
      return promise.finally(() => {
        pending.delete(run)
        hold()
      })
    },
  }
  return { thread, sources: (begun as { readonly sources: Sources }).sources }
}

/** Takes what comes on the spot, until `isEnough` or too late. The last text. */
function receive(
  { port, told }: { readonly port: MessagePort; readonly told: Int32Array },
  isEnough: (text: string) => boolean,
): string | undefined {
  for (;;) {
    const before = Atomics.load(told as Int32Array<SharedArrayBuffer>, 0)
    const received = receiveMessageOnPort(port) as { readonly message: string } | undefined
    if (received !== undefined) {
      if (isEnough(received.message)) return received.message
    } else if (Atomics.wait(told as Int32Array<SharedArrayBuffer>, 0, before, START_MS_MAX) === 'timed-out') return undefined
  }
}

/** Brings what is answered within a turn of the event loop together, run by run. */
function createReplies(post: (text: string) => void): (run: number, text: string) => void {
  const waiting = new Map<number, string[]>()
  function bring(): void {
    for (const texts of waiting.values())
      for (let begin = 0; begin < texts.length; begin += TOGETHER_MAX) post(together(texts.slice(begin, begin + TOGETHER_MAX)))
    waiting.clear()
  }
  return (run, text) => {
    if (waiting.size === 0) setImmediate(bring)
    const texts = waiting.get(run) ?? []
    waiting.set(run, texts)
    texts.push(text)
  }
}

interface Pending {
  readonly input: Readonly<Record<string, unknown>>
  readonly resolve: (value: unknown) => void
  readonly reject: (failure: unknown) => void
  calls: number
}
type Said = Outward | { readonly ask: string }

function answerTo(
  said: Said,
  deps: {
    readonly pending: Map<number, Pending>
    readonly limits: IsolateLimits
    readonly answer: (text: string) => void
    readonly reply: (run: number, text: string) => void
  },
): void {
  const { pending, limits, answer } = deps
  if ('ask' in said) {
    const { run, method, args } = decode(said.ask) as { readonly run: number; readonly method: string; readonly args: readonly unknown[] }
    const input = pending.get(run)?.input as Methods | undefined
    answer(encodeOutcome(() => (Object.hasOwn(input ?? {}, method) ? input?.[method]?.(...args) : undefined)))
    return
  }
  const request = pending.get(said.run)
  if (request === undefined) return
  if ('outcome' in said) {
    pending.delete(said.run)
    if (said.outcome.ok) request.resolve(said.outcome.value)
    else request.reject(failureIn(said.outcome))
    return
  }
  const { run, call, on, method, args } = said
  request.calls += 1
  const reply = (value: () => unknown): void => {
    if (pending.has(run)) deps.reply(run, `{"run":${run},"call":${call},"outcome":${encodeOutcome(value)}}`)
  }
  const isKnown = Object.hasOwn(request.input, on) && methodsOf(request.input[on]).includes(method)
  const work = async (): Promise<unknown> => {
    if (!isKnown) throw new TypeError(`there is no ${on}.${method}`)
    if (request.calls > limits.callsMax) throw new Error(`a compute may ask ${limits.callsMax} times`)
    return (request.input[on] as Methods)[method]?.(...args)
  }
  work().then(
    (value) => reply(() => value),
    (failure: unknown) =>
      reply(() => {
        throw failure
      }),
  )
}

/** Which limit was passed is known outside as well; whatever else has a code was thrown within, and is the module's own failure. */
function failureIn({ message, code, facts }: Failure): Error {
  return code === 'COMPUTE_LIMIT' ? new WeftError(code, facts as never) : new Error(message)
}

function encodeOutcome(work: () => unknown): string {
  try {
    return encode({ ok: true, value: work() } satisfies Outcome)
  } catch (failure) {
    return encode({ ok: false, ...told(failure) } satisfies Outcome)
  }
}

function told(failure: unknown): Failure {
  if (isWeftError(failure)) return { message: failure.message, code: failure.code, facts: failure.facts }
  return { message: failure instanceof Error ? failure.message : String(failure) }
}
