import { createHash, createPublicKey, verify } from 'node:crypto'
import { join } from 'node:path'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { ask } from '#io/ipfs/ask.ts'
import { isRecord } from '#wire/untrusted.ts'
import { readGiven } from './given-file.ts'
import type { RoleHome } from './home.ts'
import { finalPeerIn, isPeerAddress } from './peer-address.ts'
import type { Settings } from './settings.ts'

/** Lists in use have some ten entries. */
const LIST_BYTES_MAX = 1024 * 1024
const SIGNATURE_BYTES_MAX = 1_024
const FETCH_TIMEOUT_MS = 10_000
/** Of an Ed25519 public key as SPKI wraps it; the 32 bytes of the key follow. */
const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex')
const PIN = /^(sha256|ed25519):([0-9a-fA-F]{64})$/

const isUrl = (place: string): boolean => /^https?:\/\//.test(place)

/** What is wrong with where the list is to come from. */
export function problemsOfTrusted({ trustedSequencers = '', trustedSequencersPin = '' }: Partial<Settings>): string[] {
  const pin = '--trusted-sequencers-pin (WEFT_TRUSTED_SEQUENCERS_PIN)'
  return [
    ...(trustedSequencersPin !== '' && !PIN.test(trustedSequencersPin) ? [`${pin}: it is sha256: or ed25519: and 64 hex digits`] : []),
    ...(trustedSequencersPin === '' && trustedSequencers.startsWith('http://')
      ? [`${pin} is needed with a list over plain http: anybody on the way could write it`]
      : []),
  ]
}

interface Copy {
  readonly list: Uint8Array
  readonly signature: Uint8Array
}

export interface Trust {
  readonly dataMarket: Address
  /** As the chain names the sequencer; empty where it does not. */
  readonly sequencerId: string
}

/**
 * Multiaddrs of the market's sequencers from the list, in its order (spec/02 §5). The list as it is now, or the copy of the last one where that
 * cannot be had; either way only if it is what the pin says. The peer id on chain beats the file. Throws `SEQUENCERS_UNKNOWN`.
 */
export async function trustedSequencers(
  settings: Pick<Settings, 'trustedSequencers' | 'trustedSequencersPin'>,
  { dataMarket, sequencerId }: Trust,
  { home, signal }: { readonly home: Pick<RoleHome, 'directory' | 'report'>; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const place = settings.trustedSequencers
  const copyPath = join(home.directory, 'trusted-sequencers.json')
  const copy = await read(place, settings.trustedSequencersPin, signal).then(
    (fresh) => {
      keep(copyPath, fresh)
      return fresh
    },
    async (failure: unknown) => {
      signal.throwIfAborted()
      if (!isWeftError(failure, 'SEQUENCERS_UNKNOWN')) throw failure
      const kept = await read(copyPath, settings.trustedSequencersPin, signal).catch(() => {
        throw failure
      })
      home.report('sequencers_from_copy', { place, detail: String(failure.facts.detail) })
      return kept
    },
  )
  const addresses = addressesIn(copy.list, dataMarket)
  const named = finalPeerIn(sequencerId) ?? sequencerId
  const trusted = isPeerId(named) ? addresses.filter((address) => finalPeerIn(address) === named) : addresses
  if (trusted.length > 0) return trusted
  const detail =
    addresses.length === 0 ? `it has no entry for the data market ${dataMarket}` : `the chain names ${named}, and it has other peers`
  throw new WeftError('SEQUENCERS_UNKNOWN', { place, detail })
}

const isPeerId = (text: string): boolean => isPeerAddress(`/ip4/127.0.0.1/tcp/1/p2p/${text}`)

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

/** Entries that cannot be dialed, or whose id is not that of their address, are none. The market's address may be spelled in any case. */
function addressesIn(list: Uint8Array, dataMarket: Address): string[] {
  return parseList(list).flatMap((entry) => {
    if (!isRecord(entry)) return []
    const { id, maddr, dataMarketAddress } = entry
    if (typeof dataMarketAddress !== 'string' || dataMarketAddress.toLowerCase() !== dataMarket.toLowerCase()) return []
    return typeof maddr === 'string' && isPeerAddress(maddr) && finalPeerIn(maddr) === id ? [maddr] : []
  })
}
