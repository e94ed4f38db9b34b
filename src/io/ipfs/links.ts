import type { Connection, Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Wait } from './unixfs.ts'

/** How long one attempt to connect may take. */
const DIAL_TIMEOUT_MS = 5_000
/** Pause before the next attempt: doubles from the first to the last value, so a restarted peer is back at once and a dead one costs little. */
const REDIAL_MS = { first: 200, last: 10_000 }
/** Addresses kept at the same time: each is a peer that an operator or another role named. */
const LINKS_MAX = 256

/** Connections that are dialled again whenever they are lost. */
export interface Links {
  /** Keeps a connection to `address` from now on, without waiting for it. Throws `LINK_FAILED` for text that is no multiaddr. */
  keep(address: string): void
  /** The same, but waits for the first attempt: throws `LINK_FAILED` when it fails, and goes on trying. */
  connect(address: string): Promise<void>
  /** Resolves when nothing is dialled any more; the signal must have aborted. */
  stopped(): Promise<void>
}

interface LinkDeps {
  readonly libp2p: Pick<Libp2p, 'dial'>
  readonly wait: Wait
  /** Told of each attempt: with why it failed, or without when the peer is reached. */
  readonly onDialled?: ((address: string, failure?: WeftError) => void) | undefined
}

export function superviseLinks({ signal }: { readonly signal: AbortSignal }, { libp2p, wait, onDialled }: LinkDeps): Links {
  const kept = new Map<string, { readonly first: Promise<void>; readonly ended: Promise<void> }>()

  async function dial(address: string): Promise<Connection> {
    try {
      return await libp2p.dial(multiaddr(address), { signal: AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]) })
    } catch (failure) {
      throw new WeftError('LINK_FAILED', { address, detail: (failure as Error).message }, failure)
    }
  }

  async function supervise(address: string, onFirst: (failure?: unknown) => void): Promise<void> {
    let pauseMs = REDIAL_MS.first
    while (!signal.aborted) {
      try {
        const connection = await dial(address)
        onFirst()
        onDialled?.(address)
        pauseMs = REDIAL_MS.first
        await closed(connection, signal)
      } catch (failure) {
        onFirst(failure)
        if (!signal.aborted && isWeftError(failure)) onDialled?.(address, failure)
      }
      await wait(pauseMs, signal).catch(() => undefined)
      pauseMs = Math.min(pauseMs * 2, REDIAL_MS.last)
    }
  }

  function start(address: string): { readonly first: Promise<void>; readonly ended: Promise<void> } {
    const known = kept.get(address)
    if (known !== undefined) return known
    if (kept.size >= LINKS_MAX) throw new WeftError('QUEUE_FULL', { queue: 'IPFS peers', lengthMax: LINKS_MAX })
    const first = Promise.withResolvers<void>()
    first.promise.catch(() => undefined)
    const link = {
      first: first.promise,
      ended: supervise(address, (failure) => (failure === undefined ? first.resolve() : first.reject(failure))),
    }
    kept.set(address, link)
    return link
  }

  return {
    keep(address) {
      parse(address)
      start(address)
    },
    async connect(address) {
      parse(address)
      await start(address).first
    },
    async stopped() {
      await Promise.all([...kept.values()].map((link) => link.ended))
    },
  }
}

function parse(address: string): void {
  try {
    multiaddr(address)
  } catch (failure) {
    throw new WeftError('LINK_FAILED', { address, detail: 'this is no multiaddr' }, failure)
  }
}

function closed(connection: Connection, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      connection.removeEventListener('close', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    connection.addEventListener('close', done)
    signal.addEventListener('abort', done)
    // Both may have happened before we listened.
    if (connection.status !== 'open' || signal.aborted) done()
  })
}
