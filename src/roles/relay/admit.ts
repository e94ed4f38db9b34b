import { createAnchorView } from '#domain/anchor-view.ts'
import type { SlotId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Recoverer } from '#io/keys/port.ts'
import type { Judge } from '#io/p2p/port.ts'
import { createAppointed } from '#life/appointed.ts'
import { live } from '#life/live.ts'
import { type PersistDeps, persist } from '#life/persist.ts'
import { readSigners, readSlots } from '#life/signers.ts'
import { createSubmissionHasher, parseSignature, relayAdmissionDigest } from '#wire/eip712.ts'

export interface Admission {
  /** R6. Costs one recovery at most. */
  readonly judge: Judge
  /** Follows the chain until the signal aborts. Rejects when it cannot be followed. */
  run(signal: AbortSignal): Promise<void>
}

export interface AdmissionDeps extends PersistDeps {
  readonly chain: AnchorChain
  readonly recoverer: Recoverer
}

/** Stage `admit`: serves whom the signer of a slot vouches for, or for slot 0 a sequencer of the market, as the chain has them now. */
export function createAdmission(deps: AdmissionDeps): Admission {
  const { chain, recoverer } = deps
  const view = createAnchorView()
  const appointed = createAppointed(deps)
  const { domainSeparator } = createSubmissionHasher(chain)

  async function follow(signal: AbortSignal): Promise<void> {
    const head = await persist({ doing: 'read_head', attempt: () => chain.head(), signal }, deps)
    await readSlots({ ...deps, view }, signal)
    for await (const step of chain.follow({ from: head.number, known: [], signal })) {
      await readSigners(view.apply(step), { ...deps, view }, signal)
      if (view.head !== undefined) view.forgetBelow(view.head.number)
    }
  }

  return {
    judge(claim) {
      const { head } = view
      const sequencers = appointed.sequencers()
      if (head === undefined || sequencers === undefined) return 'not_ready'
      const signer = claim.slotId === 0 ? undefined : view.signerAt(claim.slotId as SlotId, head.number)
      if (claim.slotId !== 0 && signer === undefined) return 'slot_unknown'
      const signature = parseSignature(claim.signature)
      if (signature === undefined) return 'signature_malformed'
      const by = recoverer.recover(relayAdmissionDigest(claim, domainSeparator), signature)
      const isVouched = by !== undefined && (signer === undefined ? sequencers.includes(by) : by === signer)
      if (!isVouched) return 'signer_mismatch'
      return signer === undefined ? { by, isSequencer: true } : { by: `slot ${claim.slotId}`, isSequencer: false }
    },
    run: (signal) =>
      live(signal, (life) => {
        void life.spawn(appointed.run(life.signal))
        void life.spawn(follow(life.signal))
      }),
  }
}
