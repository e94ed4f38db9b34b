import { afterAll, expect, test } from 'vitest'
import { Secret } from '#domain/secret.ts'
import { createChain, epoch, MARKET } from './chain.test-world.ts'
import { openPostgresIndex } from './postgres.ts'
import { startPostgres } from './server.test-world.ts'
import { databaseSuite } from './suite.ts'

const server = await startPostgres()
afterAll(() => server.stop())

databaseSuite('postgres', {
  fresh: async () => (await server.database()).reveal(),
  open: (place, market = MARKET) => openPostgresIndex({ url: new Secret(place), market, indexId: 'index' }),
})

const open = (url: Secret<string>) => openPostgresIndex({ url, market: MARKET, indexId: 'index' })

test('A4: a server that cuts every connection ends nothing: whoever leads next goes on, and who led before writes no more', async () => {
  const url = await server.database()
  const [first, second] = [await open(url), await open(url)]
  const chain = createChain()
  expect(await first.lead()).toBe(true)
  await first.apply([chain.block(['EpochReleased', 1])])
  await server.cut()
  expect(await second.lead()).toBe(true)
  await expect(first.apply([chain.block(['EpochReleased', 9])])).rejects.toMatchObject({ kind: 'transient' })
  expect(await first.lead()).toBe(false)
  const [last] = await second.knownBlocks()
  if (last !== undefined) chain.rollback(last)
  await second.apply([chain.block(['EpochReleased', 2])])
  expect((await first.epochs({ limit: 9 })).map(({ epochId }) => epochId)).toEqual([2, 1])
  await Promise.all([first.close(), second.close()])
})

test('two processes that make the tables of a new database at once both have them', async () => {
  const url = await server.database()
  const opened = await Promise.all([open(url), open(url), open(url)])
  expect(await Promise.all(opened.map((each) => each.epoch(epoch(1))))).toEqual([undefined, undefined, undefined])
  await Promise.all(opened.map((each) => each.close()))
})

test('a server that is away, or refuses, is told without the password', async () => {
  const url = (await server.database()).reveal()
  for (const wrong of [url.replace(/:\d+\//, ':1/'), url.replace(/\/[^/]*$/, '/nowhere')]) {
    const failure = await open(new Secret(wrong)).catch((cause: unknown) => cause)
    expect(failure).toMatchObject({ code: 'DATABASE_UNREACHABLE', kind: 'transient' })
    expect(String(failure)).not.toContain('secret-password')
  }
})
