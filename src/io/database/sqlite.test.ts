import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openSqliteIndex } from './sqlite.ts'
import { databaseSuite, MARKET } from './suite.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-index-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const openFile = (name: string, market = MARKET) => openSqliteIndex({ path: join(folder, name), market, indexId: 'index' })
databaseSuite('sqlite', {
  async fresh() {
    files += 1
    const name = `${files}/index.sqlite`
    await (await openFile(name)).close()
    return name
  },
  open: openFile,
})

databaseSuite('sqlite in memory', {
  fresh: async () => ':memory:',
  open: () => openSqliteIndex({ path: ':memory:', market: MARKET, indexId: 'index' }),
  isLost: true,
})
