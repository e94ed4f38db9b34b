import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ERRORS, type ErrorRow } from '#domain/errors.ts'
import { PYTHON_PLACES, pythonPlaces } from '../../tools/package/places.ts'

/** The Python client: its own tests, by the Python of this machine, if any. What proofs take beside the standard library is installed for them once. */

const root = join(import.meta.dirname, '../..')
const folder = join(root, 'clients/python')
/** What pip installs goes where npm's packages are, and with them. */
const installed = join(root, 'node_modules/.weft-python')
/** The only package that the client may need; the version that it was tested with. */
const KECCAK = 'pycryptodome==3.23.0'

function python(...words: readonly string[]) {
  const env = {
    ...process.env,
    PYTHONPATH: [join(folder, 'src'), installed].join(process.platform === 'win32' ? ';' : ':'),
    PYTHONDONTWRITEBYTECODE: '1',
  }
  return spawnSync('python3', words, { cwd: folder, env, encoding: 'utf8' })
}
const isThere = python('-c', 'import sys; sys.exit(sys.version_info < (3, 9))').status === 0
const hasKeccak = (): boolean =>
  python('-c', 'import sys; from weft_client.keccak import has_keccak; sys.exit(not has_keccak())').status === 0

/** Runs its tests; what they say of failures is in the message. */
function expectPassed(tests: string): void {
  const { status, stderr } = python('-m', 'unittest', 'discover', '-s', tests, '-t', '.')
  expect(status, stderr).toBe(0)
  expect(stderr).toMatch(/Ran [1-9]\d* tests/)
  expect(stderr).not.toContain('skipped')
}

describe('the Python client', () => {
  test('reads, and catches liars about values, where there is a Python', () => {
    if (isThere) expectPassed('tests')
  }, 60_000)

  test('proves, where there is a Python that has keccak or can install it', () => {
    if (!isThere) return
    if (!hasKeccak()) python('-m', 'pip', 'install', '--quiet', '--target', installed, '--only-binary', ':all:', KECCAK)
    const isAble = hasKeccak()
    console.info(isAble ? 'the Python client checks proofs here' : `the Python client checks no proofs here: ${KECCAK} cannot be installed`)
    if (isAble) expectPassed('tests_proof')
  }, 120_000)

  test('says of its codes what docs/ERRORS.md says', () => {
    if (!isThere) return
    const { stdout } = python('-c', 'import json; from weft_client.errors import HELP; print(json.dumps(HELP))')
    const { KECCAK_MISSING: _, ...help } = JSON.parse(stdout) as Record<string, string>
    const rows: Readonly<Record<string, ErrorRow>> = ERRORS
    expect(help).toEqual(Object.fromEntries(Object.keys(help).map((code) => [code, rows[code]?.help])))
  })

  test('finds the state of a market where the contracts have it', () => {
    expect(readFileSync(PYTHON_PLACES, 'utf8')).toBe(pythonPlaces())
  })
})
