import { WeftError } from '#domain/errors.ts'
import type { SubmissionId } from '#domain/ids.ts'
import type { Receipt } from '#domain/submission.ts'
import type { SubmissionListener } from '#io/intake/port.ts'
import { decodeSubmission, encodeCollectJson } from '#wire/submission-proto.ts'
import { createInbox, INBOX_LIMITS, type Inbox, type InboxLimits, type RefusalCounts } from './inbox.ts'
import { createPace, type Pace } from './pace.ts'
import type { FoundPeer, Relay, Rendezvous, SubmissionDialer, SubmissionLink } from './port.ts'

/**
 * libp2p in memory: hosts, relays and dialers of one process. A link loses nothing as long as it lives, and keeps the order,
 * as TCP does; faults are delay and links that break, before or after the delivery that was under way.
 */

/** The parts of the clock and of randomness that faults need. */
interface FakeDeps {
  readonly clock?: { nowMs(): number; sleep(durationMs: number): Promise<void> }
  readonly random?: { fraction(): number }
}

export interface FakeFaults {
  /** Every delivery and every receipt takes up to this long; needs a clock. */
  readonly delayMsMax?: number
  /** Chance that a link breaks at a delivery: half of the time the delivery has arrived by then and only its receipt is lost. */
  readonly breakRate?: number
  /** Chance that a dial fails. */
  readonly dialFailureRate?: number
}

export interface FakeHost extends SubmissionListener {
  readonly peerId: string
  addresses(): readonly string[]
  counts(): RefusalCounts
  stop(): Promise<void>
}

export interface FakeNetwork {
  /** The same identity gives the same addresses, so a host can be stopped and started again. */
  createSubmissionHost(options: {
    readonly identity: Uint8Array
    readonly relays?: readonly string[]
    readonly limits?: Partial<InboxLimits>
    /** The name under which it registers at its relays. */
    readonly point?: string
    /** A deployed listener: it is sent the JSON of `/collect` and answers nothing. */
    readonly isLegacy?: boolean
  }): Promise<FakeHost>
  createRelay(options: {
    readonly identity: Uint8Array
    readonly limits?: { readonly reservationsMax?: number }
    readonly isRendezvous?: boolean
  }): Promise<Relay & { stop(): Promise<void> }>
  createSubmissionDialer(options: {
    readonly identity: Uint8Array
  }): Promise<SubmissionDialer & Rendezvous & { readonly peerId: string; stop(): Promise<void> }>
  /** From now on. */
  setFaults(faults: FakeFaults): void
  /** Ends every link there is, as a router that reboots. Returns how many there were. */
  breakLinks(): number
}

/** Far more than any sender has in flight when its link ends. */
const LATE_SENDS_MAX = 100_000

interface HostEntry {
  readonly inbox: Inbox
  readonly isLegacy: boolean
  /** Addresses of relays that hold a reservation, if they run. */
  readonly relays: readonly string[]
  readonly point: string | undefined
}

interface RelayEntry {
  readonly reservationsMax: number
  readonly isRendezvous: boolean
}

interface LiveLink {
  readonly path: readonly string[]
  readonly ended: Promise<void>
  leave(): void
  end(reason: string): void
}

function peerIdOf(identity: Uint8Array): string {
  return `fake${Buffer.from(identity).toString('hex').slice(0, 16)}`
}

function addressOf(peerId: string): string {
  return `/memory/${peerId}/p2p/${peerId}`
}

export function createFakeNetwork(deps: FakeDeps = {}): FakeNetwork {
  const hosts = new Map<string, HostEntry>()
  const relays = new Map<string, RelayEntry>()
  const links = new Set<LiveLink>()
  let faults: FakeFaults = {}
  let refusedReservations = 0
  const nowMs = () => deps.clock?.nowMs() ?? performance.now()
  const later = (durationMs: number, action: () => void) =>
    void (deps.clock === undefined ? setTimeout(action, durationMs).unref() : deps.clock.sleep(durationMs).then(action))
  const isHit = (rate: number | undefined) => rate !== undefined && (deps.random?.fraction() ?? 1) < rate

  /** A one-way pipe: what is put in comes out in order, each piece after its own delay or later. */
  function createPipe() {
    let lastDueMs = 0
    return (arrive: () => void): void => {
      const delayMs = Math.floor((faults.delayMsMax ?? 0) * (deps.random?.fraction() ?? 0))
      const dueMs = Math.max(lastDueMs, nowMs() + delayMs)
      lastDueMs = dueMs
      if (deps.clock === undefined || dueMs <= nowMs()) queueMicrotask(arrive)
      else void deps.clock.sleep(dueMs - nowMs()).then(arrive)
    }
  }

  /** Relays that hold a reservation for a host: those that run, first come first served. */
  function reservedBy(relayId: string): string[] {
    const asking = [...hosts].filter(([, host]) => host.relays.includes(addressOf(relayId))).map(([peerId]) => peerId)
    return asking.slice(0, relays.get(relayId)?.reservationsMax ?? 0)
  }

  function addressesOf(hostId: string): string[] {
    const relayed = [...relays.keys()]
      .filter((relayId) => reservedBy(relayId).includes(hostId))
      .map((relayId) => `${addressOf(relayId)}/p2p-circuit/p2p/${hostId}`)
    return [addressOf(hostId), ...relayed]
  }

  /** Those whose relay this is and who register under the name. */
  function registeredAt(place: string, name: string): FoundPeer[] {
    return [...hosts]
      .filter(([, host]) => host.point === name && host.relays.includes(place))
      .map(([peerId]) => ({ peerId, addresses: addressesOf(peerId), number: 1n }))
  }

  /** The peers a dial goes through, the host last; `undefined` when one of them is not there. */
  function route(address: string): readonly string[] | undefined {
    const path = [...address.matchAll(/\/p2p\/([^/]+)/g)].map((match) => match[1] as string)
    const hostId = path.at(-1)
    if (hostId === undefined || !hosts.has(hostId)) return undefined
    const relayId = path.length > 1 ? path[0] : undefined
    return relayId === undefined || reservedBy(relayId).includes(hostId) ? path : undefined
  }

  function endLinks(isAffected: (link: LiveLink) => boolean, reason: string): number {
    const affected = [...links].filter(isAffected)
    for (const link of affected) link.end(reason)
    return affected.length
  }

  function openLink(address: string, path: readonly string[], peer: string): SubmissionLink {
    const waiting = new Map<string, PromiseWithResolvers<Receipt>>()
    const ending = Promise.withResolvers<void>()
    const leaving = Promise.withResolvers<void>()
    const there = createPipe()
    const back = createPipe()
    let endReason: string | undefined
    let lateCount = 0
    const sender = { peer, address: undefined }
    let pace: { readonly inbox: Inbox; readonly pace: Pace } | undefined
    const live: LiveLink = {
      path,
      ended: ending.promise,
      leave: leaving.resolve,
      end(reason) {
        if (endReason !== undefined) return
        endReason = reason
        links.delete(live)
        for (const { reject } of waiting.values()) reject(new WeftError('LINK_FAILED', { address, detail: reason }))
        waiting.clear()
        pace?.pace.drop()
        ending.resolve()
      },
    }
    links.add(live)

    /** What has arrived stays with the link until the inbox has room. */
    function paceTo(inbox: Inbox): Pace {
      if (pace?.inbox !== inbox) pace = { inbox, pace: createPace(inbox, sender, { stop: () => undefined, goOn: () => undefined }) }
      return pace.pace
    }

    function arrive(submissionId: string, payload: Uint8Array): void {
      const host = hosts.get(path.at(-1) as string)
      const settle = (receipt: Receipt) => {
        waiting.get(submissionId)?.resolve(receipt)
        waiting.delete(submissionId)
      }
      if (endReason !== undefined || host === undefined) return
      paceTo(host.inbox).give({ peer, protocol: 'weft', submissionId, payload, respond: (receipt) => back(() => settle(receipt)) })
    }

    function sendLegacy(host: HostEntry, submissionId: string, payload: Uint8Array): Promise<Receipt | 'unacknowledged'> {
      const submission = decodeSubmission(payload)
      if (submission === undefined)
        return Promise.resolve({ submissionId: submissionId as SubmissionId, code: 'submission_malformed', reason: '' })
      const json = new TextEncoder().encode(encodeCollectJson(submission))
      there(() => paceTo(host.inbox).give({ peer, protocol: 'collect', submissionId, payload: json, respond: () => undefined }))
      return Promise.resolve('unacknowledged')
    }

    return {
      ended: ending.promise,
      leaving: leaving.promise,
      send({ submissionId, payload }) {
        const host = hosts.get(path.at(-1) as string)
        if (endReason !== undefined || host === undefined) {
          lateCount += 1
          // A sender that never notices would otherwise keep the event loop for ever.
          if (lateCount > LATE_SENDS_MAX) throw new Error(`${LATE_SENDS_MAX} deliveries on a link that has ended`)
          return Promise.reject(new WeftError('LINK_FAILED', { address, detail: endReason ?? 'the peer is gone' }))
        }
        if (host.isLegacy) return sendLegacy(host, submissionId, payload)
        const known = waiting.get(submissionId)
        if (known !== undefined) return known.promise
        const receipt = Promise.withResolvers<Receipt>()
        waiting.set(submissionId, receipt)
        const isBreaking = isHit(faults.breakRate)
        if (!isBreaking || isHit(0.5)) there(() => arrive(submissionId, new Uint8Array(payload)))
        if (isBreaking) there(() => live.end('the connection was lost'))
        return receipt.promise
      },
      async close() {
        live.end('closed here')
      },
    }
  }

  return {
    async createSubmissionHost(options) {
      const peerId = peerIdOf(options.identity)
      const inbox = createInbox({ ...INBOX_LIMITS, ...options.limits }, nowMs, later)
      const entry: HostEntry = { inbox, isLegacy: options.isLegacy === true, relays: options.relays ?? [], point: options.point }
      hosts.set(peerId, entry)
      for (const [relayId] of relays) {
        if (entry.relays.includes(addressOf(relayId)) && !reservedBy(relayId).includes(peerId)) refusedReservations += 1
      }
      return {
        peerId,
        addresses: () => addressesOf(peerId),
        counts: inbox.counts,
        inbound: inbox.inbound,
        async stop() {
          inbox.end()
          if (hosts.get(peerId) === entry) hosts.delete(peerId)
          endLinks((link) => link.path.at(-1) === peerId, 'the peer stopped')
        },
      }
    },
    async createRelay(options) {
      const peerId = peerIdOf(options.identity)
      const entry = {
        reservationsMax: options.limits?.reservationsMax ?? Number.MAX_SAFE_INTEGER,
        isRendezvous: options.isRendezvous === true,
      }
      relays.set(peerId, entry)
      const own = () => [...links].filter((link) => link.path.length > 1 && link.path[0] === peerId)
      return {
        peerId,
        addresses: () => [addressOf(peerId)],
        stats: () => ({
          reservations: reservedBy(peerId).length,
          circuits: own().length,
          registrations: 0,
          relayedBytes: 0,
          refusedReservations,
          refusedCircuits: 0,
          refusedAdmissions: 0,
          refusedRegistrations: 0,
          endedCircuits: 0,
        }),
        async drain(limitMs) {
          relays.set(peerId, { ...entry, reservationsMax: 0 })
          const left = own()
          for (const link of left) link.leave()
          await Promise.race([Promise.all(left.map(({ ended }) => ended)), new Promise<void>((resolve) => later(limitMs, resolve))])
        },
        async stop() {
          relays.delete(peerId)
          endLinks((link) => link.path.length > 1 && link.path[0] === peerId, 'the relay stopped')
        },
      }
    },
    async createSubmissionDialer(options) {
      const peerId = peerIdOf(options.identity)
      const own = new Set<SubmissionLink>()
      return {
        peerId,
        async dial(address, signal) {
          const path = signal.aborted || isHit(faults.dialFailureRate) ? undefined : route(address)
          if (path === undefined) throw new WeftError('LINK_FAILED', { address, detail: 'nobody answers there' })
          const link = openLink(address, path, peerId)
          own.add(link)
          void link.ended.then(() => own.delete(link))
          return link
        },
        async discover(place, name, signal) {
          const isThere = [...relays].some(([relayId, { isRendezvous }]) => isRendezvous && addressOf(relayId) === place)
          if (signal.aborted || !isThere) throw new WeftError('LINK_FAILED', { address: place, detail: 'nobody answers there' })
          return registeredAt(place, name)
        },
        async stop() {
          await Promise.all([...own].map((link) => link.close()))
        },
      }
    },
    setFaults(next) {
      faults = next
    },
    breakLinks: () => endLinks(() => true, 'the connection was lost'),
  }
}
