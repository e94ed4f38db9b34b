import { existsSync } from 'node:fs'
import { type ErrorCode, isWeftError } from '#domain/errors.ts'
import { lookIntoSqliteStore } from '#io/store/sqlite.ts'
import { checkOwner, marketOf, stateFile } from '#node/home.ts'
import type { Role } from '#node/settings/roles.ts'
import type { Given } from './chains.ts'
import { bad, type Finding, good } from './finding.ts'

/** What an earlier life has left in the data directory: whether the role goes on with it. */

const ELSEWHERE = 'or another data directory (--data-dir, `dataDir` in weft.json)'

/** What mends it, by what is found there. */
const MENDS: Readonly<Partial<Record<ErrorCode, (dataDir: string) => string>>> = {
  DATA_DIR_LOCKED: () => '`./weft status` says which role that is: stop it first',
  DATA_DIR_OF_OTHER: (dataDir) => `start there what it is of, ${ELSEWHERE}; \`mv ${dataDir} ${dataDir}.other\` keeps it`,
  STORE_NEWER: (dataDir) =>
    `the newer Weft again; or \`mv ${dataDir} ${dataDir}.newer\` and \`./weft restore BACKUP --data-dir ${dataDir}\`, of before it`,
  STORE_FOREIGN: (dataDir) => `\`mv ${stateFile(dataDir)} ${stateFile(dataDir)}.other\`, ${ELSEWHERE}`,
  STORE_CORRUPT: (dataDir) => `\`mv ${dataDir} ${dataDir}.damaged\`, then \`./weft restore BACKUP --data-dir ${dataDir}\``,
}

/** Of a role that does not run. Nothing is said where there is no store. */
export function storeOf(role: Role, settings: Given): readonly Finding[] {
  const { dataDir = '.' } = settings
  if (!existsSync(stateFile(dataDir))) return []
  try {
    lookIntoSqliteStore({ path: stateFile(dataDir) }, (store) => checkOwner(store, { role, market: marketOf(settings), dataDir }))
    return [good('store', `${stateFile(dataDir)} is that of this ${role}`)]
  } catch (failure) {
    if (!isWeftError(failure) || failure.kind === 'bug') throw failure
    return [bad('store', failure.message, MENDS[failure.code]?.(dataDir) ?? '`./weft explain` says what the code means')]
  }
}
