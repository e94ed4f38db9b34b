import { isWeftError } from '#domain/errors.ts'
import type { WeftError } from '#domain/errors.ts'
import type { Hash } from '#domain/ids.ts'
import type { Signer } from '#io/keys/port.ts'
import type { RpcRefusal } from '#io/chain/rpc/answer.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { raiseFees, suggestFees } from './fees.ts'
import type { Fees } from './fees.ts'
import type { GasLimit } from './gas-limit.ts'
import type { JournalledIntent, Intents } from './intents.ts'
import { countTransactions, draftOf, estimateGas, sign } from './transaction.ts'
import type { Draft, Signed } from './transaction.ts'

/** Replacements of one transaction: five quarters to the eighth is six times the first fee. */
const REPLACEMENTS_MAX = 8

/** What the parts of a sender share. */
export interface SenderContext {
  readonly rpc: Rpc
  readonly chainId: number
  readonly signer: Signer
  readonly intents: Intents
  readonly gasLimit: GasLimit
  /** Told of a nonce that a transaction of this account has used which is not in the journal: somebody else has the key, and uses it. */
  readonly onShared?: ((nonce: number) => void) | undefined
  /** Nothing is offered above it; without it, nothing far above what the chain has taken lately. */
  readonly feePerGasMaxWei?: bigint | undefined
  /** Told why a node does not take a transaction, each time; `needsPerson` where that does not pass by itself. */
  readonly onHeld?: OnHeld | undefined
}

export type OnHeld = (failure: WeftError, needsPerson: boolean) => void

/** A transaction to send once. */
export interface Launch {
  readonly intentId: string
  readonly kind: string
  readonly draft: Draft
}

/** Signs, journals and broadcasts. To be called by one at a time: two at once would take the same nonce. */
export function createLauncher({ rpc, chainId, signer, intents, gasLimit, onShared, feePerGasMaxWei }: SenderContext) {
  const { address } = signer
  const lastHash = ({ hashes }: JournalledIntent): Hash => hashes.at(-1) as Hash
  /** What the node said last to a transaction that it did not take. */
  const refusals = new Map<Hash, RpcRefusal>()

  async function broadcast({ raw, hash }: Signed): Promise<void> {
    const answer = await rpc.ask('eth_sendRawTransaction', [raw])
    if (answer.isOk) refusals.delete(hash)
    else refusals.set(hash, answer.refusal)
  }

  /** Signature, journal, and only then the node: a crash anywhere leaves either nothing or an intent that is found again (G4). */
  async function dispatch(
    intent: JournalledIntent,
    transaction: { readonly draft: Draft; readonly fees: Fees },
    minedCount: number,
  ): Promise<void> {
    const signed = await sign(signer, { chainId, nonce: intent.nonce, ...transaction })
    await intents.put(intent, signed, minedCount)
    await broadcast(signed)
  }

  /** No gap: everything journalled below is in the chain or broadcast again. */
  const nonceAfter = (minedCount: number): number => Math.max(minedCount, (intents.all().at(-1)?.nonce ?? -1) + 1)

  /** New intents, or an old one whose nonce was lost, under the next nonces, in their order. All are journalled before the first is broadcast. */
  async function launch(launches: readonly Launch[]): Promise<void> {
    const [minedCount, { fees }] = await Promise.all([countTransactions(rpc, address, 'latest'), suggestFees(rpc, feePerGasMaxWei)])
    const last = intents.all().at(-1)
    // A fresh journal knows nothing of what the account did before.
    if (last !== undefined && minedCount > last.nonce + 1) onShared?.(last.nonce + 1)
    const firstNonce = nonceAfter(minedCount)
    const ready = await Promise.all(
      launches.map(async ({ intentId, kind, draft }, index) => {
        const nonce = firstNonce + index
        return { intent: { intentId, kind, nonce, hashes: [] }, signed: await sign(signer, { chainId, nonce, draft, fees }) }
      }),
    )
    // One after the other: a disk that fails on the way leaves intents without a gap in their nonces.
    for (const { intent, signed } of ready) await intents.put(intent, signed, minedCount)
    await Promise.all(ready.map(({ signed }) => broadcast(signed)))
  }

  return {
    launch,

    /** The nonce that the next launch begins with. */
    nextNonce: async (): Promise<number> => nonceAfter(await countTransactions(rpc, address, 'latest')),

    /** Hands what is journalled and not mined to the node again, lowest nonce first: a gap below would hold up everything above. */
    async rebroadcast(minedCount: number, upToNonce: number): Promise<void> {
      for (const intent of intents.all()) {
        if (intent.nonce < minedCount || intent.nonce > upToNonce) continue
        const hash = lastHash(intent)
        await broadcast({ hash, raw: intents.raw(hash) })
      }
    },

    /** What the node said to the intent's transaction when it was handed over last, unless it took it. The receipt decides: this explains a wait. */
    refusalOf: (intent: JournalledIntent): RpcRefusal | undefined => refusals.get(lastHash(intent)),
    /** For what has its receipt. */
    forget({ hashes }: JournalledIntent): void {
      for (const hash of hashes) refusals.delete(hash)
    },

    /**
     * The same nonce again with a higher fee; both transactions stay journalled, for either may be the one that is mined. `capped`: that
     * would be dearer than what we pay.
     */
    async replace(intentId: string, minedCount: number): Promise<'replaced' | 'enough' | 'capped'> {
      const intent = intents.get(intentId)
      if (intent === undefined || intent.hashes.length > REPLACEMENTS_MAX) return 'enough'
      const raw = intents.raw(lastHash(intent))
      const fees = raiseFees(raw, await suggestFees(rpc, feePerGasMaxWei))
      if (fees === undefined) return 'capped'
      await dispatch(intent, { draft: draftOf(raw), fees }, minedCount)
      return 'replaced'
    },

    /** The same nonce again with the gas that a transaction may have, after a node has refused more; unless the call needs more than that. */
    async refit(intentId: string, refusal: RpcRefusal, minedCount: number): Promise<void> {
      const intent = intents.get(intentId) as JournalledIntent
      const draft = draftOf(intents.raw(lastHash(intent)))
      await gasLimit.learn(refusal.message, draft.gas)
      const gas = await gasLimit.now()
      if (draft.gas <= gas || intent.hashes.length > REPLACEMENTS_MAX) return
      const { gas: _, ...call } = draft
      // What the contract refuses now it may take when it is mined, and the reverse: that is told then.
      const isFitting = await estimateGas(rpc, { ...call, kind: intent.kind, from: address }, gasLimit).then(() => true, isNotTooMuch)
      if (!isFitting) return
      const { fees } = await suggestFees(rpc, feePerGasMaxWei)
      await dispatch(intent, { draft: { ...draft, gas }, fees }, minedCount)
    },

    /** The same call under a new nonce. Only for an intent none of whose transactions can ever be mined. */
    async relaunch(lost: JournalledIntent): Promise<void> {
      // Another `send` of the same intent may have done it while this one waited for its turn.
      const isStillLost = intents.get(lost.intentId)?.nonce === lost.nonce
      if (isStillLost) await launch([{ ...lost, draft: draftOf(intents.raw(lastHash(lost))) }])
    },
  }
}

function isNotTooMuch(failure: unknown): false {
  if (isWeftError(failure, 'CALL_GAS_HIGH')) return false
  throw failure
}

export type Launcher = ReturnType<typeof createLauncher>
