import type { EpochId } from '#domain/ids.ts'
import type { Backoff } from '#life/backoff.ts'
import { type Life, live } from '#life/live.ts'
import { createAllowance } from './allowance.ts'
import { type Bell, pause } from './bell.ts'
import { connect, type ConnectDeps, type Destination, improve } from './connect.ts'
import { createDeliveries, type DeliverDeps, type Route } from './deliver.ts'
import { createWays, type Fate } from './ways.ts'

export interface ForwardOptions {
  /** Multiaddrs of the sequencer, preferred first: direct, then through relays. Others may come and go. */
  readonly addresses: () => readonly string[]
  /** Deliveries under way at most, of a sequencer that has time for all of them: enough to fill a link across the world, few enough to be sent again soon. */
  readonly inFlightMax: number
  /** A link on which deliveries wait and no receipt comes for this long is closed. */
  readonly receiptTimeoutMs: number
  /** Between attempts of one submission that the sequencer could not take yet. */
  readonly retryBackoff: Backoff
  /** Between rounds of dialing. */
  readonly dialBackoff: Backoff
  /** How often a better address than the one in use is tried. */
  readonly improveIntervalMs: number
}

export interface ForwardDeps extends ConnectDeps, DeliverDeps {
  /** Rings when there may be something to send. */
  readonly bell: Bell
  /** Whether the window of the epoch is over, as far as the chain is followed. */
  isOver(epochId: EpochId): boolean
}

export interface Forwarder {
  /** Works until the signal aborts, then closes its links and waits for what is under way. Rejects when the store fails. */
  run(signal: AbortSignal): Promise<void>
  inFlightCount(): number
  /** The address in use. */
  address(): string | undefined
}

/** Longest wait when nothing is due: the bell rings for everything that matters. */
const IDLE_MS = 60_000
/** While it is held back: a window may be open again, of what was not sent because it was over. */
const PRESSED_MS = 1_000

/** Stage 3: brings every entry of the outbox to a final receipt, the epoch that closes first before the others, or the newest where the sequencer cannot take all (C4). */
export function createForwarder(options: ForwardOptions, deps: ForwardDeps): Forwarder {
  const { outbox, bell, clock } = deps
  const ways = createWays(options.addresses, clock)
  const routes = createRoutes(options, deps)
  const allowance = createAllowance(options.inFlightMax, clock)
  const deliveries = createDeliveries({ ...options, allowance }, deps)
  let current: Route | undefined

  /** Sends what is due until the link ends, a better one is there, or the signal aborts. Returns the better one. */
  async function serve(route: Route, life: Life): Promise<Destination | undefined> {
    const { signal } = life
    const leaving = new AbortController()
    let better: Destination | undefined
    const searching = improve(
      {
        better: () => ways.betterThan(route.address),
        others: () => ways.besides(route.address),
        leaving: route.link.leaving,
        intervalMs: options.improveIntervalMs,
      },
      deps,
      AbortSignal.any([signal, leaving.signal]),
    ).then((found) => {
      better = found
      bell.ring()
    })
    void life.spawn(searching)
    while (route.isOpen && better === undefined && !signal.aborted) {
      while (allowance.room() > 0) {
        const entry = outbox.take(allowance.isPressed() ? deps.isOver : undefined)
        if (entry === undefined) break
        void life.spawn(deliveries.deliver(entry, route))
      }
      // Without room, what is due waits for a receipt, which rings the bell.
      const nextDueMs = allowance.room() > 0 ? outbox.nextDueMs() : undefined
      const idleMs = allowance.isPressed() ? PRESSED_MS : IDLE_MS
      await bell.wait(nextDueMs === undefined ? idleMs : nextDueMs - clock.nowMs(), signal)
    }
    leaving.abort()
    await searching
    return better
  }

  /** One link after the other. Make before break: a better link takes over first, then the old one ends with its last receipt. */
  async function keepServing(life: Life): Promise<void> {
    const { signal } = life
    let failedRounds = 0
    let next: Destination | undefined
    while (!signal.aborted) {
      next ??= await connect({ addresses: ways.all, backoff: options.dialBackoff, failedRounds }, deps, signal)
      if (next === undefined) return
      current = routes.enter(next, life)
      allowance.renew()
      const route = current
      next = await serve(route, life)
      route.isLeft = true
      const fate = fateOf(route)
      if (fate !== undefined) ways.note(route.address, fate)
      if (route.inFlightCount === 0) await route.link.close()
      // A peer that takes links and ends them at once is not dialed again at once.
      failedRounds = route.receiptCount > 0 || next !== undefined ? 0 : failedRounds + 1
      current = undefined
    }
    await next?.link.close()
  }

  return {
    run: (signal) =>
      live(signal, async (life) => {
        await life.spawn(keepServing(life))
        await routes.close()
      }),
    inFlightCount: allowance.inFlightCount,
    address: () => current?.address,
  }
}

/** What a link says of its way. One over which nothing was sent, or that still waits for its last receipts, says nothing. */
function fateOf({ isMute, isOpen, sentCount, receiptCount }: Route): Fate | undefined {
  if (isMute) return 'isMute'
  if (receiptCount > 0) return 'isGood'
  return sentCount > 0 && !isOpen ? 'isCut' : undefined
}

/** The links that are open, each until it ends; several while one takes over from another. */
function createRoutes(options: ForwardOptions, deps: ForwardDeps) {
  const { counters, bell, report } = deps
  const routes = new Set<Route>()
  return {
    enter(destination: Destination, life: Life): Route {
      const route: Route = { ...destination, inFlightCount: 0, sentCount: 0, receiptCount: 0, isOpen: true, isLeft: false, isMute: false }
      const ending = new AbortController()
      routes.add(route)
      counters.countLink()
      report('link_opened', { address: route.address })
      void route.link.ended.then(() => {
        route.isOpen = false
        routes.delete(route)
        ending.abort()
        report('link_ended', { address: route.address, receipts: route.receiptCount })
        bell.ring()
      })
      void life.spawn(guard(route, options.receiptTimeoutMs, deps, AbortSignal.any([life.signal, ending.signal])))
      return route
    },
    close: () => Promise.all([...routes].map((route) => route.link.close())),
  }
}

/** Ends a link that has gone silent: the peer may be gone without the network having said so. */
async function guard(route: Route, receiptTimeoutMs: number, { clock, report }: ForwardDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const receiptsBefore = route.receiptCount
    const wasWaiting = route.inFlightCount > 0
    await pause(clock, receiptTimeoutMs, signal)
    if (signal.aborted || !wasWaiting || route.inFlightCount === 0 || route.receiptCount > receiptsBefore) continue
    report('link_silent', { address: route.address, waitedMs: receiptTimeoutMs })
    route.isMute = true
    await route.link.close()
  }
}
