import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { PAIR_BYTES, type SignedPairs } from '#wire/signed-pairs.ts'
import type { ManyRecoverer } from './port.ts'
import { type Answers, unpacked } from './recoverer-parcel.ts'
import { recoverer } from './secp256k1.ts'

/** Signatures per parcel: 3 to 12 ms of a thread's work, beside which its way there and back, 50 µs, is nothing. Few threads get the larger ones. */
const [PARCEL_LENGTH_MIN, PARCEL_LENGTH_MAX] = [64, 256]
/** Fewer are recovered on this thread: the way to another one would cost more than it saves. */
const SENT_MIN = 16
/** Threads that may die over one parcel. Nothing that a peer can send does that; the parcel is then done on this thread, so that nothing waits for ever. */
const DEATHS_MAX = 3

export interface RecovererPool extends ManyRecoverer {
  /** Ends the threads. What is under way rejects with `STOPPED`, and so does what is asked later. */
  stop(): Promise<void>
}

export interface RecovererPoolOptions {
  /** By default one per processor: this thread has something else to do meanwhile. */
  readonly threads?: number
  /** Makes a thread that answers parcels. */
  readonly start?: () => Worker
  /** Called when a thread has died, or cannot be had; its work is done by another, or on this one. */
  readonly onDeath?: (detail: string) => void
}

interface Job {
  readonly signed: SignedPairs
  readonly done: PromiseWithResolvers<readonly (Address | undefined)[]>
  deaths: number
}

/** In a package all is JavaScript. */
const startThread = () => new Worker(new URL(`./recoverer-worker${extname(import.meta.filename)}`, import.meta.url))

/** Recovers on threads of its own, as many parcels at once. They start with the first parcels, and do not keep the process alive while idle. */
export function createRecovererPool(options: RecovererPoolOptions = {}): RecovererPool {
  const { threads = availableParallelism(), start = startThread, onDeath } = options
  const idle: Worker[] = []
  const busy = new Map<Worker, Job>()
  let waiting: Job[] = []
  let isStopped = false
  const stopped = () => new WeftError('STOPPED', { what: 'recoverer' })

  function add(): Worker {
    const worker = start()
    worker.on('message', (answers: Answers) => {
      worker.unref()
      idle.push(worker)
      const job = busy.get(worker)
      busy.delete(worker)
      job?.done.resolve(unpacked(answers))
      assign()
    })
    let detail = ''
    // It comes before `exit`, and would end the process if nobody listened.
    worker.on('error', (failure: unknown) => {
      detail = String(failure)
    })
    worker.on('exit', (code) => bury(worker, detail || `exit code ${code}`))
    return worker
  }

  /** A thread that has ended; what it worked on is first in the line again. */
  function bury(worker: Worker, detail: string): void {
    if (isStopped) return
    onDeath?.(detail)
    const at = idle.indexOf(worker)
    if (at >= 0) idle.splice(at, 1)
    const job = busy.get(worker)
    busy.delete(worker)
    if (job === undefined) return
    job.deaths += 1
    if (job.deaths >= DEATHS_MAX) job.done.resolve(recoverer.recoverMany(job.signed))
    else waiting.unshift(job)
    assign()
  }

  /** `undefined` where the system, or who limits this process, gives it no thread: it is asked for one again with the next parcel. */
  function added(): Worker | undefined {
    try {
      return add()
    } catch (failure) {
      onDeath?.(String(failure))
      return undefined
    }
  }

  function assign(): void {
    while (!isStopped && waiting.length > 0 && busy.size < threads) {
      const worker = idle.pop() ?? added()
      // Those that are at work take it next.
      if (worker === undefined && busy.size > 0) return
      const job = waiting.shift() as Job
      if (worker === undefined) {
        job.done.resolve(recoverer.recoverMany(job.signed))
        continue
      }
      busy.set(worker, job)
      worker.ref()
      // What it is lent it keeps, and it may die.
      const parcel = job.signed.slice()
      worker.postMessage(parcel, [parcel.buffer])
    }
  }

  function recover(signed: SignedPairs): Promise<readonly (Address | undefined)[]> {
    const done = Promise.withResolvers<readonly (Address | undefined)[]>()
    waiting.push({ signed, done, deaths: 0 })
    return done.promise
  }

  return {
    async recoverMany(signed) {
      if (isStopped) throw stopped()
      const count = signed.length / PAIR_BYTES
      if (count < SENT_MIN) return recoverer.recoverMany(signed)
      const length = Math.min(PARCEL_LENGTH_MAX, Math.max(PARCEL_LENGTH_MIN, Math.ceil(count / threads)))
      const found: Promise<readonly (Address | undefined)[]>[] = []
      for (let from = 0; from < signed.length; from += length * PAIR_BYTES)
        found.push(recover(signed.subarray(from, from + length * PAIR_BYTES)))
      assign()
      return (await Promise.all(found)).flat()
    },
    async stop() {
      isStopped = true
      const open = [...waiting, ...busy.values()]
      waiting = []
      for (const { done } of open) done.reject(stopped())
      await Promise.all([...idle, ...busy.keys()].map((worker) => worker.terminate()))
    },
  }
}
