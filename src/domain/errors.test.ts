import { describe, expect, test } from 'vitest'
import { ERRORS, isStoreFailure, isWeftError, listenFailed, storeFailed, toldOf, WeftError } from './errors.ts'
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

  test('says what it knows beside that, where it knows it', () => {
    const facts = { queue: 'questions', lengthMax: 2 }
    expect(new WeftError('QUEUE_FULL', facts).message).toMatch(/^QUEUE_FULL \(queue: questions, lengthMax: 2\)\. /)
    expect(new WeftError('QUEUE_FULL', { ...facts, waitMs: 30 }).message).toMatch(
      /^QUEUE_FULL \(queue: questions, lengthMax: 2, waitMs: 30\)\. /,
    )
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

describe('what a disk refused', () => {
  test.each([
    ['STORE_FULL', ['ENOSPC', 'EDQUOT', 'EFBIG'], [13]],
    ['STORE_FORBIDDEN', ['EACCES', 'EPERM', 'EROFS'], [3, 8, 23]],
    ['STORE_PLACE_WRONG', ['ENOENT', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ELOOP', 'ENAMETOOLONG'], [14]],
    ['STORE_CORRUPT', [], [11, 26]],
  ] as const)('is %s for what system and SQLite call so', (code, names, numbers) => {
    const causes = [
      ...names.map((name) => Object.assign(new Error('x'), { code: name })),
      ...names.map((name) => new Error(`a library says ${name}: no`)),
      // The upper bits are detail: SQLITE_CANTOPEN_ISDIR is 14 and two shifted by eight.
      ...numbers.map((errcode) => Object.assign(new Error('x'), { code: 'ERR_SQLITE_ERROR', errcode: errcode | (2 << 8) })),
    ]
    for (const cause of causes) {
      const failure = storeFailed('p', 'd', cause)
      expect([failure.code, failure.facts, failure.cause]).toEqual([code, { path: 'p', doing: 'd' }, cause])
      expect(isStoreFailure(failure)).toBe(true)
    }
  })

  test.each([
    [Object.assign(new Error('x'), { code: 'EIO' }), 'd (EIO)'],
    [new Error('read EIO of it'), 'd (EIO)'],
    [Object.assign(new Error('EACCES'), { code: 'EIO' }), 'd (EIO)'],
    [Object.assign(new Error('x'), { errcode: 10 }), 'd'],
    [new Error('E of one letter, EX of two'), 'd'],
    [undefined, 'd'],
    ['text', 'd'],
  ])('%s is STORE_FAILED, doing %s', (cause, doing) => {
    expect(storeFailed('p', 'd', cause)).toMatchObject({ code: 'STORE_FAILED', facts: { path: 'p', doing } })
  })

  test('is told from what else fails', () => {
    expect(isStoreFailure(new WeftError('STORE_FAILED', { path: 'p', doing: 'd' }))).toBe(true)
    expect(isStoreFailure(new WeftError('STOPPED', { what: 'w' }))).toBe(false)
    expect(isStoreFailure(Object.assign(new Error('x'), { code: 'STORE_FULL' }))).toBe(false)
  })
})

test('a log line has the code and the facts: numbers as numbers, all else as text', () => {
  expect(toldOf(new WeftError('CHAIN_WRONG', { endpoint: 'e', expectedChainId: 1, gotChainId: 2 }))).toEqual({
    code: 'CHAIN_WRONG',
    endpoint: 'e',
    expectedChainId: 1,
    gotChainId: 2,
  })
  expect(toldOf(new WeftError('SETTINGS_INVALID', { problems: ['a', 'b'] }))).toEqual({ code: 'SETTINGS_INVALID', problems: 'a,b' })
})
