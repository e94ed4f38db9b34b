import { WeftError } from '#domain/errors.ts'
import { Secret } from '#domain/secret.ts'
import { publicKeyIn } from '#io/keys/signer-url.ts'
import { contentOf, isOpenToOthers } from './given-file.ts'
import { problemOfUrl } from './pin-places.ts'
import type { Settings } from './settings/settings.ts'

/** What is said of a signer, as far as it is known without one: commands look at it before they load what signs. */

export type RemoteSettings = Pick<Settings, 'signerUrl' | 'signerCa' | 'signerClient' | 'signerTimeout'>
export type SignerSettings = RemoteSettings & Pick<Settings, 'signerKey'>

/** A collector may have neither, and a listener of a sequencer in parts. */
export function hasSigner({ signerKey, signerUrl = '' }: Partial<Pick<SignerSettings, 'signerKey' | 'signerUrl'>>): boolean {
  return signerKey !== undefined || signerUrl !== ''
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
  return publicKeyIn(text) === undefined
    ? 'does not end in a public key: https://HOST:PORT/api/v1/eth1/sign/0x… and 128 hex digits'
    : undefined
}

/** What is in a file in PEM, which may hold a private key, and is then its owner's to read alone. Throws `SETTINGS_INVALID`. */
export function pemIn(path: string): Secret<string> {
  const refuse = (problem: string): never => {
    throw new WeftError('SETTINGS_INVALID', { problems: [problem] })
  }
  const text = contentOf(path)
  if (!text.includes('-----BEGIN ')) return refuse(`${path} is no PEM`)
  return text.includes('PRIVATE KEY-----') && isOpenToOthers(path)
    ? refuse(`${path} holds a private key that others may read: chmod 600 ${path}`)
    : new Secret(text)
}
