// Origin of the cases: CPython's own `json` module, through tools/vectors/canonical-json.py.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { JsonValue } from '#domain/compute.ts'
import { canonicalJson, parseCanonicalJson } from '#wire/canonical-json.ts'

type Tagged = null | boolean | ['i' | 'f' | 's', string] | ['a', Tagged[]] | ['o', [string, Tagged][]]
type Case = { value: Tagged; text: string }

const script = new URL('../../tools/vectors/canonical-json.py', import.meta.url).pathname
const committed = readFileSync(new URL('./canonical-json.json', import.meta.url), 'utf8')

function untagged(value: Tagged): JsonValue {
  if (value === null || typeof value === 'boolean') return value
  switch (value[0]) {
    case 'i':
      return BigInt(value[1])
    case 'f':
      return Buffer.from(value[1], 'hex').readDoubleBE()
    case 's':
      return value[1]
    case 'a':
      return value[1].map(untagged)
    case 'o':
      return Object.fromEntries(value[1].map(([key, item]) => [key, untagged(item)]))
  }
}

function expectSameBytes(cases: string): void {
  for (const { value, text } of JSON.parse(cases) as Case[]) {
    const written = new TextDecoder().decode(canonicalJson(untagged(value)))
    expect(written).toBe(text)
    expect(new TextDecoder().decode(canonicalJson(parseCanonicalJson(new TextEncoder().encode(text))))).toBe(text)
  }
}

function fromPython(seed?: number): string | undefined {
  const run = spawnSync('python3', seed === undefined ? [script] : [script, String(seed)], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  if ((run.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return undefined
  expect(run.stderr).toBe('')
  return run.stdout
}

test('canonical JSON is what Python writes, case by case', () => {
  expectSameBytes(committed)
})

// Where Python is missing the committed cases above decide alone.
test('the Python on this machine, if any, makes the committed cases and agrees on fresh ones', () => {
  const again = fromPython()
  if (again === undefined) return
  expect(again).toBe(committed)
  const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  console.info(`canonical-json FUZZ_SEED=${seed}`)
  expectSameBytes(fromPython(seed) as string)
})
