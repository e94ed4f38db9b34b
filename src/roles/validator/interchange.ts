import { isWeftError, WeftError } from '#domain/errors.ts'
import { type Address, type Cid, type ContentHash, type EpochId, parseAddress, parseEpochId, parseHash } from '#domain/ids.ts'
import type { Store } from '#io/store/port.ts'
import { isRecord, parseJson } from '#wire/untrusted.ts'
import { type Attestation, BARRED, guardOf } from './attest.ts'
import { GUARDS_OF_KEY, GUARDS_PREFIX, guardKey, SIGNED_UP_TO_KEY } from './keys.ts'

/** What moves a validator from one machine to another: what it has bound itself to, so that it never signs twice (V13; EIP-3076 does the same for Ethereum). */

/** Whose word guards are, and where it is given. */
export interface GuardsOf {
  readonly chainId: number
  readonly protocolState: Address
  readonly dataMarket: Address
  readonly validator: Address
}

export interface Interchange extends GuardsOf {
  readonly version: 1
  /** Nothing may be signed for this epoch and those before, apart from what `guards` tells. */
  readonly signedUpTo?: EpochId | undefined
  readonly guards: readonly Attestation[]
}

export interface Imported {
  readonly added: number
  readonly known: number
  /** Batches for which both sides guard different words, `epoch CID`: from now on nothing is signed for them. */
  readonly conflicts: readonly string[]
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const isSame = (left: GuardsOf, right: GuardsOf): boolean => OF_FIELDS.every((field) => left[field] === right[field])
const OF_FIELDS = ['chainId', 'protocolState', 'dataMarket', 'validator'] as const

/** `undefined` before the validator ran here, or anything was imported. */
function guardsOf(store: Store): GuardsOf | undefined {
  const bytes = store.get(GUARDS_OF_KEY)
  return bytes && (JSON.parse(decoder.decode(bytes)) as GuardsOf)
}

/** The role says whose guards these are from now on. What is guarded counts for every signer: a changed key says the same or nothing (G6). */
export async function noteGuardsOf({ chainId, protocolState, dataMarket, validator }: GuardsOf, store: Store): Promise<void> {
  const of: GuardsOf = { chainId, protocolState, dataMarket, validator }
  const known = guardsOf(store)
  if (known === undefined || !isSame(known, of)) await store.commit([{ key: GUARDS_OF_KEY, value: encoder.encode(JSON.stringify(of)) }])
}

/** From now on nothing is signed for the epoch and those before, apart from what is guarded. */
export async function barUpTo(epochId: EpochId, store: Store): Promise<void> {
  const upTo = store.get(SIGNED_UP_TO_KEY)
  if (upTo !== undefined && Number(decoder.decode(upTo)) >= epochId) return
  await store.commit([{ key: SIGNED_UP_TO_KEY, value: encoder.encode(String(epochId)) }])
}

/** `isMinimal`: only up to which epoch anything was signed, where the other machine needs to know no more. `undefined` where no validator has run. */
export function exportGuards(store: Store, { isMinimal }: { readonly isMinimal: boolean }): Interchange | undefined {
  const of = guardsOf(store)
  if (of === undefined) return undefined
  const upTo = store.get(SIGNED_UP_TO_KEY)
  const entries = store.scan(GUARDS_PREFIX).map(({ key, value }) => {
    // The CID is whatever the chain was told: it may hold spaces, or be nothing.
    const [epochText = ''] = key.slice(GUARDS_PREFIX.length).split(' ', 1)
    const batchCid = key.slice(guardKey(Number(epochText) as EpochId, '' as Cid).length)
    const [root, contentHash] = decoder.decode(value).split(' ')
    return { epochId: Number(epochText) as EpochId, batchCid, root, ...(contentHash === undefined ? {} : { contentHash }) } as Attestation
  })
  const signedUpTo = Math.max(upTo === undefined ? -1 : Number(decoder.decode(upTo)), isMinimal ? (entries.at(-1)?.epochId ?? -1) : -1)
  return { version: 1, ...of, ...(signedUpTo < 0 ? {} : { signedUpTo: signedUpTo as EpochId }), guards: isMinimal ? [] : entries }
}

/** Throws `INTERCHANGE_REFUSED` with all that is wrong with the form. */
export function parseInterchange(text: string, path: string): Interchange {
  const file = parseJson(text)
  const refused = (...problems: string[]) => new WeftError('INTERCHANGE_REFUSED', { path, problems })
  if (!isRecord(file)) throw refused('it is no JSON object')
  if (file['version'] !== 1) throw refused(`its version is ${String(file['version']).slice(0, 20)}, this Weft reads 1`)
  const problems: string[] = []
  function field<Value>(where: string, value: unknown, parse: (text: string) => Value): Value {
    try {
      return parse(typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '')
    } catch (failure) {
      if (!isWeftError(failure, 'ID_MALFORMED')) throw failure
      problems.push(`${where} is missing or malformed`)
      return undefined as Value
    }
  }
  /** Any text: what a sequencer told the chain must not keep the guards from the other machine. */
  function batchCidIn(where: string, value: unknown): Cid {
    if (typeof value !== 'string') problems.push(`${where} is missing or malformed`)
    return value as Cid
  }
  const guards = Array.isArray(file['guards']) ? (file['guards'] as unknown[]) : []
  if (!Array.isArray(file['guards'])) problems.push('guards is no list')
  const parsed: Interchange = {
    version: 1,
    chainId: field('chainId', file['chainId'], parseEpochId),
    protocolState: field('protocolState', file['protocolState'], parseAddress),
    dataMarket: field('dataMarket', file['dataMarket'], parseAddress),
    validator: field('validator', file['validator'], parseAddress),
    signedUpTo: file['signedUpTo'] === undefined ? undefined : field('signedUpTo', file['signedUpTo'], parseEpochId),
    guards: guards.map((guard, index): Attestation => {
      const at = `guards[${index}]`
      const entry = isRecord(guard) ? guard : {}
      // With a content it would stand on disk as another word than `barred`, and be signed (V13).
      if (entry['root'] === BARRED && entry['contentHash'] !== undefined) problems.push(`${at}.contentHash is of a guard that is barred`)
      return {
        epochId: field(`${at}.epochId`, entry['epochId'], parseEpochId),
        batchCid: batchCidIn(`${at}.batchCid`, entry['batchCid']),
        root: field(`${at}.root`, entry['root'], (root) => (root === BARRED ? (root as never) : parseHash(root))),
        ...(entry['contentHash'] === undefined ? {} : { contentHash: field(`${at}.contentHash`, entry['contentHash'], parseContent) }),
      }
    }),
  }
  if (problems.length > 0) throw refused(...problems.slice(0, PROBLEMS_MAX))
  return parsed
}

const PROBLEMS_MAX = 20

function parseContent(text: string): ContentHash {
  if (!/^0x[0-9a-f]{62}$/.test(text)) throw new WeftError('ID_MALFORMED', { what: 'content hash', text: text.slice(0, 80) })
  return text as ContentHash
}

/**
 * Adds what another machine has bound the validator to, all of it in one step. What is here is never loosened: of two words for one batch
 * neither stays, and the newer of two epochs counts. Throws `INTERCHANGE_REFUSED` for the guards of somebody else.
 */
export async function importGuards(file: Interchange, path: string, store: Store): Promise<Imported> {
  const of = guardsOf(store)
  const foreign = of === undefined ? [] : OF_FIELDS.filter((field) => file[field] !== of[field])
  if (of !== undefined && foreign.length > 0) {
    const problems = foreign.map((field) => `${field}: the file says ${file[field]}, the data directory ${of[field]}`)
    throw new WeftError('INTERCHANGE_REFUSED', { path, problems })
  }
  const writes = new Map<string, string>()
  const conflicts = new Set<string>()
  let known = 0
  for (const guard of file.guards) {
    const key = guardKey(guard.epochId, guard.batchCid)
    const bytes = store.get(key)
    const here = writes.get(key) ?? (bytes && decoder.decode(bytes))
    if (here === guardOf(guard) || here === BARRED) known += 1
    else if (here === undefined || guard.root === (BARRED as never)) writes.set(key, guardOf(guard))
    else {
      writes.set(key, BARRED)
      conflicts.add(`${guard.epochId} ${guard.batchCid}`)
    }
  }
  const upTo = store.get(SIGNED_UP_TO_KEY)
  const signedUpTo = Math.max(upTo === undefined ? -1 : Number(decoder.decode(upTo)), file.signedUpTo ?? -1)
  if (signedUpTo >= 0) writes.set(SIGNED_UP_TO_KEY, String(signedUpTo))
  const { chainId, protocolState, dataMarket, validator } = file
  writes.set(GUARDS_OF_KEY, JSON.stringify({ chainId, protocolState, dataMarket, validator }))
  await store.commit([...writes].map(([key, text]) => ({ key, value: encoder.encode(text) })))
  return { added: file.guards.length - known - conflicts.size, known, conflicts: [...conflicts] }
}
