import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { checkKeystore, isKeystore } from '#io/keys/keystore.ts'
import type { Signer } from '#io/keys/port.ts'
import { addressInUrl, createRemoteSigner } from '#io/keys/remote.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { isOpenToOthers, textOf } from './given-file.ts'
import { problemOfUrl } from './pin-places.ts'
import type { Settings } from './settings/settings.ts'

/** What a role signs with: the key that it was given, or one that another machine has. */

export type RemoteSettings = Pick<Settings, 'signerUrl' | 'signerCa' | 'signerClient' | 'signerTimeout'>
export type SignerSettings = RemoteSettings & Pick<Settings, 'signerKey'>

/** Of settings that have been read, where `hasSigner`. Nobody is asked before the first signature. */
export function signerOf(settings: SignerSettings): Signer {
  return settings.signerUrl === '' ? createSigner(parsePrivateKey(settings.signerKey.reveal())) : remoteSignerOf(settings)
}

export function remoteSignerOf({ signerUrl, signerCa, signerClient, signerTimeout }: RemoteSettings): Signer {
  const given = (pem: Secret<string>) => pem.reveal() || undefined
  return createRemoteSigner({ url: signerUrl, timeoutMs: signerTimeout, ca: given(signerCa), client: given(signerClient) })
}

/** A collector may have neither, and a listener of a sequencer in parts. */
export function hasSigner({ signerKey, signerUrl = '' }: Partial<Pick<SignerSettings, 'signerKey' | 'signerUrl'>>): boolean {
  return signerKey !== undefined || signerUrl !== ''
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

/** What no setting says alone. */
export function problemsOfSigner({ signerKey, signerUrl = '', signerCa, signerClient }: Partial<SignerSettings>): readonly string[] {
  if (signerKey !== undefined && signerUrl !== '')
    return ['--signer-key (WEFT_SIGNER_KEY) and --signer-url (WEFT_SIGNER_URL) are both given: the key is in one place']
  const isPem = (signerCa?.reveal() ?? '') + (signerClient?.reveal() ?? '') !== ''
  return isPem && !signerUrl.startsWith('https:')
    ? ['--signer-ca (WEFT_SIGNER_CA) and --signer-client (WEFT_SIGNER_CLIENT) are for a --signer-url of https']
    : []
}

/** What is wrong with the URL of a key. */
export function problemOfSignerUrl(text: string): string | undefined {
  const problem = problemOfUrl(text, { isSecret: false })
  if (problem !== undefined) return problem
  return addressInUrl(text) === undefined
    ? 'does not end in a public key: https://HOST:PORT/api/v1/eth1/sign/0x… and 128 hex digits'
    : undefined
}

/** What is in a file in PEM, which may hold a private key, and is then its owner's to read alone. Throws `SETTINGS_INVALID`. */
export function pemIn(path: string): Secret<string> {
  const refuse = (problem: string): never => {
    throw new WeftError('SETTINGS_INVALID', { problems: [problem] })
  }
  const text = ((): string => {
    try {
      return textOf(path)
    } catch {
      return refuse(`${path} cannot be read`)
    }
  })()
  if (!text.includes('-----BEGIN ')) return refuse(`${path} is no PEM`)
  return text.includes('PRIVATE KEY-----') && isOpenToOthers(path)
    ? refuse(`${path} holds a private key that others may read: chmod 600 ${path}`)
    : new Secret(text)
}
