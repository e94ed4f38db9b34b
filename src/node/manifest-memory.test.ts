import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Address, EpochId } from '#domain/ids.ts'
import type { ManifestRef } from '#io/chain/port.ts'
import { openManifestMemory } from './manifest-memory.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-manifests-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const MARKET = { chainId: 1, protocolState: `0x${'5a'.repeat(20)}` as Address, dataMarket: `0x${'da'.repeat(20)}` as Address }
const open = () => openManifestMemory(folder, MARKET)
const file = (): string => join(folder, 'manifests-since.json')
const epoch = (id: number): EpochId => id as EpochId
const from = (id: number) => ({ fromEpochId: epoch(id) }) as ManifestRef

test('what was noted is known to the next process, of its market and from its epoch on', () => {
  open().note(from(7))
  expect(() => open().assertNone(epoch(7))).toThrow('MANIFEST_DENIED')
  expect(() => open().assertNone(epoch(6))).not.toThrow()
  expect(() => openManifestMemory(folder, { ...MARKET, chainId: 2 }).assertNone(epoch(7))).not.toThrow()
})

test.each(['{"1/0x', 'null', '{"1/0x": "seven"}'])('a damaged file is told as that, and kept: %j', (text) => {
  writeFileSync(file(), text)
  expect(open).toThrow(
    expect.objectContaining({ code: 'STORE_CORRUPT', facts: { path: file(), doing: 'reading which manifests there were' } }),
  )
  expect(readFileSync(file(), 'utf8')).toBe(text)
})

test('one that cannot be read is not taken for one that says nothing', () => {
  open().note(from(7))
  rmSync(file())
  mkdirSync(file())
  expect(open).toThrow(expect.objectContaining({ code: 'STORE_PLACE_WRONG' }))
})
