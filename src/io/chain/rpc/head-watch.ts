import type { BlockRef } from '#io/chain/port.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import { createBeat } from './beat.ts'
import { readHead } from './block.ts'
import type { Pace } from './pace.ts'
import type { Rpc } from './rpc.ts'

/** The newest block of a chain, asked for once for all who follow it over one connection. */
export interface HeadWatch {
  /** As it is now; those who ask meanwhile get the same answer. Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
  head(): Promise<BlockRef>
  /**
   * Resolves as soon as another than `seen` is known; with `undefined` when whoever was asked did not answer, of which only asking tells more. It is asked
   * for every so often, and not before the next block of a chain with a beat is due. Throws the signal's reason.
   */
  after(seen: BlockRef, options: { readonly everyMs: number; readonly signal: AbortSignal }): Promise<BlockRef | undefined>
}

interface Waiting {
  readonly seen: BlockRef
  readonly everyMs: number
  resolve(head: BlockRef | undefined): void
}

export function createHeadWatch(rpc: Rpc, clock: Pace): HeadWatch {
  const beat = createBeat()
  const waiting = new Set<Waiting>()
  let newest: BlockRef | undefined
  let askedMs = Number.NEGATIVE_INFINITY
  let asking: Promise<BlockRef> | undefined
  let isWatching = false
  let resting = new AbortController()

  /** All at one moment: what they ask for next travels together. */
  function tell(head: BlockRef | undefined): void {
    for (const one of waiting) {
      if (head !== undefined && head.hash === one.seen.hash) continue
      waiting.delete(one)
      one.resolve(head)
    }
  }

  async function ask(): Promise<BlockRef> {
    const absentMs = askedMs
    askedMs = clock.nowMs()
    const head = await readHead(rpc)
    if (head.hash !== newest?.hash) beat.took(head, absentMs)
    newest = head
    tell(head)
    return head
  }

  function head(): Promise<BlockRef> {
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }

  /** So that a block is seen `everyMs` after it is there at the latest. */
  function dueMs(): number {
    const everyMs = Math.min(...[...waiting].map((one) => one.everyMs))
    const soonestMs = beat.nextMs()
    if (soonestMs <= askedMs + everyMs) return askedMs + everyMs
    return beat.isPassedOver() ? soonestMs + everyMs : soonestMs
  }

  async function watch(): Promise<void> {
    isWatching = true
    while (waiting.size > 0) {
      const leftMs = dueMs() - clock.nowMs()
      if (leftMs <= 0) {
        await head().catch(() => tell(undefined))
        continue
      }
      resting = new AbortController()
      await clock.sleep(leftMs, resting.signal).catch(() => undefined)
    }
    isWatching = false
  }

  return {
    head,
    async after(seen, { everyMs, signal }) {
      if (newest !== undefined && newest.hash !== seen.hash) return newest
      const { promise, resolve } = Promise.withResolvers<BlockRef | undefined>()
      const one = { seen, everyMs, resolve }
      const isInMoreOfAHurry = [...waiting].every((other) => everyMs < other.everyMs)
      waiting.add(one)
      if (!isWatching) void watch()
      else if (isInMoreOfAHurry) resting.abort()
      try {
        return await untilAborted(promise, signal)
      } finally {
        waiting.delete(one)
        if (waiting.size === 0) resting.abort()
      }
    },
  }
}
