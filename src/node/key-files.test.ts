import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Secret } from '#domain/secret.ts'
import { createUnlocker, exportKey, keyIn, keysIn, newKey, warningOf, writeKeystore } from './key-files.ts'
import type { Settings } from './settings/settings.ts'

const KEY = 'ab'.repeat(32)
const password = new Secret('right')
const cost = { n: 2, r: 1, p: 1 }

let folder: string
let asked: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-keys-'))
  asked = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string): string => join(folder, name)
const ask = async (what: string) => {
  asked.push(what)
  return password
}
const modeOf = (path: string): number => statSync(path).mode & 0o777
const keep = () => writeKeystore(new Secret(Uint8Array.fromHex(KEY)), { out: at('keys'), password, cost })

test('a new key is another one each time, in a file of its own that its password opens', async () => {
  const [first, second] = [await newKey({ out: at('keys'), password, cost }), await newKey({ out: at('keys'), password, cost })]
  expect(first.address).not.toBe(second.address)
  expect(first.path).toBe(at(`keys/${first.address}.json`))
  expect([modeOf(first.path), modeOf(at('keys'))]).toEqual([0o600, 0o700])
  expect((await keyIn(first.path, ask)).reveal()).toHaveLength(32)
  expect(asked).toEqual([first.path])
})

test('no file is replaced: it may be the only copy of a key', async () => {
  const { path } = await keep()
  const before = readFileSync(path)
  await expect(keep()).rejects.toMatchObject({ facts: { problems: [`${path} is there already, and is not replaced`] } })
  expect(readFileSync(path)).toEqual(before)
  writeFileSync(at('bare'), 'mine')
  await expect(exportKey(path, { out: at('bare'), ask })).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
  expect(readFileSync(at('bare'), 'utf8')).toBe('mine')
})

test('a bare key is taken in from its file, and what others may read is said; what is no key is refused without being told', async () => {
  writeFileSync(at('bare'), `0x${KEY}\n`, { mode: 0o644 })
  expect((await keyIn(at('bare'), ask)).reveal().toHex()).toBe(KEY)
  expect([asked, warningOf(at('bare'))]).toEqual([[], expect.stringContaining('chmod 600')])
  writeFileSync(at('short'), KEY.slice(2), { mode: 0o600 })
  const failure = await keyIn(at('short'), ask).catch(String)
  expect([failure, warningOf(at('short'))]).toEqual([expect.stringContaining('neither a keystore nor a private key'), undefined])
  expect(failure).not.toContain('abab')
})

test('a list has what is a keystore, and nothing else that lies there', async () => {
  const { path, address } = await keep()
  for (const [name, text] of Object.entries({ 'a.json': '{}', 'b.json': 'x', key: KEY })) writeFileSync(at(`keys/${name}`), text)
  expect(keysIn(at('keys'))).toEqual([{ path, address }])
  expect(keysIn(at('nowhere'))).toEqual([])
})

test('what is given out is the key, for its owner to read alone', async () => {
  const { path, address } = await keep()
  expect(await exportKey(path, { out: at('out/bare'), ask })).toBe(address)
  expect([readFileSync(at('out/bare'), 'utf8'), modeOf(at('out/bare'))]).toEqual([`${KEY}\n`, 0o600])
  const wrong = async () => new Secret('wrong')
  await expect(exportKey(path, { out: at('other'), ask: wrong })).rejects.toMatchObject({ code: 'KEYSTORE_PASSWORD_WRONG' })
  expect(readdirSync(folder)).not.toContain('other')
})

test('a keystore in settings is opened once for all parts that name it, with its password or one that is asked for; a bare key stays', async () => {
  const text = readFileSync((await keep()).path, 'utf8').trim()
  const settings = (given: string) => ({ signerKey: new Secret(text), signerPassword: new Secret(given) }) as Settings
  const unlock = createUnlocker(ask)
  for (const part of await Promise.all([unlock(settings('')), unlock(settings(''))])) expect(part.signerKey.reveal()).toBe(KEY)
  expect(asked).toEqual(['the keystore of --signer-key (WEFT_SIGNER_KEY)'])
  expect((await createUnlocker(ask)(settings('right'))).signerKey.reveal()).toBe(KEY)
  await expect(createUnlocker(ask)(settings('wrong'))).rejects.toMatchObject({ code: 'KEYSTORE_PASSWORD_WRONG' })
  expect(asked).toHaveLength(1)
  const bare = { signerKey: new Secret(KEY) } as Settings
  expect(await unlock(bare)).toBe(bare)
  expect(await unlock({} as Settings)).toEqual({})
})
