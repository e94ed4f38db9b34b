import type { Address } from '#domain/ids.ts'
import type { Settings } from '#node/settings/settings.ts'
import { remoteSignerOf } from '#node/signer.ts'
import type { RemoteSettings } from '#node/signer-settings.ts'
import { type Finding, good, orFailed } from './finding.ts'

/** Of no form that means anything to a contract or a peer. */
const PROBE = new TextEncoder().encode('weft asks whether the key is there')

/** The account as which a remote signer signs. Throws `SIGNER_FAILED`, `SIGNER_LIED`. */
export async function probeSigner(settings: RemoteSettings): Promise<Address> {
  const signer = remoteSignerOf(settings)
  await signer.signHashOf(PROBE)
  return signer.address
}

/** Whether the remote signer signs as the account that is meant. Nothing of a key that is here. */
export async function lookAtSigner(settings: Settings): Promise<readonly Finding[]> {
  if ((settings.signerUrl ?? '') === '') return []
  const { origin } = new URL(settings.signerUrl)
  const mend = 'start the signer, load the key of this account into it (--key-store-path of Web3Signer), or name another --signer-url'
  return orFailed('remote signer', mend, async () => {
    return [good('remote signer', `${origin} signs as ${await probeSigner(settings)}`)]
  })
}
