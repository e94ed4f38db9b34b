import { createHash, createPublicKey, verify } from 'node:crypto'
import { join } from 'node:path'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { ask } from '#io/ipfs/ask.ts'
import { readGiven } from './given-file.ts'
import type { RoleHome } from './home.ts'

/** Lists in use have some ten entries. */
const LIST_BYTES_MAX = 1024 * 1024
const SIGNATURE_BYTES_MAX = 1_024
const FETCH_TIMEOUT_MS = 10_000
/** Of an Ed25519 public key as SPKI wraps it; the 32 bytes of the key follow. */
const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex')

/** What a list must be: its hash, or the key by which it is signed. */
export const PIN = /^(sha256|ed25519):([0-9a-fA-F]{64})$/

const isUrl = (place: string): boolean => /^https?:\/\//.test(place)

export interface Published {
  /** URL or file. */
  readonly place: string
  /** `PIN`; empty for any. */
  readonly pin: string
  /** Name of its copy in the role's directory. */
  readonly copyName: string
}

interface Copy {
  readonly list: Uint8Array
  readonly signature: Uint8Array
}

export interface PublishedDeps {
  readonly home: Pick<RoleHome, 'directory' | 'report'>
  readonly signal: AbortSignal
}

/**
 * The entries of a list that is published somewhere, as it is now, or as the last copy has it where that cannot be had; either way only if it
 * is what the pin says. Throws `SEQUENCERS_UNKNOWN`.
 */
export async function publishedList(what: Published, { home, signal }: PublishedDeps): Promise<readonly unknown[]> {
  const copyPath = join(home.directory, what.copyName)
  const copy = await read(what.place, what.pin, signal).then(
    (fresh) => {
      keep(copyPath, fresh)
      return fresh
    },
    async (failure: unknown) => {
      signal.throwIfAborted()
      if (!isWeftError(failure, 'SEQUENCERS_UNKNOWN')) throw failure
      const kept = await read(copyPath, what.pin, signal).catch(() => {
        throw failure
      })
      home.report('sequencers_from_copy', { place: what.place, detail: String(failure.facts.detail) })
      return kept
    },
  )
  return parseList(copy.list)
}

/** Throws `SEQUENCERS_UNKNOWN`. */
async function read(place: string, pin: string, signal: AbortSignal): Promise<Copy> {
  const unknown = (detail: string, cause?: unknown) => new WeftError('SEQUENCERS_UNKNOWN', { place, detail }, cause)
  const [, kind, hex = ''] = PIN.exec(pin) ?? []
  try {
    const list = await bytesAt(place, LIST_BYTES_MAX, signal)
    const signature = kind === 'ed25519' ? await bytesAt(`${place}.sig`, SIGNATURE_BYTES_MAX, signal) : new Uint8Array(0)
    const isPinned =
      kind === undefined ||
      (kind === 'sha256' && createHash('sha256').update(list).digest('hex') === hex.toLowerCase()) ||
      (kind === 'ed25519' && isSigned({ list, signature }, hex))
    if (!isPinned) throw unknown('it is not what --trusted-sequencers-pin says')
    parseList(list)
    return { list, signature }
  } catch (failure) {
    signal.throwIfAborted()
    if (isWeftError(failure, 'SEQUENCERS_UNKNOWN')) throw failure
    throw unknown(isWeftError(failure, 'PLACE_FAILED') ? String(failure.facts.detail) : (failure as Error).message, failure)
  }
}

async function bytesAt(place: string, bytesMax: number, signal: AbortSignal): Promise<Uint8Array> {
  if (!isUrl(place)) return readGiven(place, bytesMax)
  const within = AbortSignal.any([signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)])
  const { status, bytes } = await ask({ place, url: place, method: 'GET', bytesMax }, within)
  if (status !== 200) throw new WeftError('PLACE_FAILED', { place, detail: `HTTP ${status}` })
  return bytes
}

function isSigned({ list, signature }: Copy, publicKeyHex: string): boolean {
  const key = createPublicKey({ key: Buffer.concat([SPKI_ED25519, Buffer.from(publicKeyHex, 'hex')]), format: 'der', type: 'spki' })
  return verify(null, list, key, Buffer.from(new TextDecoder().decode(signature).trim(), 'hex'))
}

/** Whole or not at all; the signature first, so that a list is never there without. */
function keep(path: string, { list, signature }: Copy): void {
  onDisk(path, 'writing it', () => {
    if (signature.length > 0) replaceFile(`${path}.sig`, signature, 0o644)
    replaceFile(path, list, 0o644)
  })
}

function parseList(bytes: Uint8Array): readonly unknown[] {
  const list: unknown = JSON.parse(new TextDecoder().decode(bytes))
  if (!Array.isArray(list)) throw new Error('it is no JSON array')
  return list
}
