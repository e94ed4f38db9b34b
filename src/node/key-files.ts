import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { checkKeystore, decryptKeystore, encryptKeystore, isKeystore, type ScryptCost } from '#io/keys/keystore.ts'
import { createSigner, newPrivateKey, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { contentOf, isOpenToOthers } from './given-file.ts'
import type { Settings } from './settings/settings.ts'

/** Keys on disk: keystores that Weft writes and opens, and bare keys that it takes in and, asked twice, gives out. */

/** Asks a person, or a file that somebody named. `what` is for the question. Throws `SETTINGS_INVALID` where there is neither. */
export type AskPassword = (what: string) => Promise<Secret<string>>

export interface KeyFile {
  readonly path: string
  /** Absent in keystores that keep it secret. */
  readonly address?: Address
}

interface Writing {
  /** The file, or a folder that ends in `/` or is there already: the file in it is named for the address. */
  readonly out: string
  readonly password: Secret<string>
  readonly cost?: ScryptCost
}

/** Writes a keystore for a new key. Throws `SETTINGS_INVALID` rather than replace a file, and as `storeFailed`. */
export async function newKey(options: Writing): Promise<Required<KeyFile>> {
  return writeKeystore(newPrivateKey(), options)
}

/** Writes a keystore for a key that somebody has. Throws as `newKey`. */
export async function writeKeystore(key: Secret<Uint8Array>, { out, password, cost }: Writing): Promise<Required<KeyFile>> {
  const { address } = createSigner(key)
  const path = out.endsWith('.json') ? out : join(out, `${address}.json`)
  refuseToReplace(path)
  const text = await encryptKeystore(key, { password, cost })
  onDisk(path, 'writing it', () => {
    makeFolder(dirname(path))
    replaceFile(path, text, 0o600)
  })
  return { path, address }
}

/** It may be somebody's only copy of a key. */
function refuseToReplace(path: string): void {
  if (existsSync(path)) throw new WeftError('SETTINGS_INVALID', { problems: [`${path} is there already, and is not replaced`] })
}

/** The key in a file, a bare one or a keystore, which `ask` has the password of. Throws `SETTINGS_INVALID`, `KEYSTORE_INVALID`, `KEYSTORE_PASSWORD_WRONG`. */
export async function keyIn(path: string, ask: AskPassword): Promise<Secret<Uint8Array>> {
  const text = contentOf(path, 'FILE')
  if (isKeystore(text)) {
    checkKeystore(text, path)
    return decryptKeystore(text, { path, password: await ask(path) })
  }
  return bareKey(text, path)
}

/** Throws `SETTINGS_INVALID`, which tells nothing of the text. */
export function bareKey(text: string, what: string): Secret<Uint8Array> {
  try {
    return parsePrivateKey(text.trim())
  } catch (failure) {
    if (!isWeftError(failure, 'ID_MALFORMED')) throw failure
    throw new WeftError('SETTINGS_INVALID', { problems: [`${what} is neither a keystore nor a private key: 64 hex digits`] })
  }
}

/** The keystores in a folder, by name; what is none is left out. None of a folder that is not there. */
export function keysIn(folder: string): readonly KeyFile[] {
  const names = onDisk(folder, 'listing it', () => (existsSync(folder) ? readdirSync(folder) : []))
  return names
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .flatMap((name) => {
      const path = join(folder, name)
      try {
        const address = checkKeystore(contentOf(path, 'FILE'), path)
        return [{ path, ...(address && { address }) }]
      } catch (failure) {
        if (isWeftError(failure, 'KEYSTORE_INVALID') || isWeftError(failure, 'SETTINGS_INVALID')) return []
        throw failure
      }
    })
}

/** Writes the bare key, for its owner to read alone. Throws as `newKey` and `keyIn`. */
export async function exportKey(path: string, { out, ask }: { readonly out: string; readonly ask: AskPassword }): Promise<Address> {
  refuseToReplace(out)
  const key = await keyIn(path, ask)
  onDisk(out, 'writing it', () => {
    makeFolder(dirname(out))
    replaceFile(out, `${key.reveal().toHex()}\n`, 0o600)
  })
  return createSigner(key).address
}

/** Settings whose key is a keystore, with the key itself; each keystore is opened once, however many parts of a process name it. Throws as `decryptKeystore` and `ask`. */
export function createUnlocker(ask: AskPassword): (settings: Settings) => Promise<Settings> {
  const opened = new Map<string, Promise<Secret<string>>>()
  const open = async (text: string, given: Secret<string>): Promise<Secret<string>> => {
    const what = 'the keystore of --signer-key (WEFT_SIGNER_KEY)'
    const password = given.reveal() === '' ? await ask(what) : given
    return new Secret((await decryptKeystore(text, { path: what, password })).reveal().toHex())
  }
  return async (settings) => {
    const text = settings.signerKey?.reveal()
    if (text === undefined || !isKeystore(text)) return settings
    const key = opened.get(text) ?? open(text, settings.signerPassword)
    opened.set(text, key)
    return { ...settings, signerKey: await key }
  }
}

/** What a person should know of a file with a bare key. */
export const warningOf = (path: string): string | undefined =>
  isOpenToOthers(path) ? `${path} holds a bare key and others may read it: chmod 600 ${path}, or remove it` : undefined
