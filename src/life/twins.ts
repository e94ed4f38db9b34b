import { WeftError } from '#domain/errors.ts'
import type { Address, Hash } from '#domain/ids.ts'
import type { UnreadyReason } from '#domain/reasons.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import type { AnchorChain, ChainStep, ProtocolEvent, ProtocolSender } from '#io/chain/port.ts'
import type { Signer } from '#io/keys/port.ts'
import { type PersistDeps, persist } from './persist.ts'

/**
 * A twin is another process, on whichever machine, that signs with the account of this one. Two would give two answers to one question, or take each other's
 * nonces. What the account does on chain is looked at: what is not in our journal is a twin's. Nothing is signed before so many epochs were
 * listened to, and nothing any more once one was seen.
 */

export interface TwinOptions {
  /** Released from the start on, before anything is signed; 0 begins at once. */
  readonly listenEpochs: number
}

export interface TwinDeps extends PersistDeps {
  readonly chain: AnchorChain
  readonly sender: ProtocolSender
  /** Who has sent a transaction of the chain; `undefined` of one that the endpoint does not have. */
  senderOf(transactionHash: Hash): Promise<Address | undefined>
}

export interface TwinWatch {
  /** The same: what is followed is looked at before it is handed on. */
  readonly chain: AnchorChain
  /** Waits while it is listened, and for ever once a twin was seen. */
  readonly sender: ProtocolSender
  /** Of what is no transaction: it goes without a signature where `sender` would wait. Throws `TWIN_FOUND`, and as the signer. */
  guarded(signer: Signer): Signer
  /** Why nothing is signed, if so. */
  unready(): { readonly reason: UnreadyReason; readonly detail: string } | undefined
}

export function watchTwins({ listenEpochs }: TwinOptions, deps: TwinDeps): TwinWatch {
  const { chain, sender, report } = deps
  const account = sender.address
  const cleared = Promise.withResolvers<void>()
  let heard = 0
  let twin: Hash | undefined
  if (listenEpochs === 0) cleared.resolve()
  else report('twin_listening', { account, epochs: listenEpochs })

  async function look(step: ChainStep, headAtStart: number, signal: AbortSignal): Promise<void> {
    // What the account did before is no sign that somebody uses it now.
    if (step.kind === 'rollback' || step.block.number <= headAtStart || twin !== undefined) return
    for (const event of step.events) {
      if (event.kind === 'EpochReleased') heard += 1
      if (twin !== undefined || !(await isTwins(event, signal))) continue
      twin = event.transactionHash
      report('twin_found', { account, transactionHash: twin, event: event.kind, block: step.block.number })
    }
    if (heard >= listenEpochs) cleared.resolve()
  }

  /** Whether the account has done it, and not we. */
  async function isTwins(event: ProtocolEvent, signal: AbortSignal): Promise<boolean> {
    const { transactionHash } = event
    switch (event.kind) {
      case 'SnapshotBatchAttestationSubmitted':
      case 'DelayedAttestationSubmitted':
        return event.validator === account && !sender.hasSigned(transactionHash)
      case 'SnapshotBatchSubmitted':
      case 'DelayedBatchSubmitted':
      case 'BatchSubmissionsCompleted':
        if (sender.hasSigned(transactionHash)) return false
        return (await persist({ doing: 'read_sender', attempt: () => deps.senderOf(transactionHash), signal }, deps)) === account
      default:
        return false
    }
  }

  async function whenAlone(signal: AbortSignal): Promise<void> {
    await untilAborted(cleared.promise, signal)
    if (twin !== undefined) await untilAborted(new Promise<never>(() => undefined), signal)
  }

  return {
    chain: {
      ...chain,
      async *follow(options) {
        const { number } = await persist({ doing: 'read_head', attempt: () => chain.head(), signal: options.signal }, deps)
        for await (const step of chain.follow(options)) {
          await look(step, number, options.signal)
          yield step
        }
      },
    },
    sender: {
      ...sender,
      async send(intentId, call, signal) {
        await whenAlone(signal)
        return sender.send(intentId, call, signal)
      },
      async sendInOrder(intents, signal) {
        await whenAlone(signal)
        return sender.sendInOrder(intents, signal)
      },
    },
    guarded: (signer) => ({
      address: signer.address,
      async signHashOf(bytes) {
        if (twin !== undefined) throw new WeftError('TWIN_FOUND', { account, transactionHash: twin })
        return signer.signHashOf(bytes)
      },
    }),
    unready() {
      if (twin !== undefined) return { reason: 'twin_found', detail: twin }
      return heard < listenEpochs ? { reason: 'twin_listening', detail: `${heard} of ${listenEpochs} epochs` } : undefined
    },
  }
}
