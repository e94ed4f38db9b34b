import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Address } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { openIndex } from './index-database.ts'

const directory = mkdtempSync(join(tmpdir(), 'weft-index-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const events: unknown[] = []
const home = { directory, report: (event: string, facts: object) => void events.push([event, facts]) }
const market = (digit: string) => ({ chainId: 1, protocolState: '0x1' as Address, dataMarket: `0x${digit}` as Address })
const NEVER = new AbortController().signal

test('without a setting the index is a file in the data directory, of one market for ever', async () => {
  const { database, place } = await openIndex(new Secret(''), { chain: market('2'), home }, NEVER)
  expect(place).toBe(join(directory, 'index.sqlite'))
  const { indexId } = await database.summary()
  await database.close()
  const again = await openIndex(new Secret(''), { chain: market('2'), home }, NEVER)
  expect((await again.database.summary()).indexId).toBe(indexId)
  await again.database.close()
  await expect(openIndex(new Secret(''), { chain: market('3'), home }, NEVER)).rejects.toMatchObject({ code: 'DATABASE_OF_ANOTHER' })
})

test.each(['index.sqlite', 'mysql://host/name', 'postgres://host', 'postgres://user:the-password@host/'])(
  '%s is no database that it can be in, and is not repeated: it may hold a password',
  async (text) => {
    const failure = await openIndex(new Secret(text), { chain: market('2'), home }, NEVER).catch((cause: unknown) => cause)
    expect(failure).toMatchObject({ code: 'SETTINGS_INVALID' })
    expect(String(failure)).not.toContain('the-password')
  },
)

test('a server that does not answer is asked again until the role is told to stop, and the log has no password', async () => {
  const stopping = new AbortController()
  const report = (event: string, facts: object) => {
    home.report(event, facts)
    stopping.abort(new Error('told to stop'))
  }
  const url = new Secret('postgres://user:the-password@127.0.0.1:1/name')
  await expect(openIndex(url, { chain: market('2'), home: { directory, report } }, stopping.signal)).rejects.toThrow('told to stop')
  expect(events).toEqual([
    [
      'will_try_again',
      expect.objectContaining({ code: 'DATABASE_UNREACHABLE', doing: 'open_index', database: 'postgres://127.0.0.1:1/name' }),
    ],
  ])
  expect(JSON.stringify(events)).not.toContain('the-password')
})
