import type { Report } from '#domain/events.ts'
import type { AnchorChain, CallOutcome, Intent, ProtocolCall, ProtocolSender } from '#io/chain/port.ts'
import type { Clock } from '#io/clock/port.ts'
import type { Lease, Shared } from '#io/log/port.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { TAKEN } from '#roles/sequencer/seal/anchor.ts'

const LEASE_NAME = 'sealer'
/** How often who does not lead looks whether the leader has done it, and a new leader whether what the last one sent is mined. */
const LOOK_MS = 1_000
/** After so long a new leader no longer waits for it: a transaction that finds no block must be offered more for. */
const SETTLE_MS_MAX = 30_000

export interface LeadDeps extends PersistDeps {
  readonly shared: Pick<Shared, 'lease'>
  readonly chain: Pick<AnchorChain, 'batchCids' | 'isEpochEnded'>
  readonly clock: Clock
  readonly report: Report
  /** Whether the account has nothing under way: what another process has sent with it is mined. */
  isSettled(): Promise<boolean>
}

/** Sends while this process leads; otherwise its calls wait until it does, or until the chain has what they would bring about. */
export interface Leading {
  readonly sender: ProtocolSender
  isLeading(): boolean
  run(signal: AbortSignal): Promise<void>
}

export function createLeading(sender: ProtocolSender, deps: LeadDeps): Leading {
  const { shared, chain, clock, report } = deps
  let held: Lease | undefined

  async function isDone(call: ProtocolCall): Promise<boolean> {
    switch (call.kind) {
      case 'submitSubmissionBatch':
        return (await chain.batchCids(call.epochId)).includes(call.batchCid)
      case 'submitRootOnlyBatches': {
        const there = await chain.batchCids(call.epochId)
        return call.batches.every(({ batchCid }) => there.includes(batchCid))
      }
      case 'endBatchSubmissions':
        return chain.isEpochEnded(call.epochId)
      default:
        return false
    }
  }

  async function areDone(intents: readonly Intent[]): Promise<boolean> {
    for (const { call } of intents) if (!(await isDone(call))) return false
    return true
  }

  /** `undefined`: it was not, or is no more, for this process to send. */
  async function sendAsLeader(intents: readonly Intent[], signal: AbortSignal): Promise<readonly CallOutcome[] | undefined> {
    const lease = held
    // The token is checked before each call: nobody else has led since (S28).
    if (lease === undefined || !(await lease.confirm())) return undefined
    try {
      return await sender.sendInOrder(intents, AbortSignal.any([signal, lease.lost]))
    } catch (failure) {
      signal.throwIfAborted()
      if (!lease.lost.aborted) throw failure
      return undefined
    }
  }

  async function sendInOrder(intents: readonly Intent[], signal: AbortSignal): Promise<readonly CallOutcome[]> {
    for (;;) {
      signal.throwIfAborted()
      const sent = await sendAsLeader(intents, signal)
      if (sent !== undefined) return sent
      if (await areDone(intents)) return intents.map(() => ({ kind: 'refused', reason: TAKEN }))
      await clock.sleep(LOOK_MS, signal)
    }
  }

  /** What the last leader has sent would have the same nonces. */
  async function settle(lease: Lease, signal: AbortSignal): Promise<void> {
    const attempt = () => deps.isSettled()
    const untilMs = clock.nowMs() + SETTLE_MS_MAX
    while (!lease.lost.aborted && clock.nowMs() < untilMs && !(await persist({ doing: 'read_account', attempt, signal }, deps)))
      await clock.sleep(LOOK_MS, signal)
  }

  return {
    isLeading: () => held !== undefined,
    sender: {
      address: sender.address,
      hasSigned: sender.hasSigned,
      gasMax: sender.gasMax,
      sendInOrder,
      async send(intentId, call, signal) {
        const [outcome] = await sendInOrder([{ intentId, call }], signal)
        return outcome as CallOutcome
      },
    },
    async run(signal) {
      while (!signal.aborted) {
        const lease = await shared.lease([LEASE_NAME], signal)
        await settle(lease, signal)
        held = lease
        report('leading', { token: lease.token })
        await ended([signal, lease.lost])
        held = undefined
        if (!signal.aborted) report('leading_lost', { token: lease.token })
        await lease.release()
      }
    },
  }
}

/** Resolves when one of them aborts. */
export function ended(signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    }
  })
}
