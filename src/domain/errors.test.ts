import { describe, expect, test } from 'vitest'
import { ERRORS, isWeftError, listenFailed, WeftError } from './errors.ts'
import { CONTRACT_CODES, CONTRACT_ERRORS } from './contract-codes.ts'
import { REJECTIONS } from './rejection.ts'

describe('a failure', () => {
  test('says what, with which values, and what to do next', () => {
    const failure = new WeftError('IPFS_CONTENT_WRONG', { cid: 'bafyA', got: 'bafyB' })
    expect(failure.message).toBe(
      'IPFS_CONTENT_WRONG (cid: bafyA, got: bafyB). The bytes served do not hash to their CID. Do not trust that copy; ask another source.',
    )
    expect(failure).toMatchObject({
      name: 'WeftError',
      code: 'IPFS_CONTENT_WRONG',
      kind: 'transient',
      facts: { cid: 'bafyA', got: 'bafyB' },
    })
    expect(String(failure)).toMatch(/^WeftError: /)
  })

  test('passes its cause on, and has none where there is none', () => {
    const cause = new Error('below')
    expect(new WeftError('STOPPED', { what: 'w' }, cause).cause).toBe(cause)
    expect('cause' in new WeftError('STOPPED', { what: 'w' })).toBe(false)
  })
})

test('a failure is told from others by its class and, when asked, its code', () => {
  const failure = new WeftError('STOPPED', { what: 'w' })
  const foreign = Object.assign(new Error('foreign'), { code: 'STOPPED' })
  const asked = [failure, foreign, undefined].map((it) => [isWeftError(it), isWeftError(it, 'STOPPED'), isWeftError(it, 'QUEUE_FULL')])
  expect(asked).toEqual([
    [true, true, false],
    [false, false, false],
    [false, false, false],
  ])
})

test.each([
  [new Error('listen EADDRINUSE: address already in use 127.0.0.1:80\n    at Server'), 'EADDRINUSE'],
  [new Error('listen EACCES'), 'EACCES'],
  [new Error('EACH of them was asked\n    at Server\n    at Stage'), 'EACH of them was asked'],
  ['no ERRORCODEs here', 'no ERRORCODEs here'],
])('%s: nothing can listen there, for the reason %s', (cause, detail) => {
  const failure = listenFailed('127.0.0.1:80', cause)
  expect([failure.code, failure.facts, failure.cause]).toEqual(['LISTEN_FAILED', { address: '127.0.0.1:80', detail }, cause])
})

/** A data directory holds what a role must not sign or send again. Whoever follows advice in a hurry must not lose it. */
const HARMFUL = /\b(remove|delete|wipe|clear|erase|rm -)\b|\bstart (anew|afresh|over)\b|\bchoose another\b|\banother with --data-dir\b/i

const advice = [
  ...Object.entries<{ readonly help: string }>({ ...ERRORS, ...REJECTIONS }).map(([code, { help }]) => [code, help] as const),
  ...Object.entries<string>({ ...CONTRACT_CODES, ...CONTRACT_ERRORS }),
]

test.each(advice)('what is said of %s makes nobody throw away what a role remembers', (_, help) => {
  expect(help).not.toMatch(HARMFUL)
})

test.each(['CHAIN_REORG_TOO_DEEP', 'DATA_DIR_LOCKED', 'STORE_CORRUPT'] as const)('%s says what the directory holds', (code) => {
  expect(ERRORS[code].help).toMatch(/must not (sign|go on)/)
})
