import type { Claimant } from '#io/p2p/admission.ts'
import { createSubmissionHasher, relayAdmissionPreimage } from '#wire/eip712.ts'
import type { Settings } from './settings/settings.ts'
import { signerOf } from './signer.ts'
import { hasSigner, type SignerSettings } from './signer-settings.ts'

/** No slot has this id: it stands for the market's sequencer, as whom the chain names an account. */
export const SLOT_OF_SEQUENCER = 0

/**
 * Vouches for this peer at relays that serve nobody else: with the key of a slot's signer, or for slot 0 with that of the market's sequencer. `undefined` for
 * who has no slot or no key: a collector may have neither, and a listener of a sequencer in parts no key.
 */
export function claimantOf(
  settings: SignerSettings & Pick<Settings, 'anchorChainId' | 'protocolState'>,
  slotId: number | undefined,
): Claimant | undefined {
  if (slotId === undefined || !hasSigner(settings)) return undefined
  const { anchorChainId: chainId, protocolState } = settings
  const { domainSeparator } = createSubmissionHasher({ chainId, protocolState })
  const signer = signerOf(settings)
  return async (question) => ({
    slotId,
    signature: await signer.signHashOf(relayAdmissionPreimage({ slotId, ...question }, domainSeparator)),
  })
}
