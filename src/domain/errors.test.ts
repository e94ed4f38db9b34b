import { expect, test } from 'vitest'
import { CONTRACT_CODES, CONTRACT_ERRORS } from './contract-codes.ts'
import { ERRORS } from './errors.ts'
import { REJECTIONS } from './rejection.ts'

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
