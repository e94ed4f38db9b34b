import { WeftError } from '#domain/errors.ts'
import type { Receipt } from '#domain/submission.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'
import type { Answer, Lease, Log, LogEntry, Passed, Shared } from './port.ts'

/** Servers in memory, and processes that are connected to them and may lose that. */
export interface FakeServers {
  /** For one process. `holder`: as the same process calls itself after a restart. */
  connect(holder: string): FakeShared
  /** Entries of a partition, as they are kept. */
  entries(partition: number): readonly LogEntry[]
}

export interface FakeShared extends Shared {
  /** The process is gone: its leases run out, what it waits for never comes. */
  crash(): void
}

interface FakeOptions {
  readonly clock: Clock
  readonly leaseMs?: number
  /** Of an entry. */
  readonly entryBytesMax?: number
  /** Of what waits for a box. */
  readonly waitingBytesMax?: number
}

interface KeptLog {
  readonly entries: LogEntry[]
  end: number
  readonly bell: Bell
}

interface Grant {
  readonly holder: string
  readonly token: number
  untilMs: number
}

interface Bell {
  ring(): void
  heard(signal: AbortSignal): Promise<void>
}

function createBell(): Bell {
  const waiting = new Set<() => void>()
  return {
    ring() {
      for (const wake of waiting) wake()
    },
    heard: (signal) =>
      new Promise((resolve) => {
        const wake = () => {
          waiting.delete(wake)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        waiting.add(wake)
        if (signal.aborted) wake()
        else signal.addEventListener('abort', wake, { once: true })
      }),
  }
}

interface ChannelOptions<Item> {
  onGone(): void
  /** Nothing more is put in while more than this waits. */
  readonly bytesMax?: number
  bytesOf?(item: Item): number
}

/** Lists that are put in at once and taken one turn later, until the signal aborts. */
function createChannel<Item>({ onGone, bytesMax = Number.POSITIVE_INFINITY, bytesOf = () => 0 }: ChannelOptions<Item>) {
  const bell = createBell()
  let items: Item[] = []
  let bytes = 0
  return {
    put(more: readonly Item[]) {
      for (const item of more) {
        if (bytes > bytesMax) break
        bytes += bytesOf(item)
        items.push(item)
      }
      bell.ring()
    },
    async *taken(signal: AbortSignal): AsyncGenerator<readonly Item[]> {
      try {
        while (!signal.aborted) {
          if (items.length === 0) await bell.heard(signal)
          if (signal.aborted) return
          const taken = items
          items = []
          bytes = 0
          yield taken
        }
      } finally {
        onGone()
      }
    },
  }
}

type Box = { readonly put: (deliveries: readonly Inbound[]) => void }

export function createFakeServers({
  clock,
  leaseMs = 2_000,
  entryBytesMax = 512 * 1024,
  waitingBytesMax = 64 * 1024 * 1024,
}: FakeOptions): FakeServers {
  const logs = new Map<number, KeptLog>()
  const grants = new Map<string, Grant>()
  const boxes = new Map<number, Set<Box>>()
  const freed = createBell()
  let tokens = 0
  let connections = 0

  function logAt(partition: number): KeptLog {
    const known = logs.get(partition) ?? { entries: [], end: 0, bell: createBell() }
    logs.set(partition, known)
    return known
  }

  function connect(holder: string): FakeShared {
    connections += 1
    const name = `connection ${connections}`
    let isGone = false
    const answers = createChannel<Answer>({ onGone: () => undefined })
    const answer = (said: Answer): void => void (isGone ? undefined : setImmediate(() => answers.put([said])))
    const held = new Set<() => void>()
    const reached = <Value>(value: Value): Value | Promise<never> => (isGone ? new Promise<never>(() => undefined) : value)

    function log(partition: number): Log {
      const kept = logAt(partition)
      return {
        end: async () => reached(kept.end),
        entryBytesMax: () => entryBytesMax,
        async append(bytes, after) {
          await reached(undefined)
          if (bytes.length > entryBytesMax) throw new Error(`an entry of ${bytes.length} bytes`)
          if (kept.end !== after) throw new WeftError('LOG_MOVED', { log: String(partition), position: after })
          kept.end += 1
          kept.entries.push({ position: kept.end, bytes: new Uint8Array(bytes) })
          kept.bell.ring()
          const position = kept.end
          // The answer takes its time, and a process that is gone meanwhile never has it.
          await new Promise((resolve) => setImmediate(resolve))
          return reached(position)
        },
        async *read(after, signal) {
          for (let position = after; !signal.aborted; ) {
            const next = kept.entries.find((entry) => entry.position > position)
            if (next === undefined || isGone) await kept.bell.heard(signal)
            else {
              position = next.position
              yield { position, bytes: next.bytes.slice() }
            }
          }
        },
        async forget(upTo) {
          while ((kept.entries[0]?.position ?? upTo + 1) <= upTo) kept.entries.shift()
        },
      }
    }

    function grant(name: string): Grant | undefined {
      const known = grants.get(name)
      if (known !== undefined && known.holder !== holder && known.untilMs > clock.nowMs()) return undefined
      tokens += 1
      const fresh = { holder, token: tokens, untilMs: clock.nowMs() + leaseMs }
      grants.set(name, fresh)
      return fresh
    }

    function leaseOf(name: string, granted: Grant): Lease {
      const losing = new AbortController()
      const isMine = () => grants.get(name) === granted && granted.untilMs > clock.nowMs() && !losing.signal.aborted
      const renew = async (): Promise<void> => {
        while (!losing.signal.aborted) {
          await clock.sleep(leaseMs / 4, losing.signal).catch(() => undefined)
          if (isGone || losing.signal.aborted) return
          if (isMine()) granted.untilMs = clock.nowMs() + leaseMs
          else losing.abort()
        }
      }
      void renew()
      held.add(() => losing.abort())
      return {
        name,
        token: granted.token,
        lost: losing.signal,
        async confirm() {
          await reached(undefined)
          if (!isMine()) losing.abort()
          else granted.untilMs = clock.nowMs() + leaseMs
          return !losing.signal.aborted
        },
        async release() {
          if (grants.get(name) === granted && !isGone) grants.delete(name)
          losing.abort()
          freed.ring()
        },
      }
    }

    return {
      log: async (partition) => log(partition),
      async lease(names, signal) {
        for (;;) {
          signal.throwIfAborted()
          for (const name of names) {
            const granted = isGone ? undefined : grant(name)
            if (granted !== undefined) return leaseOf(name, granted)
          }
          await Promise.race([freed.heard(signal), clock.sleep(leaseMs / 4, signal)])
        }
      },
      pass(partition, deliveries) {
        if (isGone) return
        const inbound = deliveries.map(
          ({ id, ...delivery }: Passed): Inbound => ({
            ...delivery,
            passed: { as: `${name} ${id}`, waits: () => answer({ id }) },
            respond: (receipt: Receipt) => answer({ id, receipt }),
          }),
        )
        setImmediate(() => {
          for (const box of boxes.get(partition) ?? []) box.put(inbound)
        })
      },
      answers: (signal) => answers.taken(signal),
      passed: (partition): SubmissionListener => ({
        inbound(signal) {
          const all = boxes.get(partition) ?? new Set()
          boxes.set(partition, all)
          const channel = createChannel<Inbound>({
            onGone: () => void all.delete(box),
            bytesMax: waitingBytesMax,
            bytesOf: ({ payload }) => payload.length,
          })
          // What a box says when it is gone is not heard.
          const heard = (one: Inbound): Inbound => ({
            ...one,
            ...(one.passed && { passed: { ...one.passed, waits: () => void (isGone ? undefined : one.passed?.waits()) } }),
            respond: (receipt) => void (isGone ? undefined : one.respond(receipt)),
          })
          const box: Box = { put: (deliveries) => void (isGone ? undefined : channel.put(deliveries.map(heard))) }
          all.add(box)
          return channel.taken(signal)
        },
      }),
      async stop() {
        for (const end of held) end()
        isGone = true
      },
      crash() {
        isGone = true
      },
    }
  }

  return { connect, entries: (partition) => logAt(partition).entries }
}
