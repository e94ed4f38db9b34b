import type { ComputeSet, ComputeSetModule } from '#domain/compute.ts'
import { ERRORS, type ErrorCode, isWeftError, WeftError } from '#domain/errors.ts'
import { host } from './harden.ts'
import type { Failure, Given, Inward, Outcome, Outward, Task } from './messages.ts'
import { decode, encode } from './text.ts'

/** Does within a context of an isolate what comes in as text, with the module that was loaded there; once, for a context is of one run. */
export function serve(loaded: { readonly default?: ComputeSetModule }): void {
  const waiting = new Map<number, (outcome: Outcome) => void>()
  let run = -1

  function take(): void {
    for (const message of [decode(host.next())].flat() as readonly Inward[]) handle(message)
  }

  function handle(message: Inward): void {
    if ('call' in message) {
      waiting.get(message.call)?.(message.outcome)
      waiting.delete(message.call)
      return
    }
    run = message.run
    const conclude = (outcome: Outcome) => host.conclude(encode({ run, outcome } satisfies Outward))
    Promise.resolve()
      .then(() => perform(message.task))
      .then((value) => conclude({ ok: true, value }))
      .catch((failure: unknown) => conclude({ ok: false, ...told(failure) }))
  }

  async function perform(task: Task): Promise<unknown> {
    const module = loaded.default
    if (task.do === 'describe') return describe(module)
    if (module === undefined) throw new TypeError('there is no default export')
    if (task.do === 'validate') return module.config['~standard'].validate(task.config)
    const set = module.create(task.config)
    if (task.do === 'create') return parts(set)
    const input = inputOf(task.given) as never
    if (task.part === 'preloads') return set.preloads[task.index]?.preload(input)
    if (task.part === 'snapshots') return set.snapshots[task.index]?.compute(input)
    if (task.part === 'bulks') return set.snapshots[task.index]?.all?.(input)
    if (task.part === 'joinings') return set.snapshots[task.index]?.joining?.(input)
    return set.aggregates[task.index]?.aggregate(input)
  }

  function inputOf({ values, functions, remotes }: Given): Readonly<Record<string, unknown>> {
    const input: Record<string, unknown> = { ...values }
    for (const name of functions)
      input[name] = (...args: unknown[]) => valueIn(decode(host.ask(encode({ run, method: name, args }))) as Outcome)
    for (const [on, methods] of Object.entries(remotes))
      input[on] = Object.fromEntries(methods.map((method) => [method, (...args: unknown[]) => called(on, method, args)]))
    return input
  }

  let calls = 0
  async function called(on: string, method: string, args: readonly unknown[]): Promise<unknown> {
    const call = calls++
    // Encoded before anything waits: what cannot be handed over is told to whoever asked.
    const asked = encode({ run, call, on, method, args } satisfies Outward)
    const outcome = await new Promise<Outcome>((resolve) => {
      waiting.set(call, resolve)
      host.call(asked)
    })
    return valueIn(outcome)
  }

  Object.defineProperty(globalThis, 'take', { value: take })
}

function valueIn(outcome: Outcome): unknown {
  if (outcome.ok) return outcome.value
  if (outcome.code !== undefined && Object.hasOwn(ERRORS, outcome.code))
    throw new WeftError(outcome.code as ErrorCode, outcome.facts as never)
  throw new Error(outcome.message)
}

/** What there is of a module before it is configured. */
function describe(module: unknown): unknown {
  if (module === undefined || module === null || typeof module !== 'object') return undefined
  const { name, version, config, create } = module as Record<string, unknown>
  const standard = (config as Record<string, unknown> | undefined)?.['~standard'] as Record<string, unknown> | undefined
  return {
    name: datum(name),
    version: datum(version),
    hasConfig: typeof standard?.['validate'] === 'function',
    hasCreate: typeof create === 'function',
  }
}

/** All of a set but its functions, and which parts have theirs. */
function parts(set: ComputeSet): unknown {
  const of = (list: unknown, work: string): unknown =>
    Array.isArray(list)
      ? list.map((part: Record<string, unknown>) => ({
          ...Object.fromEntries(Object.entries(part).filter(([, value]) => typeof value !== 'function')),
          isWhole: typeof part[work] === 'function',
          isBulk: typeof part['all'] === 'function',
          isJoining: typeof part['joining'] === 'function',
        }))
      : undefined
  const { limits } = set
  return {
    preloads: of(set.preloads, 'preload'),
    snapshots: of(set.snapshots, 'compute'),
    aggregates: of(set.aggregates, 'aggregate'),
    limits,
  }
}

const datum = (value: unknown): unknown => (typeof value === 'string' ? value : undefined)

/** Of a folder's own files, first: `compute.ts:12:7`. */
const PLACE = /(?:^|[\s(])((?:[\w.-]+\/)*[\w.-]+\.[cm]?[jt]s:\d+):\d+/

function told(failure: unknown): Failure {
  if (!(failure instanceof Error)) return { message: String(failure) }
  const place = PLACE.exec(String(failure.stack).slice(failure.message.length))?.[1]
  const message = place === undefined ? failure.message : `${place}: ${failure.message}`
  return isWeftError(failure) ? { message, code: failure.code, facts: failure.facts } : { message }
}
