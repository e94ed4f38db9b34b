import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import { WeftError } from '#domain/errors.ts'
import type { Store } from '#io/store/port.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { makeFolder, onDisk, replaceFile } from './disk.ts'

/** One event of a role's log: a name and its facts. */
export type Report = (event: string, facts: Readonly<Record<string, unknown>>) => void

/** Where a role is reached: multiaddrs, URLs, host:port, by what they serve. */
export type Places = Readonly<Record<string, readonly string[]>>

/** The data directory of one role. */
export interface RoleHome {
  readonly directory: string
  readonly store: Store
  readonly report: Report
  /** The role's libp2p identity, a 32-byte Ed25519 seed, made at first use: peers know the role by it. */
  identity(): Uint8Array
  /** Writes down where the role is reached, for whoever starts things on this machine: `endpoints.json`. */
  announce(places: Places): void
  stop(): Promise<void>
}

/** Opens the directory for this process alone. Throws `DATA_DIR_LOCKED`, `STORE_FAILED`; so do its functions. */
export function openHome(options: { readonly role: string; readonly dataDir: string; readonly logTo?: string }): RoleHome {
  const directory = options.dataDir
  onDisk(directory, 'creating it', () => makeFolder(directory))
  const store = openSqliteStore({ path: join(directory, 'state.sqlite') })
  const log = pino({ base: { role: options.role } }, pino.destination({ dest: options.logTo ?? 2, sync: true }))
  return {
    directory,
    store,
    report: (event, facts) => log.info(facts, event),
    identity: () => onDisk(directory, 'keeping the identity', () => identityIn(directory)),
    announce(places) {
      const path = join(directory, 'endpoints.json')
      onDisk(path, 'writing it', () => replaceFile(path, `${JSON.stringify(places, undefined, 2)}\n`, 0o644))
    },
    stop: () => store.close(),
  }
}

const SEED_BYTES = 32

function identityIn(directory: string): Uint8Array {
  const path = join(directory, 'peer-seed')
  const kept = seedAt(path)
  if (kept !== undefined) return kept
  const seed = randomBytes(SEED_BYTES)
  // On disk before anybody is told of it: peers would look for an identity that is gone.
  replaceFile(path, seed, 0o600)
  return seed
}

function seedAt(path: string): Uint8Array | undefined {
  try {
    const seed = readFileSync(path)
    if (seed.length !== SEED_BYTES)
      throw new WeftError('STORE_CORRUPT', { path, doing: `reading the identity, ${seed.length} bytes instead of ${SEED_BYTES}` })
    return seed
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw failure
  }
}
