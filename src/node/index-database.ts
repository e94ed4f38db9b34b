import { randomBytes } from 'node:crypto'
import { WeftError } from '#domain/errors.ts'
import type { Secret } from '#domain/secret.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import type { IndexDatabase } from '#io/database/port.ts'
import { openSqliteIndex } from '#io/database/sqlite.ts'
import { systemRandom } from '#io/keys/random.ts'
import { persist } from '#life/persist.ts'
import { indexFile, type RoleHome } from './home.ts'

/** Where the index of an api is, from its settings. */

export interface OpenedIndex {
  readonly database: IndexDatabase
  /** For people: a path, or a URL without user and password. */
  readonly place: string
}

/**
 * Opens the index of the market that `chain` reads, in the data directory or on the server that `url` names; a server is asked until it answers.
 * Throws `SETTINGS_INVALID`, `DATABASE_OF_ANOTHER`, as `storeFailed`, or the signal's reason.
 */
export async function openIndex(
  url: Secret<string>,
  {
    chain,
    home,
  }: {
    readonly chain: Pick<AnchorChain, 'chainId' | 'protocolState' | 'dataMarket'>
    readonly home: Pick<RoleHome, 'directory' | 'report'>
  },
  signal: AbortSignal,
): Promise<OpenedIndex> {
  const market = `${chain.chainId}/${chain.protocolState}/${chain.dataMarket}`
  const options = { market, indexId: randomBytes(8).toString('hex') }
  if (url.reveal() === '') {
    const path = indexFile(home.directory)
    return { database: await openSqliteIndex({ path, ...options }), place: path }
  }
  const place = placeOf(url)
  // Only who has a server loads what speaks to it.
  const { openPostgresIndex } = await import('#io/database/postgres.ts')
  const attempt = () => openPostgresIndex({ url, ...options })
  const database = await persist(
    { doing: 'open_index', attempt, signal },
    { clock: systemClock, random: systemRandom, report: home.report },
  )
  return { database, place }
}

function placeOf(url: Secret<string>): string {
  const parsed = URL.canParse(url.reveal()) ? new URL(url.reveal()) : undefined
  if (parsed === undefined || !/^postgres(ql)?:$/.test(parsed.protocol) || parsed.pathname.length < 2)
    throw new WeftError('SETTINGS_INVALID', {
      problems: ['--database (WEFT_DATABASE) is not of the form postgres://user:password@host/name'],
    })
  return `postgres://${parsed.host}${parsed.pathname}`
}
