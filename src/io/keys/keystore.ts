import { createCipheriv, createDecipheriv, pbkdf2, randomBytes, randomUUID, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { scryptAsync } from '@noble/hashes/scrypt.js'
import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { Secret } from '#domain/secret.ts'
import { keccak256 } from '#wire/keccak.ts'
import { createSigner, parsePrivateKey } from './secp256k1.ts'

/** Web3 Secret Storage, version 3: a private key in a JSON file, encrypted with a password. */

/** A key file has about 500 bytes; whatever is larger is something else. */
export const KEYSTORE_BYTES_MAX = 64 * 1024
/** Scrypt takes 128·r·(n+p) bytes. Files in use ask for 256 MiB; twice that still fits any machine that runs a role. */
export const SCRYPT_MEMORY_BYTES_MAX = 512 * 1024 * 1024
/** Time goes with n·r·p. Files in use ask for 2^21; eight times that takes some ten seconds. */
export const SCRYPT_COST_MAX = 2 ** 24
/** Files in use ask for 262,144; forty times that takes some ten seconds. */
export const PBKDF2_ROUNDS_MAX = 10_000_000
const DERIVED_KEY_BYTES = 32
const PRIVATE_KEY_BYTES = 32
const IV_BYTES = 16
const MAC_BYTES = 32
/** One in 4,294,967,296 begins with more zeros. */
const LOST_BYTES_MAX = 4
/** Salts in use have 32 bytes. */
const SALT_BYTES_MAX = 256
/** What files in use ask for: a second of work for every guess at the password. */
export const SCRYPT_STANDARD: ScryptCost = { n: 262_144, r: 8, p: 1 }

/** `n` is a power of two. */
export interface ScryptCost {
  readonly n: number
  readonly r: number
  readonly p: number
}

interface Keystore {
  readonly iv: Uint8Array
  /** As it is written, and with the zeros that may be lost: of a key whose own zeros were lost it is short by itself. */
  readonly ciphertexts: readonly Uint8Array[]
  readonly mac: Uint8Array
  readonly salt: Uint8Array
  readonly kdf: ({ readonly kind: 'scrypt' } & ScryptCost) | { readonly kind: 'pbkdf2'; readonly rounds: number }
  /** Without `0x`, in lower case; absent in files that keep it secret. */
  readonly address: string | undefined
}

type Fields = Readonly<Record<string, unknown>>

/** Says what is wrong with the file; becomes `KEYSTORE_INVALID` with its path. */
class Flaw extends Error {}

function fieldsOf(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Flaw(`${name} is no object`)
  return value as Fields
}

/** Of a fixed length. Older writers took these for numbers and left zeros at their head away, sometimes half a byte of them. */
function paddedOf(fields: Fields, name: string, length: number): Uint8Array {
  const text = fields[name]
  const digits = typeof text === 'string' ? text.replace(/^0x/, '') : undefined
  // What is much shorter was cut off, or is something else.
  if (digits === undefined || digits.length < 2 * (length - LOST_BYTES_MAX)) return bytesOf(fields, name, { min: length, max: length })
  return bytesOf({ [name]: digits.padStart(2 * length, '0') }, name, { min: length, max: length })
}

function ciphertextsOf(crypto: Fields): readonly Uint8Array[] {
  const padded = paddedOf(crypto, 'ciphertext', PRIVATE_KEY_BYTES)
  const written = String(crypto['ciphertext']).replace(/^0x/, '')
  const isShort = written.length < 2 * PRIVATE_KEY_BYTES && written.length % 2 === 0
  return isShort ? [padded, Uint8Array.fromHex(written)] : [padded]
}

function bytesOf(fields: Fields, name: string, length: { readonly min: number; readonly max: number }): Uint8Array {
  const text = fields[name]
  if (typeof text !== 'string' || !/^(0x)?([0-9a-fA-F]{2})*$/.test(text)) throw new Flaw(`${name} is no hex`)
  const bytes = Uint8Array.fromHex(text.replace(/^0x/, ''))
  if (bytes.length < length.min || bytes.length > length.max) throw new Flaw(`${name} has ${bytes.length} bytes`)
  return bytes
}

function integerOf(fields: Fields, name: string, max: number): number {
  const value = fields[name]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1 || value > max)
    throw new Flaw(`${name} is not an integer from 1 to ${max}`)
  return value
}

function scryptCostOf(parameters: Fields): ScryptCost {
  const [n, r, p] = ['n', 'r', 'p'].map((name) => integerOf(parameters, name, SCRYPT_COST_MAX)) as [number, number, number]
  if (n < 2 || !Number.isInteger(Math.log2(n))) throw new Flaw('n is not a power of two')
  if (128 * r * (n + p) > SCRYPT_MEMORY_BYTES_MAX) throw new Flaw(`scrypt asks for more than ${SCRYPT_MEMORY_BYTES_MAX} bytes of memory`)
  if (n * r * p > SCRYPT_COST_MAX) throw new Flaw(`scrypt asks for more work than n·r·p = ${SCRYPT_COST_MAX}`)
  return { n, r, p }
}

function kdfOf(crypto: Fields, parameters: Fields): Keystore['kdf'] {
  if (crypto['kdf'] === 'scrypt') return { kind: 'scrypt', ...scryptCostOf(parameters) }
  if (crypto['kdf'] !== 'pbkdf2') throw new Flaw('kdf is neither scrypt nor pbkdf2')
  if (parameters['prf'] !== 'hmac-sha256') throw new Flaw('prf is not hmac-sha256')
  return { kind: 'pbkdf2', rounds: integerOf(parameters, 'c', PBKDF2_ROUNDS_MAX) }
}

/** Editors of some systems put one before the text. */
const BYTE_ORDER_MARK = /^\uFEFF/

function parse(text: string): Keystore {
  if (text.length > KEYSTORE_BYTES_MAX) throw new Flaw(`larger than ${KEYSTORE_BYTES_MAX} bytes`)
  const file = fieldsOf(JSON.parse(text.replace(BYTE_ORDER_MARK, '')), 'the file')
  if (file['version'] !== 3) throw new Flaw('version is not 3')
  // Old clients of the Ethereum Foundation wrote `Crypto`.
  const crypto = fieldsOf(file['crypto'] ?? file['Crypto'], 'crypto')
  const parameters = fieldsOf(crypto['kdfparams'], 'kdfparams')
  if (crypto['cipher'] !== 'aes-128-ctr') throw new Flaw('cipher is not aes-128-ctr')
  if (parameters['dklen'] !== DERIVED_KEY_BYTES) throw new Flaw(`dklen is not ${DERIVED_KEY_BYTES}`)
  const exactly = (bytes: number) => ({ min: bytes, max: bytes })
  return {
    iv: paddedOf(fieldsOf(crypto['cipherparams'], 'cipherparams'), 'iv', IV_BYTES),
    ciphertexts: ciphertextsOf(crypto),
    mac: paddedOf(crypto, 'mac', MAC_BYTES),
    salt: bytesOf(parameters, 'salt', { min: 1, max: SALT_BYTES_MAX }),
    kdf: kdfOf(crypto, parameters),
    address: file['address'] === undefined ? undefined : bytesOf(file, 'address', exactly(20)).toHex(),
  }
}

async function derive(password: Secret<string>, { kdf, salt }: Pick<Keystore, 'kdf' | 'salt'>): Promise<Uint8Array> {
  const bytes = Buffer.from(password.reveal(), 'utf8')
  if (kdf.kind === 'pbkdf2') return promisify(pbkdf2)(bytes, salt, kdf.rounds, DERIVED_KEY_BYTES, 'sha256')
  const { n: N, r, p } = kdf
  // The library's own limit is 32 MiB; beside the table of 128·n·r bytes it counts the blocks of each of the p lanes.
  const maxmem = 128 * r * (N + p + 2)
  // OpenSSL refuses n from 2^(16·r) on, as RFC 7914 asks; the example in the definition of keystores has such numbers.
  if (Math.log2(N) >= 16 * r) return scryptAsync(bytes, salt, { N, r, p, dkLen: DERIVED_KEY_BYTES, maxmem })
  return new Promise((resolve, reject) => {
    scrypt(bytes, salt, DERIVED_KEY_BYTES, { N, r, p, maxmem }, (failure, key) => (failure === null ? resolve(key) : reject(failure)))
  })
}

/** keccak256 of the second half of the derived key and the ciphertext: tells a wrong password from a right one. */
function macOf(derived: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  return keccak256(new Uint8Array([...derived.subarray(16, 32), ...ciphertext]))
}

/**
 * The private key in a keystore file's text; `path` is for messages. Throws `KEYSTORE_INVALID` for what is no such file or asks for
 * more work than the limits above, `KEYSTORE_PASSWORD_WRONG`.
 */
export async function decryptKeystore(
  text: string,
  options: { readonly path: string; readonly password: Secret<string> },
): Promise<Secret<Uint8Array>> {
  const { path, password } = options
  const keystore = parseOrRefuse(text, path)
  const plain = await openWith(password, keystore)
  if (plain === undefined) throw new WeftError('KEYSTORE_PASSWORD_WRONG', { path })
  const key = parsePrivateKey(plain.toHex().padStart(2 * PRIVATE_KEY_BYTES, '0'))
  const { address } = createSigner(key)
  if (keystore.address !== undefined && address !== `0x${keystore.address}`)
    throw new WeftError('KEYSTORE_INVALID', { path, detail: `it says that it holds the key of 0x${keystore.address}, but holds another` })
  return key
}

/** What was encrypted; `undefined` when the password is another. */
async function openWith(password: Secret<string>, keystore: Keystore): Promise<Uint8Array | undefined> {
  // Some writers normalise the password before they use it, most take it as it is typed.
  for (const text of new Set([password.reveal(), password.reveal().normalize('NFKC')])) {
    const derived = await derive(new Secret(text), keystore)
    const ciphertext = keystore.ciphertexts.find((bytes) => timingSafeEqual(macOf(derived, bytes), keystore.mac))
    if (ciphertext === undefined) continue
    const cipher = createDecipheriv('aes-128-ctr', derived.subarray(0, 16), keystore.iv)
    return Buffer.concat([cipher.update(ciphertext), cipher.final()])
  }
  return undefined
}

/** Whether a text is meant as a keystore: a JSON object. */
export const isKeystore = (text: string): boolean => text.replace(BYTE_ORDER_MARK, '').trimStart().startsWith('{')

/** The address that a keystore says it is for, if it says one. Throws `KEYSTORE_INVALID` for what no password could open. */
export function checkKeystore(text: string, path: string): Address | undefined {
  const { address } = parseOrRefuse(text, path)
  return address === undefined ? undefined : (`0x${address}` as Address)
}

function parseOrRefuse(text: string, path: string): Keystore {
  try {
    return parse(text)
  } catch (cause) {
    if (cause instanceof Flaw) throw new WeftError('KEYSTORE_INVALID', { path, detail: cause.message }, cause)
    // The text itself may be a bare key: it appears in no message.
    if (cause instanceof SyntaxError) throw new WeftError('KEYSTORE_INVALID', { path, detail: 'it is no JSON' })
    throw cause
  }
}

/** The text of a keystore file for this key, which names its account unless it is `ofNobody`. Fresh salt and initialisation vector each time. */
export async function encryptKeystore(
  key: Secret<Uint8Array>,
  options: { readonly password: Secret<string>; readonly cost?: ScryptCost | undefined; readonly ofNobody?: boolean },
): Promise<string> {
  const { n, r, p } = options.cost ?? SCRYPT_STANDARD
  const [salt, iv] = [randomBytes(32), randomBytes(IV_BYTES)]
  const derived = await derive(options.password, { kdf: { kind: 'scrypt', n, r, p }, salt })
  const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv)
  const ciphertext = Buffer.concat([cipher.update(key.reveal()), cipher.final()])
  const crypto = {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: iv.toString('hex') },
    ciphertext: ciphertext.toString('hex'),
    kdf: 'scrypt',
    kdfparams: { dklen: DERIVED_KEY_BYTES, n, r, p, salt: salt.toString('hex') },
    mac: macOf(derived, ciphertext).toHex(),
  }
  const account = options.ofNobody === true ? {} : { address: createSigner(key).address.slice(2) }
  return `${JSON.stringify({ version: 3, id: randomUUID(), ...account, crypto }, undefined, 2)}\n`
}
