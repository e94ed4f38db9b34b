import { createCipheriv, pbkdf2Sync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Secret } from '#domain/secret.ts'
import { keccak256 } from '#wire/keccak.ts'
import { decryptKeystore, encryptKeystore } from './keystore.ts'
import { createSigner } from './secp256k1.ts'

const replay = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const CHEAP = { n: 2, r: 1, p: 1 }
const PATH = 'key.json'

/** The two examples in the definition of Web3 Secret Storage, version 3. */
const SECRET = '7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d'
const PBKDF2 = {
  crypto: {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
    ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
    kdf: 'pbkdf2',
    kdfparams: { c: 262144, dklen: 32, prf: 'hmac-sha256', salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd' },
    mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
  },
  id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
  version: 3,
}
const SCRYPT = {
  crypto: {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: '83dbcc02d8ccb40e466191a123791e0e' },
    ciphertext: 'd172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c',
    kdf: 'scrypt',
    kdfparams: { dklen: 32, n: 262144, r: 1, p: 8, salt: 'ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19' },
    mac: '2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097',
  },
  id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
  version: 3,
}

const open = (file: unknown, password = 'testpassword') =>
  decryptKeystore(typeof file === 'string' ? file : JSON.stringify(file), { path: PATH, password: new Secret(password) })

/** A copy with one field changed; `undefined` takes it out. */
function altered(file: object, path: readonly string[], value: unknown): object {
  const copy = structuredClone(file) as Record<string, unknown>
  const parent = path.slice(0, -1).reduce((at, name) => at[name] as Record<string, unknown>, copy)
  parent[path.at(-1) as string] = value
  return copy
}

describe('keystores', () => {
  test.each([
    ['pbkdf2', PBKDF2],
    ['scrypt', SCRYPT],
  ])('the published example with %s opens', async (_name, file) => {
    const key = await open(file)
    expect(key.reveal().toHex()).toBe(SECRET)
    expect(`${key}`).toBe('[secret]')
  })

  test('whatever is written opens again, with its password only', async () => {
    const keys = fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .filter((bytes) => bytes.some((byte) => byte > 0) && (bytes[0] as number) < 255)
    await fc.assert(
      fc.asyncProperty(keys, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), async (bytes, password, other) => {
        const text = await encryptKeystore(new Secret(bytes), { password: new Secret(password), cost: CHEAP })
        expect((await open(text, password)).reveal()).toEqual(bytes)
        // A password is tried as typed, and normalised.
        if (other !== password && other.normalize('NFKC') !== password)
          await expect(open(text, other)).rejects.toMatchObject({ code: 'KEYSTORE_PASSWORD_WRONG' })
      }),
      { numRuns: 50, ...replay },
    )
  })

  test('parameters of either library are written and opened alike', async () => {
    const key = new Secret(Uint8Array.fromHex(SECRET))
    for (const cost of [
      { n: 2 ** 10, r: 8, p: 2 },
      { n: 2 ** 16, r: 1, p: 1 },
    ])
      expect((await open(await encryptKeystore(key, { password: new Secret('ü'), cost }), 'ü')).reveal()).toEqual(key.reveal())
  })

  test.each([
    ['ethers-compat', 'm² ﬁn', 'a password that its writer normalised'],
    ['short-iv', 'test', 'an iv that lost the zero at its head'],
    ['bom', 'test', 'a byte order mark'],
  ])('as other tools write them open: %s, with password %j, has %s', async (name, password) => {
    const text = readFileSync(join(import.meta.dirname, `../../../test/vectors/keystores/${name}.json`), 'utf8')
    expect(await open(text, password).then((key) => createSigner(key).address)).toMatch(/^0x/)
    await expect(open(text, `${password}.`)).rejects.toMatchObject({ code: 'KEYSTORE_PASSWORD_WRONG' })
  })

  /** A keystore whose field begins with a zero byte, for writers that take it for a number. */
  async function written(key: Uint8Array, beginsWithZero: (crypto: typeof PBKDF2.crypto) => string) {
    for (let tries = 0; tries < 20_000; tries += 1) {
      const text = await encryptKeystore(new Secret(key), { password: new Secret('test'), cost: CHEAP })
      const file = JSON.parse(text) as typeof PBKDF2
      if (beginsWithZero(file.crypto).startsWith('00')) return file
    }
    throw new Error('none of 20,000 began with a zero')
  }

  test.each([
    ['ciphertext', ['crypto', 'ciphertext'], (crypto: typeof PBKDF2.crypto) => crypto.ciphertext],
    ['iv', ['crypto', 'cipherparams', 'iv'], (crypto: typeof PBKDF2.crypto) => crypto.cipherparams.iv],
    ['mac', ['crypto', 'mac'], (crypto: typeof PBKDF2.crypto) => crypto.mac],
  ] as const)('opens when the zeros at the head of its %s are lost', async (_, path, field) => {
    const file = await written(Uint8Array.fromHex(SECRET), field)
    for (const lost of [/^00/, /^0+/]) {
      const short = altered(file, path, field(file.crypto).replace(lost, ''))
      expect((await open(short, 'test')).reveal().toHex()).toBe(SECRET)
      await expect(open(short, 'toast')).rejects.toMatchObject({ code: 'KEYSTORE_PASSWORD_WRONG' })
    }
  })

  test('opens when the key had lost the zero at its head before it was encrypted', async () => {
    const key = SECRET.slice(2)
    const iv = new Uint8Array(16)
    const salt = new Uint8Array(32)
    const derived = pbkdf2Sync('test', salt, 1_000, 32, 'sha256')
    const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv)
    const ciphertext = Buffer.concat([cipher.update(Uint8Array.fromHex(key)), cipher.final()])
    const crypto = {
      ...PBKDF2.crypto,
      cipherparams: { iv: iv.toHex() },
      ciphertext: ciphertext.toString('hex'),
      kdfparams: { ...PBKDF2.crypto.kdfparams, c: 1_000, salt: salt.toHex() },
      mac: keccak256(new Uint8Array([...derived.subarray(16), ...ciphertext])).toHex(),
    }
    expect((await open({ version: 3, crypto }, 'test')).reveal().toHex()).toBe(`00${key}`)
  })

  test('the same key is never written the same way twice', async () => {
    const write = () => encryptKeystore(new Secret(Uint8Array.fromHex(SECRET)), { password: new Secret(''), cost: CHEAP })
    const [first, second] = (await Promise.all([write(), write()])).map((text) => JSON.parse(text) as typeof SCRYPT)
    expect(first?.crypto.ciphertext).not.toBe(second?.crypto.ciphertext)
    expect(first?.crypto.kdfparams.salt).not.toBe(second?.crypto.kdfparams.salt)
  })

  test('a file that names another address than its key has is refused', async () => {
    await expect(open(altered(PBKDF2, ['address'], '00'.repeat(20)))).rejects.toMatchObject({ code: 'KEYSTORE_INVALID' })
    expect((await open(altered(PBKDF2, ['address'], '0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b'))).reveal().toHex()).toBe(SECRET)
  })

  test.each<[string, unknown]>([
    ['no JSON', 'hello'],
    ['a bare key', `"${SECRET}"`],
    ['a list', []],
    ['an older version', { ...SCRYPT, version: 1 }],
    ['no crypto', { version: 3 }],
    ['another cipher', altered(SCRYPT, ['crypto', 'cipher'], 'aes-128-cbc')],
    ['another derivation', altered(SCRYPT, ['crypto', 'kdf'], 'argon2')],
    ['another hash', altered(PBKDF2, ['crypto', 'kdfparams', 'prf'], 'hmac-sha512')],
    ['a short iv', altered(SCRYPT, ['crypto', 'cipherparams', 'iv'], '00')],
    ['a short key', altered(SCRYPT, ['crypto', 'ciphertext'], '00')],
    ['a mac that is no hex', altered(SCRYPT, ['crypto', 'mac'], 'zz'.repeat(32))],
    ['no salt', altered(SCRYPT, ['crypto', 'kdfparams', 'salt'], '')],
    ['n that is no power of two', altered(SCRYPT, ['crypto', 'kdfparams', 'n'], 3)],
    ['n as text', altered(SCRYPT, ['crypto', 'kdfparams', 'n'], '262144')],
    ['memory above the limit', altered(SCRYPT, ['crypto', 'kdfparams'], { ...SCRYPT.crypto.kdfparams, n: 2 ** 20, r: 8, p: 1 })],
    [
      'memory above the limit, for its lanes',
      altered(SCRYPT, ['crypto', 'kdfparams'], { ...SCRYPT.crypto.kdfparams, n: 2, r: 1, p: 2 ** 23 }),
    ],
    ['work above the limit', altered(SCRYPT, ['crypto', 'kdfparams', 'p'], 65)],
    ['too many rounds', altered(PBKDF2, ['crypto', 'kdfparams', 'c'], 10_000_001)],
    ['no rounds', altered(PBKDF2, ['crypto', 'kdfparams', 'c'], 0)],
    ['another key length', altered(SCRYPT, ['crypto', 'kdfparams', 'dklen'], 64)],
    ['a salt without end', altered(SCRYPT, ['crypto', 'kdfparams', 'salt'], '00'.repeat(257))],
    ['a long mac', altered(SCRYPT, ['crypto', 'mac'], '00'.repeat(33))],
    ['a fraction of a lane', altered(SCRYPT, ['crypto', 'kdfparams', 'p'], 1.5)],
    ['n of one', altered(SCRYPT, ['crypto', 'kdfparams', 'n'], 1)],
    ['an address that is none', altered(SCRYPT, ['address'], '0x12')],
    ['too much', `${JSON.stringify(SCRYPT)}${' '.repeat(65_536)}`],
  ])('%s is refused', async (_name, file) => {
    const failure = await open(file).catch((cause: unknown) => cause)
    expect(failure).toMatchObject({ code: 'KEYSTORE_INVALID', facts: { path: PATH } })
  })

  test.each([
    ['a bare key', SECRET],
    ['one that begins with a letter', `da${SECRET}`],
    ['one with 0x and a line end', `0x${SECRET}\n`],
    ['one in quotes', `"${SECRET}"`],
    ['one in a list', `["${SECRET}"]`],
    ['one in broken JSON', `{"version": 3, "key": ${SECRET}}`],
    ['one instead of the encrypted bytes', JSON.stringify(altered(SCRYPT, ['crypto'], SECRET))],
    ['one among the parameters', JSON.stringify(altered(SCRYPT, ['crypto', 'kdfparams', 'n'], SECRET))],
    ['one with a digit too many instead of the encrypted bytes', JSON.stringify(altered(SCRYPT, ['crypto', 'ciphertext'], `${SECRET}0`))],
    ['half of one instead of the iv', JSON.stringify(altered(SCRYPT, ['crypto', 'cipherparams', 'iv'], SECRET.slice(0, 40)))],
  ])('%s in the place of a keystore appears in no message, nor does a part of it', async (_name, text) => {
    const failure = await open(text).catch((cause: unknown) => cause)
    expect(failure).toMatchObject({ code: 'KEYSTORE_INVALID' })
    const told = inspect(failure, { depth: 10 })
    const parts = Array.from({ length: SECRET.length - 7 }, (_, start) => SECRET.slice(start, start + 8))
    expect(parts.filter((part) => told.includes(part))).toEqual([])
  })

  test('a file of which one byte changed is not opened, and neither key nor password is told', async () => {
    const changed = altered(PBKDF2, ['crypto', 'ciphertext'], `ff${PBKDF2.crypto.ciphertext.slice(2)}`)
    const failure = await open(changed).catch((cause: unknown) => cause)
    expect(failure).toMatchObject({ code: 'KEYSTORE_PASSWORD_WRONG', facts: { path: PATH } })
    expect(inspect(failure, { depth: 10 })).not.toContain('testpassword')
  })

  test('the spelling of old clients is read as well', async () => {
    const { crypto, ...rest } = PBKDF2
    expect((await open({ ...rest, Crypto: crypto })).reveal().toHex()).toBe(SECRET)
  })

  test('what is written costs a second of work for every guess, unless told otherwise, and holds no key', async () => {
    const text = await encryptKeystore(new Secret(Uint8Array.fromHex(SECRET)), { password: new Secret('testpassword') })
    expect(JSON.parse(text)).toMatchObject({
      version: 3,
      address: '008aeeda4d805471df9b2a5b0f38a0c3bcba786b',
      crypto: { cipher: 'aes-128-ctr', kdf: 'scrypt', kdfparams: { dklen: 32, n: 262_144, r: 8, p: 1 } },
    })
    expect(text).not.toContain(SECRET)
  })
})
