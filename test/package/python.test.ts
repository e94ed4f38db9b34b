import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ERRORS, type ErrorRow } from '#domain/errors.ts'
import { hasKeccak, isPythonThere, python } from './python.ts'
import { PYTHON_PLACES, pythonPlaces } from '../../tools/package/places.ts'

/** The Python client: its own tests, by the Python of this machine, if any. */

/** Runs its tests; what they say of failures is in the message. */
function expectPassed(tests: string): void {
  const { status, stderr } = python('-m', 'unittest', 'discover', '-s', tests, '-t', '.')
  expect(status, stderr).toBe(0)
  expect(stderr).toMatch(/Ran [1-9]\d* tests/)
  expect(stderr).not.toContain('skipped')
}

describe('the Python client', () => {
  test('reads, and catches liars about values, where there is a Python', () => {
    if (isPythonThere()) expectPassed('tests')
  }, 60_000)

  test('proves, where there is a Python that has keccak or can install it', () => {
    if (!isPythonThere()) return
    const isAble = hasKeccak()
    console.info(
      isAble ? 'the Python client checks proofs here' : 'the Python client checks no proofs here: pycryptodome cannot be installed',
    )
    if (isAble) expectPassed('tests_proof')
  }, 120_000)

  test('says of its codes what docs/ERRORS.md says', () => {
    if (!isPythonThere()) return
    const { stdout } = python('-c', 'import json; from weft_client.errors import HELP; print(json.dumps(HELP))')
    const { KECCAK_MISSING: _, ...help } = JSON.parse(stdout) as Record<string, string>
    const rows: Readonly<Record<string, ErrorRow>> = ERRORS
    expect(help).toEqual(Object.fromEntries(Object.keys(help).map((code) => [code, rows[code]?.help])))
  })

  test('finds the state of a market where the contracts have it', () => {
    expect(readFileSync(PYTHON_PLACES, 'utf8')).toBe(pythonPlaces())
  })
})
