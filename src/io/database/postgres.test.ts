import { afterAll } from 'vitest'
import { Secret } from '#domain/secret.ts'
import { openPostgresIndex } from './postgres.ts'
import { startPostgres } from './server.test-world.ts'
import { databaseSuite, MARKET } from './suite.ts'

const server = await startPostgres()
afterAll(() => server.stop())

databaseSuite('postgres', {
  fresh: async () => (await server.database()).reveal(),
  open: (place, market = MARKET) => openPostgresIndex({ url: new Secret(place), market, indexId: 'index' }),
})
