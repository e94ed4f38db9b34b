import { WeftError } from '#domain/errors.ts'
import type { Address, Hash } from '#domain/ids.ts'
import type { UnreadyReason } from '#domain/reasons.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import type { AnchorChain, BlockRef, ChainStep, ProtocolEvent, ProtocolSender } from '#io/chain/port.ts'
import type { Signer } from '#io/keys/port.ts'
import type { Store } from '#io/store/port.ts'
import { type PersistDeps, persist } from './persist.ts'

/**
 * A twin is another process, on whichever machine, that signs with the account of this one. Two would give two answers to one question, or take each other's
 * nonces. What the account does on chain is looked at: what is not in our journal is a twin's. Nothing is signed before so many epochs were
 * listened to, each until a twin would have shown itself in it, and nothing any more once one was seen. Who was here a moment ago has listened until then:
 * it reads what has come since, and goes on.
 */

/** Longer away, the account may have been given to another machine. An update or a reboot takes minutes. */
const AWAY_MAX_SECONDS = 3_600
/** The last block, of an epoch release or of the end of the listening, up to which nothing of a twin was seen, and in which store. */
const ALONE_KEY = 'twins/alone'

export interface TwinOptions {
  /** Released from the start on, before anything is signed; 0 begins at once. */
  readonly listenEpochs: number
  /** Which store that is, and no copy of it: a copy has a twin in the original. */
  readonly place: string
}

export interface TwinDeps extends PersistDeps {
  readonly chain: AnchorChain
  readonly sender: ProtocolSender
  /** With the journal of the sender. */
  readonly store: Store
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

interface Alone {
  readonly place: string
  readonly block: number
  readonly timestamp: number
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** From where on the chain tells of a twin, and for how long. */
interface Start extends Here {
  /** Contract numbers behind its release in which a twin anchors what it has of an epoch: half of its time for that. What is left is ours, should there be none. */
  readonly turn: number
}

interface Here {
  /** What the account did up to this block is no sign that somebody else uses it now. */
  readonly after: number
  /** Where it is known to be alone, if nothing has come up to this block: it was here a moment ago. */
  readonly until: number | undefined
}

function startAt({ number, timestamp }: BlockRef, { store, place }: { readonly store: Store; readonly place: string }): Here {
  const bytes = store.get(ALONE_KEY)
  const alone = bytes && (JSON.parse(decoder.decode(bytes)) as Alone)
  const wasHere = alone?.place === place && alone.block <= number && timestamp - alone.timestamp <= AWAY_MAX_SECONDS
  return wasHere ? { after: alone.block, until: number } : { after: number, until: undefined }
}

export function watchTwins({ listenEpochs, place }: TwinOptions, deps: TwinDeps): TwinWatch {
  const { chain, sender, store, report } = deps
  const account = sender.address
  const cleared = Promise.withResolvers<void>()
  let starting: Promise<Start> | undefined
  let heard = 0
  /** Of the epochs that are listened to, when each will have been, and the block of its release: a reorganisation may take that back. */
  let ends: readonly { readonly release: number; readonly end: number }[] = []
  let twin: Hash | undefined
  if (listenEpochs === 0) cleared.resolve()

  async function start(signal: AbortSignal): Promise<Start> {
    const head = await persist({ doing: 'read_head', attempt: () => chain.head(), signal }, deps)
    const found = startAt(head, { store, place })
    const { snapshotWindowBlocks, batchWindowBlocks } = await persist({ doing: 'read_market', attempt: () => chain.market(), signal }, deps)
    if (found.until === undefined && listenEpochs > 0) report('twin_listening', { account, epochs: listenEpochs })
    return { ...found, turn: Math.floor((Math.min(snapshotWindowBlocks, batchWindowBlocks) + batchWindowBlocks) / 2) }
  }

  async function look(step: ChainStep, { after, until, turn }: Start, signal: AbortSignal): Promise<void> {
    if (step.kind === 'rollback') {
      ends = ends.filter(({ release }) => release <= step.to.number)
      return
    }
    if (step.block.number <= after || twin !== undefined) return
    const { number, contractNumber, timestamp } = step.block
    for (const event of step.events) {
      if (event.kind === 'EpochReleased' && heard + ends.length < listenEpochs)
        ends = [...ends, { release: number, end: contractNumber + turn }]
      if (twin !== undefined || !(await isTwins(event, signal))) continue
      twin = event.transactionHash
      report('twin_found', { account, transactionHash: twin, event: event.kind, block: number })
      // The next start listens.
      await store.commit([{ key: ALONE_KEY }])
    }
    const left = ends.filter(({ end }) => end > contractNumber)
    const isEnd = left.length < ends.length
    heard += ends.length - left.length
    ends = left
    if (until !== undefined && number >= until) heard = Math.max(heard, listenEpochs)
    if (heard < listenEpochs) return
    cleared.resolve()
    const isNews = isEnd || step.events.some(({ kind }) => kind === 'EpochReleased')
    if (twin !== undefined || !isNews) return
    await store.commit([{ key: ALONE_KEY, value: encoder.encode(JSON.stringify({ place, block: number, timestamp } satisfies Alone)) }])
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
        starting ??= start(options.signal)
        const started = await starting
        for await (const step of chain.follow(options)) {
          await look(step, started, options.signal)
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
