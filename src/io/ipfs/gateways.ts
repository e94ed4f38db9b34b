import type { CID } from 'multiformats/cid'
import pLimit from 'p-limit'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { GATEWAY_TROUBLES } from '#domain/reasons.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import { bytesWithin } from '#wire/body.ts'
import { nameOf } from './ask.ts'
import { BLOCK_BYTES_MAX } from './port.ts'
import type { Wait } from './unixfs.ts'

/** Trustless gateways (https://specs.ipfs.tech/http-gateways/trustless-gateway/), asked for one block at a time. Runs in a browser too. */

/** The media type by which gateways and their readers mean the bytes of one block. */
export const RAW_BLOCK = 'application/vnd.ipld.raw'
/** Until the next one is asked as well. One that has the block answers within tens of milliseconds, and who looks for it elsewhere needs seconds. */
const LATE_AFTER_MS = 1_000
/** Blocks asked for at once: as many requests as a gateway of ours takes from one address. */
const AT_ONCE_MAX = 32
/** How long one that did what it should not is asked after the others, twice as long when it does so again soon after. */
const LAST_FOR_MS = { first: 60_000, max: 3_600_000 }
/**
 * So much is read of a block, that a right one nobody takes is told from a lie. What is longer cannot be hashed whole, and counts as a lie: one that has no end
 * would otherwise be asked first, and cost as much, each time.
 */
const READ_BYTES_MAX = 2 * BLOCK_BYTES_MAX
/** By these a gateway says that it has not got the block, or has not found it in its time. */
const ABSENT: readonly number[] = [404, 410, 504]

export type GatewayTrouble = keyof typeof GATEWAY_TROUBLES

/** Told once per gateway and kind, and again after it had recovered. */
export interface GatewayNotice {
  /** Its origin: a path may hold a key. */
  readonly gateway: string
  readonly trouble: GatewayTrouble
  readonly detail: string
  /** How often it has happened: told when it is over. */
  readonly times?: number
}

export interface GatewaysOptions {
  /** Asked in that order, but for those that did lately what they should not: they come last. */
  readonly urls: readonly string[]
  /** How long one may take for one block. */
  readonly timeoutMs: number
}

export interface GatewaysDeps {
  readonly onTrouble?: ((notice: GatewayNotice) => void) | undefined
  /** Told of every answer: `absent` from one that has not got the block, `silent` where none came in time, which says nothing of a block that nobody has. */
  readonly onUse?: ((use: { readonly gateway: string; readonly outcome: 'ok' | 'absent' | 'silent' | GatewayTrouble }) => void) | undefined
  readonly nowMs?: () => number
  readonly wait?: Wait | undefined
}

export interface Gateways {
  /**
   * The block from the first that gives it, hashed. Throws `IPFS_CONTENT_TOO_LARGE` when it is right and larger than any that is taken, `IPFS_CONTENT_WRONG`
   * when none gave it and one gave something else, else `IPFS_NOT_FOUND`; or the signal's reason.
   */
  fetch(cid: CID, signal: AbortSignal): Promise<Uint8Array>
}

export function createGateways({ urls, timeoutMs }: GatewaysOptions, deps: GatewaysDeps = {}): Gateways {
  const gateways = urls.map((url) => createGateway({ url, timeoutMs }, deps))
  const limit = pLimit(AT_ONCE_MAX)
  return {
    fetch(cid, signal) {
      const fetching = limit(async () => {
        signal.throwIfAborted()
        const { OVER, wait } = await import('./unixfs.ts')
        const over = new AbortController()
        const line = [...gateways].sort((left, right) => Number(left.isLast()) - Number(right.isLast()) || left.unheard() - right.unheard())
        try {
          const block = await firstOf(line, cid, { wait: deps.wait ?? wait, signal: AbortSignal.any([signal, over.signal]) })
          // Its hash is right: that is so wherever it comes from, and nobody's fault who serves it.
          if (block.length > BLOCK_BYTES_MAX)
            throw new WeftError('IPFS_CONTENT_TOO_LARGE', { cid: cid.toString(), bytesMax: BLOCK_BYTES_MAX })
          return block
        } finally {
          over.abort(OVER)
        }
      })
      return untilAborted(fetching, signal)
    },
  }
}

interface Until {
  readonly wait: Wait
  readonly signal: AbortSignal
}

/** The next one is asked when one fails, or is late; both go on then. */
async function firstOf([first, ...others]: readonly Gateway[], cid: CID, until: Until): Promise<Uint8Array> {
  if (first === undefined) throw new WeftError('IPFS_NOT_FOUND', { cid: cid.toString(), waitedMs: 0 })
  const { wait, signal } = until
  const asked = first.ask(cid, signal)
  if (others.length === 0) return asked
  const turn = Promise.withResolvers<void>()
  let isOpen = true
  const failed = asked.catch(() => {
    isOpen = false
    turn.resolve()
  })
  const after = async (): Promise<Uint8Array> => {
    await Promise.race([turn.promise, wait(LATE_AFTER_MS, signal)])
    signal.throwIfAborted()
    const block = await firstOf(others, cid, until)
    if (isOpen) first.overtaken()
    return block
  }
  try {
    return await Promise.any([asked, after()])
  } catch (failure) {
    await failed
    signal.throwIfAborted()
    const { errors } = failure as AggregateError
    throw errors.find((each) => isWeftError(each, 'IPFS_CONTENT_WRONG')) ?? errors[0]
  }
}

interface Gateway {
  ask(cid: CID, signal: AbortSignal): Promise<Uint8Array>
  /** Another one was asked later and gave the block before it. */
  overtaken(): void
  isLast(): boolean
  /** Questions in a row without an answer. It may be for want of the block: no trouble, but another one is tried first. */
  unheard(): number
}

function createGateway(
  { url, timeoutMs }: { readonly url: string; readonly timeoutMs: number },
  { onTrouble, onUse, nowMs = () => performance.now() }: GatewaysDeps,
): Gateway {
  const gateway = new URL(url).origin
  const told = new Map<GatewayTrouble, number>()
  let unheard = 0
  let lastForMs = LAST_FOR_MS.first
  let lastUntilMs = Number.NEGATIVE_INFINITY
  const isLast = (): boolean => nowMs() < lastUntilMs

  function failed(trouble: GatewayTrouble, detail: string): void {
    onUse?.({ gateway, outcome: trouble })
    // What was under way beside it is no other time.
    if (!isLast()) {
      lastForMs = nowMs() - lastUntilMs < lastForMs ? Math.min(LAST_FOR_MS.max, 2 * lastForMs) : LAST_FOR_MS.first
      lastUntilMs = nowMs() + lastForMs
    }
    const times = told.get(trouble) ?? 0
    told.set(trouble, times + 1)
    if (times === 0) onTrouble?.({ gateway, trouble, detail })
  }

  function gave(): void {
    onUse?.({ gateway, outcome: 'ok' })
    unheard = 0
    if (isLast()) return
    for (const [trouble, times] of told) onTrouble?.({ gateway, trouble, detail: 'no more', times })
    told.clear()
  }

  /** What it is to be called that no right block came. */
  function judge(failure: unknown, isSilent: boolean, hasBegun: boolean): void {
    if (isWeftError(failure, 'IPFS_CONTENT_WRONG')) failed('lies', `asked for ${failure.facts.cid}, gave ${failure.facts.got}`)
    else if (failure instanceof Unanswered) {
      if (ABSENT.includes(failure.status)) onUse?.({ gateway, outcome: 'absent' })
      else failed(failure.status >= 300 && failure.status < 400 ? 'redirects' : 'refuses', `HTTP ${failure.status}`)
    } else if (!isSilent) failed('unreachable', nameOf(failure))
    else if (hasBegun) failed('slow', `a block that it began was not whole after ${timeoutMs} ms`)
    else onUse?.({ gateway, outcome: 'silent' })
    unheard = isSilent && !hasBegun ? unheard + 1 : 0
  }

  return {
    isLast,
    unheard: () => unheard,
    overtaken: () => failed('slow', 'another one that was asked later gave the block before it'),
    async ask(cid, signal) {
      const silence = AbortSignal.timeout(timeoutMs)
      let hasBegun = false
      try {
        const block = await fetchBlock(url, cid, { signal: AbortSignal.any([signal, silence]), onBegun: () => (hasBegun = true) })
        gave()
        return block
      } catch (failure) {
        const { OVER } = await import('./unixfs.ts')
        // Who asked had no longer to wait, and nobody else gave it.
        if (signal.aborted && signal.reason !== OVER) unheard += 1
        signal.throwIfAborted()
        judge(failure, silence.aborted, hasBegun)
        if (isWeftError(failure, 'IPFS_CONTENT_WRONG')) throw failure
        throw new WeftError('IPFS_NOT_FOUND', { cid: cid.toString(), waitedMs: timeoutMs }, failure)
      }
    },
  }
}

/** An answer that is not 200. */
class Unanswered extends Error {
  readonly status: number
  constructor(status: number) {
    super(`HTTP ${status}`)
    this.status = status
  }
}

interface Fetching {
  readonly signal: AbortSignal
  /** It says that it has the block. */
  readonly onBegun: () => void
}

/** Where a gateway sends its reader is not followed: whoever is asked there was not named. */
async function fetchBlock(url: string, cid: CID, { signal, onBegun }: Fetching): Promise<Uint8Array> {
  const response = await fetch(`${url.replace(/\/+$/, '')}/ipfs/${cid.toString()}?format=raw`, {
    headers: { accept: RAW_BLOCK },
    redirect: 'manual',
    signal,
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Unanswered(response.status)
  }
  onBegun()
  const block = await bytesWithin(READ_BYTES_MAX, response.body)
  if (block === undefined) throw new WeftError('IPFS_CONTENT_WRONG', { cid: cid.toString(), got: `more than ${READ_BYTES_MAX} bytes` })
  const { checkBlock } = await import('./unixfs.ts')
  await checkBlock(cid, block)
  return block
}
