// Origin: spec/03 §9 for the texts; tools/vectors/cid.py, an independent reading of UnixFS and dag-pb in Python, for all.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isCid, isSnapshotCid, snapshotCidOf } from '#wire/cid.ts'

const vectors = JSON.parse(readFileSync(new URL('./cid.json', import.meta.url), 'utf8')) as {
  lengths: [number, string][]
  texts: [string, string][]
}

test.each(vectors.lengths)('%d counted bytes are %s', async (length, cid) => {
  expect(await snapshotCidOf(counted(length))).toBe(cid)
  expect(isSnapshotCid(cid) && isCid(cid)).toBe(true)
})

test.each(vectors.texts)('%s is %s', async (text, cid) => {
  expect(await snapshotCidOf(new TextEncoder().encode(text))).toBe(cid)
})

test.each([
  ['{}', 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri'],
  ['{"a":1,"b":5.0}', 'bafkreiauv3xrqehvesaqo23lw3awzn2zlq52izxbxklymbc54um2g2ii44'],
  ['{"price":1e-05,"s":"\\u00e9"}', 'bafkreiecdgs45ppubnnd4aoam4fqpqadbzsh5ubv5wzp5uw4tz7nfb5b7i'],
])('the published vector of %s is among them', (text, cid) => {
  expect(vectors.texts).toContainEqual([text, cid])
})

function counted(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index++) bytes[index] = index % 251
  return bytes
}
