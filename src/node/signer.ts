import type { Address } from '#domain/ids.ts'
import type { Secret } from '#domain/secret.ts'
import { checkKeystore, isKeystore } from '#io/keys/keystore.ts'
import type { Signer } from '#io/keys/port.ts'
import { addressInUrl, createRemoteSigner } from '#io/keys/remote.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import type { RemoteSettings, SignerSettings } from './signer-settings.ts'

/** What a role signs with: the key that it was given, or one that another machine has. */

/** Of settings that have been read, where `hasSigner`. Nobody is asked before the first signature. */
export function signerOf(settings: SignerSettings): Signer {
  return settings.signerUrl === '' ? createSigner(parsePrivateKey(settings.signerKey.reveal())) : remoteSignerOf(settings)
}

export function remoteSignerOf({ signerUrl, signerCa, signerClient, signerTimeout }: RemoteSettings): Signer {
  const given = (pem: Secret<string>) => pem.reveal() || undefined
  return createRemoteSigner({ url: signerUrl, timeoutMs: signerTimeout, ca: given(signerCa), client: given(signerClient) })
}

/** The account, without a password or a question; `undefined` where there is no key, or one in a keystore that keeps it secret. */
export function signerAccount({
  signerKey,
  signerUrl = '',
}: Partial<Pick<SignerSettings, 'signerKey' | 'signerUrl'>>): Address | undefined {
  if (signerUrl !== '') return addressInUrl(signerUrl)
  const text = signerKey?.reveal()
  if (text === undefined) return undefined
  return isKeystore(text) ? checkKeystore(text, 'the keystore of --signer-key') : createSigner(parsePrivateKey(text)).address
}
