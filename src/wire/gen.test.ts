import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { generateProto } from '../../tools/proto/generate.ts'

test('the committed code is what the .proto files give', () => {
  const fresh = mkdtempSync(join(tmpdir(), 'weft-proto-'))
  const committed = join(import.meta.dirname, 'gen')
  try {
    generateProto(fresh)
    expect(readdirSync(fresh)).toEqual(readdirSync(committed))
    for (const name of readdirSync(fresh)) {
      expect(readFileSync(join(fresh, name), 'utf8'), name).toBe(readFileSync(join(committed, name), 'utf8'))
    }
  } finally {
    rmSync(fresh, { recursive: true })
  }
})
