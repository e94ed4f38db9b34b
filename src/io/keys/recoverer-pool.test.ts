import { Worker } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import { keccak256 } from '#wire/keccak.ts'
import { PAIR_BYTES, pairsOf } from '#wire/signed-pairs.ts'
import { createRecovererPool, type RecovererPool, type RecovererPoolOptions } from './recoverer-pool.ts'
import { createSigner, parsePrivateKey, recoverer } from './secp256k1.ts'

const signer = createSigner(parsePrivateKey('11'.repeat(32)))
/** Every seventh is no signature: nobody has signed it. */
const pairs = Array.from({ length: 700 }, (_, index) => {
  const digest = keccak256(new Uint8Array([index >> 8, index & 255]))
  const signature = Uint8Array.fromHex(signer.sign(digest))
  signature[64] = Number(signature[64]) - 27
  return { digest, signature: index % 7 === 0 ? new Uint8Array(65) : signature }
})
const signed = pairsOf(pairs)
const whole = pairs.map((_, index) => (index % 7 === 0 ? undefined : signer.address))

let open: RecovererPool | undefined
afterEach(() => open?.stop())

function openPool(options: RecovererPoolOptions = {}) {
  const deaths: string[] = []
  const pool = createRecovererPool({ threads: 2, onDeath: (detail) => deaths.push(detail), ...options })
  open = pool
  return { pool, deaths }
}

/** A thread that dies whatever it is given. */
const dying = () => new Worker('process.exit(3)', { eval: true })
const sound = () => new Worker(new URL('./recoverer-worker.ts', import.meta.url))

test('threads find the signers that this thread finds, in the order given', async () => {
  const { pool } = openPool()
  expect(await recoverer.recoverMany(signed)).toEqual(whole)
  expect(await pool.recoverMany(signed)).toEqual(whole)
  expect(await pool.recoverMany(pairsOf([]))).toEqual([])
  // What was lent to other threads is not taken from the caller.
  expect(signed).toEqual(pairsOf(pairs))
})

test('a thread that dies is replaced, and its work is done', async () => {
  // Both are started, for there is work for three.
  const kinds = [dying, dying]
  const { pool, deaths } = openPool({ start: () => (kinds.shift() ?? sound)(), threads: 2 })
  expect(await pool.recoverMany(signed)).toEqual(whole)
  expect(deaths).toEqual(['exit code 3', 'exit code 3'])
  expect(await pool.recoverMany(signed)).toEqual(whole)
})

test('where every thread dies the work is done all the same', async () => {
  const { pool, deaths } = openPool({ start: dying })
  expect(await pool.recoverMany(signed.slice(0, 20 * PAIR_BYTES))).toEqual(whole.slice(0, 20))
  expect(deaths).toHaveLength(3)
  expect(await pool.recoverMany(signed.slice(0, 10 * PAIR_BYTES))).toEqual(whole.slice(0, 10))
  expect(deaths).toHaveLength(3)
})

/** As where the system lets the process have no more threads. */
const refused = (): Worker => {
  throw new Error('ERR_WORKER_INIT_FAILED')
}

test('where no thread is to be had the work is done all the same, and by threads as soon as there are some', async () => {
  const kinds: (() => Worker)[] = [refused, refused]
  const { pool, deaths } = openPool({ start: () => (kinds.shift() ?? sound)() })
  expect(await pool.recoverMany(signed.slice(0, 50 * PAIR_BYTES))).toEqual(whole.slice(0, 50))
  expect(await pool.recoverMany(signed.slice(50 * PAIR_BYTES, 100 * PAIR_BYTES))).toEqual(whole.slice(50, 100))
  expect(deaths).toEqual(['Error: ERR_WORKER_INIT_FAILED', 'Error: ERR_WORKER_INIT_FAILED'])
  expect(await pool.recoverMany(signed)).toEqual(whole)
  expect(deaths).toHaveLength(2)
})

test('a thread that dies, and cannot be replaced, leaves its work to those that are there', async () => {
  const kinds: (() => Worker)[] = [sound, dying]
  const { pool, deaths } = openPool({ start: () => (kinds.shift() ?? refused)() })
  expect(await pool.recoverMany(signed)).toEqual(whole)
  expect(deaths).toContain('exit code 3')
  expect(await pool.recoverMany(signed)).toEqual(whole)
})

test('it ends with what it was at', async () => {
  const { pool } = openPool()
  const under = pool.recoverMany(signed)
  const refused = expect(under).rejects.toMatchObject({ code: 'STOPPED' })
  await pool.stop()
  await refused
  await expect(pool.recoverMany(signed)).rejects.toMatchObject({ code: 'STOPPED' })
})
