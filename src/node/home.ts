import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { Secret } from '#domain/secret.ts'
import { bytesAt, onDisk, replaceFile } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import type { Store } from '#io/store/port.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { systemClock } from '#io/clock/system.ts'
import type { Tracer } from '#io/traces/port.ts'
import { type LogOptions, openLog, type WriteEvent } from './log.ts'
import { createNotes, type Notes } from './notes.ts'
import { type Pools, OWN_POOLS } from './pools.ts'
import type { Settings } from './settings/settings.ts'

/** Where a role is reached: multiaddrs, URLs, host:port, by what they serve. */
export type Places = Readonly<Record<string, readonly string[]>>

/** Where a role keeps its store. */
export const stateFile = (directory: string): string => join(directory, 'state.sqlite')

/** Where an api keeps its index, unless it has a server for that. */
export const indexFile = (directory: string): string => join(directory, 'index.sqlite')

const endpointsFile = (directory: string): string => join(directory, 'endpoints.json')

/** What the role announced when it last started; nothing of a home where none did, or whose file somebody has changed. */
export function announcedAt(directory: string): Places {
  const bytes = bytesAt(endpointsFile(directory), 'reading where the role is reached')
  try {
    const places = bytes && JSON.parse(new TextDecoder().decode(bytes))
    const isList = (list: unknown) => Array.isArray(list) && list.every((place) => typeof place === 'string')
    return Object.fromEntries(Object.entries((places ?? {}) as Places).filter(([, list]) => isList(list)))
  } catch {
    return {} // Not what we wrote: for people only, and worth no failure.
  }
}

/** The data directory of one role. */
export interface RoleHome {
  readonly directory: string
  readonly store: Store
  /** Writes to the log, and into the notes. */
  readonly report: WriteEvent
  readonly notes: Notes
  /** What it has in common with other roles of its process. */
  readonly pools: Pools
  /** Where somebody follows traces. */
  readonly tracer?: Tracer | undefined
  /** The role's libp2p identity, a 32-byte Ed25519 seed, made at first use: peers know the role by it. Throws `IDENTITY_INVALID` when what was kept is none, `IDENTITY_LOCKED` when it is encrypted and no password was given, `KEYSTORE_PASSWORD_WRONG`. */
  identity(): Promise<Uint8Array>
  /** Writes down where the role is reached, for whoever starts things on this machine: `endpoints.json`. */
  announce(places: Places): void
  stop(): Promise<void>
}

const ROLE_KEY = 'home/role'
const MARKET_KEY = 'home/market'

function textIn(store: Pick<Store, 'get'>, key: string): string | undefined {
  const found = store.get(key)
  return found && new TextDecoder().decode(found)
}

/** Whose store it is; `undefined` before a role has begun with it. */
export const roleIn = (store: Pick<Store, 'get'>): string | undefined => textIn(store, ROLE_KEY)

/** Who works in a data directory. */
export interface Owner {
  readonly role: string
  /** As `marketOf` names it; none where the role is of no market. */
  readonly market?: string | undefined
  readonly dataDir: string
}

/** One name for what its addresses say of a market; `undefined` for a role that is told of none. */
export function marketOf({
  anchorChainId,
  protocolState,
  dataMarket,
}: Partial<Pick<Settings, 'anchorChainId' | 'protocolState' | 'dataMarket'>>): string | undefined {
  const places = [anchorChainId, protocolState, dataMarket]
  return places.includes(undefined) ? undefined : places.join('/')
}

/** What one role of one market remembers is nothing to another. Throws `DATA_DIR_OF_OTHER`. */
export function checkOwner(store: Pick<Store, 'get'>, { role, market, dataDir }: Owner): void {
  const [name = role, place = market] = [roleIn(store), textIn(store, MARKET_KEY)]
  if (name !== role) throw new WeftError('DATA_DIR_OF_OTHER', { dataDir, found: name, role })
  if (market !== undefined && place !== market)
    throw new WeftError('DATA_DIR_OF_OTHER', { dataDir, found: `${role} of market ${place}`, role: `${role} of market ${market}` })
}

function claim(store: Store, owner: Owner): void {
  checkOwner(store, owner)
  const said = { [ROLE_KEY]: owner.role, [MARKET_KEY]: owner.market }
  const writes = Object.entries(said).flatMap(([key, text]) =>
    text === undefined || store.get(key) !== undefined ? [] : [{ key, value: new TextEncoder().encode(text) }],
  )
  // Its failure is that of the store, which everything after it throws.
  if (writes.length > 0) store.commit(writes).catch(() => undefined)
}

/**
 * Opens the directory for this process alone. Throws `DATA_DIR_LOCKED`, `DATA_DIR_OF_OTHER`, `STORE_FAILED`; so do its functions. Once the role
 * works, its store waits for room where the disk has none, until `signal` aborts.
 */
export function openHome(
  options: LogOptions & {
    readonly dataDir: string
    readonly market?: string | undefined
    readonly identityPassword?: Secret<string>
    readonly pools?: Pools
    readonly signal?: AbortSignal
  },
): RoleHome {
  const directory = options.dataDir
  onDisk(directory, 'creating it', () => makeFolder(directory))
  // Whoever names a file keeps it there.
  const log = openLog({ ...options, ...(options.logTo === undefined && { keepIn: directory }) })
  const path = stateFile(directory)
  const notes = createNotes(systemClock.nowMs)
  const report: WriteEvent = (event, facts) => {
    notes.event(event, facts)
    log.report(event, facts)
  }
  function onFull(isFull: boolean): void {
    if (isFull) report('disk_full', { path })
    else report('disk_has_room', { path })
  }
  const store = openSqliteStore({ path, room: { signal: options.signal ?? new AbortController().signal, onFull } })
  try {
    claim(store, options)
  } catch (failure) {
    log.stop()
    void store.close()
    throw failure
  }
  return {
    directory,
    store,
    report,
    notes,
    pools: options.pools ?? OWN_POOLS,
    identity: () => identityIn(directory, options.identityPassword),
    announce(places) {
      const path = endpointsFile(directory)
      onDisk(path, 'writing it', () => replaceFile(path, `${JSON.stringify(places, undefined, 2)}\n`, 0o644))
    },
    async stop() {
      log.stop()
      await store.close()
    },
  }
}

const SEED_BYTES = 32

/** With a password the identity lies there encrypted, as a keystore; one that lies there as it is gets encrypted, and is removed when that is on disk. */
async function identityIn(directory: string, password: Secret<string> | undefined): Promise<Uint8Array> {
  const locked = join(directory, 'peer-seed.json')
  const path = join(directory, 'peer-seed')
  const text = bytesAt(locked, 'reading the identity')
  const isGiven = password !== undefined && password.reveal() !== ''
  if (text !== undefined && !isGiven) throw new WeftError('IDENTITY_LOCKED', { path: locked })
  if (text !== undefined && isGiven) {
    const seed = await unsealed(new TextDecoder().decode(text), { path: locked, password })
    // What a crash has left between the two steps below.
    onDisk(path, 'removing it', () => rmSync(path, { force: true }))
    return seed
  }
  const seed = seedAt(path)
  if (!isGiven) return seed
  const { encryptKeystore } = await import('#io/keys/keystore.ts')
  const sealed = await encryptKeystore(new Secret(seed), { password, ofNobody: true })
  onDisk(locked, 'keeping the identity', () => replaceFile(locked, sealed, 0o600))
  onDisk(path, 'removing it', () => rmSync(path, { force: true }))
  return seed
}

async function unsealed(text: string, options: { readonly path: string; readonly password: Secret<string> }): Promise<Uint8Array> {
  // Only now: most identities are not encrypted.
  const { decryptKeystore } = await import('#io/keys/keystore.ts')
  try {
    return (await decryptKeystore(text, options)).reveal()
  } catch (failure) {
    if (isWeftError(failure, 'KEYSTORE_INVALID')) throw new WeftError('IDENTITY_INVALID', { path: options.path }, failure)
    throw failure
  }
}

function seedAt(path: string): Uint8Array {
  const kept = bytesAt(path, 'keeping the identity')
  // Never replaced here: peers know the role by it, and the file may be somebody's only copy.
  if (kept !== undefined && kept.length !== SEED_BYTES) throw new WeftError('IDENTITY_INVALID', { path })
  if (kept !== undefined) return kept
  const seed = randomBytes(SEED_BYTES)
  // On disk before anybody is told of it: peers would look for an identity that is gone.
  onDisk(path, 'keeping the identity', () => replaceFile(path, seed, 0o600))
  return seed
}
