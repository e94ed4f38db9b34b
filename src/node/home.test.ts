import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Address } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { offer } from '#life/offer.ts'
import { marketOf, openHome, type RoleHome } from './home.ts'

let folder: string
let opened: RoleHome[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-home-'))
  opened = []
})
afterEach(async () => {
  for (const home of opened) await home.stop()
  rmSync(folder, { recursive: true, force: true })
})

const dataDir = (): string => join(folder, 'below', 'relay')
const logPath = (): string => join(folder, 'relay.log')
function open(): RoleHome {
  const home = openHome({ role: 'relay', dataDir: dataDir(), logTo: logPath() })
  opened.push(home)
  return home
}
function openSealed(password: string): RoleHome {
  const home = openHome({ role: 'relay', dataDir: dataDir(), logTo: logPath(), identityPassword: new Secret(password) })
  opened.push(home)
  return home
}
const modeOf = (path: string): number => statSync(path).mode & 0o777

describe('the home of a role', () => {
  test('is a folder that nobody else may enter', () => {
    expect(open().directory).toBe(dataDir())
    expect(modeOf(dataDir())).toBe(0o700)
  })

  test('is opened by one process at a time, and by the next one when it is left', async () => {
    const first = open()
    expect(() => open()).toThrow(expect.objectContaining({ code: 'DATA_DIR_LOCKED' }))
    await first.store.commit([{ key: 'a', value: new Uint8Array([1]) }])
    await first.stop()
    expect(open().store.get('a')).toEqual(new Uint8Array([1]))
  })

  test('belongs to one role', async () => {
    await open().stop()
    expect(() => openHome({ role: 'sequencer', dataDir: dataDir(), logTo: logPath() })).toThrow(
      expect.objectContaining({ code: 'DATA_DIR_OF_OTHER', facts: { dataDir: dataDir(), found: 'relay', role: 'sequencer' } }),
    )
    open()
  })

  test('belongs to one market, from the first start that names one on', async () => {
    const openFor = (dataMarket: string) => {
      const market = marketOf({ anchorChainId: 7, protocolState: '0xaa' as Address, dataMarket: dataMarket as Address })
      return openHome({ role: 'relay', market, dataDir: dataDir(), logTo: logPath() })
    }
    await open().stop()
    await openFor('0x01').stop()
    expect(() => openFor('0x02')).toThrow(
      expect.objectContaining({
        code: 'DATA_DIR_OF_OTHER',
        facts: { dataDir: dataDir(), found: 'relay of market 7/0xaa/0x01', role: 'relay of market 7/0xaa/0x02' },
      }),
    )
    await openFor('0x01').stop()
    // A relay need not be told of a market.
    open()
  })

  test('keeps one identity, for its owner to read alone', async () => {
    const first = open()
    const seed = await first.identity()
    expect(seed).toHaveLength(32)
    expect(await first.identity()).toEqual(seed)
    expect(modeOf(join(dataDir(), 'peer-seed'))).toBe(0o600)
    await first.stop()
    expect(Buffer.from(await open().identity())).toEqual(Buffer.from(seed))
  })

  test('two roles have two identities', async () => {
    const other = openHome({ role: 'sequencer', dataDir: join(folder, 'other'), logTo: logPath() })
    opened.push(other)
    expect(Buffer.from(await open().identity())).not.toEqual(Buffer.from(await other.identity()))
  })

  test.each([0, 31, 33])('is not taken for another peer when %i bytes of its identity are left', async (bytes) => {
    const home = open()
    writeFileSync(join(dataDir(), 'peer-seed'), new Uint8Array(bytes))
    await expect(home.identity()).rejects.toMatchObject({ code: 'IDENTITY_INVALID', facts: { path: join(dataDir(), 'peer-seed') } })
    expect(readFileSync(join(dataDir(), 'peer-seed'))).toHaveLength(bytes)
  })

  test('an identity that cannot be read is not replaced', async () => {
    const home = open()
    rmSync(join(dataDir(), 'peer-seed'), { force: true })
    mkdirSync(join(dataDir(), 'peer-seed'))
    await expect(home.identity()).rejects.toMatchObject({ code: 'STORE_PLACE_WRONG', facts: { doing: 'keeping the identity' } })
  })

  test('keeps its identity encrypted once a password is given, and gives it to nobody without', async () => {
    const seed = Buffer.from(await open().identity())
    await opened[0]?.stop()
    const sealed = openSealed('right')
    expect(Buffer.from(await sealed.identity())).toEqual(seed)
    expect(readdirSync(dataDir())).not.toContain('peer-seed')
    expect(modeOf(join(dataDir(), 'peer-seed.json'))).toBe(0o600)
    expect(readFileSync(join(dataDir(), 'peer-seed.json'), 'utf8')).not.toMatch(new RegExp(`${seed.toString('hex')}|address`))
    await sealed.stop()
    const again = openSealed('right')
    expect(Buffer.from(await again.identity())).toEqual(seed)
    await again.stop()
    const wrong = openSealed('wrong')
    await expect(wrong.identity()).rejects.toMatchObject({ code: 'KEYSTORE_PASSWORD_WRONG' })
    await wrong.stop()
    await expect(open().identity()).rejects.toMatchObject({ code: 'IDENTITY_LOCKED', facts: { path: join(dataDir(), 'peer-seed.json') } })
    expect(readdirSync(dataDir())).not.toContain('peer-seed')
  })

  test('an encrypted identity that is cut is told, and not replaced', async () => {
    const home = openSealed('right')
    writeFileSync(join(dataDir(), 'peer-seed.json'), '{"version": 3')
    await expect(home.identity()).rejects.toMatchObject({ code: 'IDENTITY_INVALID' })
    expect(readFileSync(join(dataDir(), 'peer-seed.json'), 'utf8')).toBe('{"version": 3')
  })

  test('says where the role is reached', () => {
    const home = open()
    home.announce({ p2p: ['/ip4/127.0.0.1/tcp/1'] })
    home.announce({ p2p: ['/ip4/127.0.0.1/tcp/2'], gateway: ['http://127.0.0.1:3'] })
    expect(JSON.parse(readFileSync(join(dataDir(), 'endpoints.json'), 'utf8'))).toEqual({
      p2p: ['/ip4/127.0.0.1/tcp/2'],
      gateway: ['http://127.0.0.1:3'],
    })
  })

  test('logs one event per line, with its facts and the role, at once', () => {
    const { report } = open()
    report('started', { epochId: 7 })
    report('stopped', {})
    const lines = readFileSync(logPath(), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(lines).toMatchObject([
      { role: 'relay', msg: 'started', epochId: 7 },
      { role: 'relay', msg: 'stopped' },
    ])
  })

  test('waits for room on a full disk, and says so once', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { exec } = DatabaseSync.prototype
    let isFull = true
    const asked = vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (this: DatabaseSync, sql: string) {
      // As SQLite says SQLITE_FULL.
      if (isFull && sql === 'COMMIT') throw Object.assign(new Error('database or disk is full'), { errcode: 13 })
      exec.call(this, sql)
    })
    try {
      const { store } = open()
      const waiting = store.commit([{ key: 'a', value: new Uint8Array([1]) }])
      expect(await offer([], store)).toBe(false)
      for (let look = 0; look < 3; look += 1) vi.advanceTimersByTime(1_000)
      isFull = false
      vi.advanceTimersByTime(1_000)
      await waiting
      const lines = readFileSync(logPath(), 'utf8').trimEnd().split('\n')
      const path = join(dataDir(), 'state.sqlite')
      expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
        { msg: 'disk_full', path },
        { msg: 'disk_has_room', path },
      ])
    } finally {
      asked.mockRestore()
      vi.useRealTimers()
    }
  })

  test('that cannot be made is STORE_PLACE_WRONG', () => {
    writeFileSync(join(folder, 'file'), '')
    const below = join(folder, 'file', 'below')
    expect(() => openHome({ role: 'relay', dataDir: below })).toThrow(
      expect.objectContaining({ code: 'STORE_PLACE_WRONG', facts: { path: below, doing: 'creating it' } }),
    )
  })
})
