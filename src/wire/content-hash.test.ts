import { expect, test } from 'vitest'
import type { Cid, ProjectId } from '#domain/ids.ts'
import { contentHashOf } from './content-hash.ts'

const PROJECTS = ['pairs:0x01:SUITE', 'pairs:0x02:SUITE'] as ProjectId[]
const CIDS = [
  'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri',
  'bafkreiauv3xrqehvesaqo23lw3awzn2zlq52izxbxklymbc54um2g2ii44',
] as Cid[]

// As the contract answers (`batchCidContentHash`): src/io/chain/suite asks a real one for the same batch.
test('G6: is what the contract keeps of the same projects and CIDs', () => {
  expect(contentHashOf(PROJECTS, CIDS)).toBe('0x61997d92360f7f9a6f1e36da25328907c8434ffcb4e2fce527737b3aa0662f')
})

test('G6: another CID, another order, or a project more is other content', () => {
  const all = [
    contentHashOf(PROJECTS, CIDS),
    contentHashOf(PROJECTS, CIDS.toReversed()),
    contentHashOf(PROJECTS.toReversed(), CIDS.toReversed()),
    contentHashOf(PROJECTS.slice(0, 1), CIDS),
    contentHashOf([], []),
  ]
  expect(new Set(all).size).toBe(all.length)
})
