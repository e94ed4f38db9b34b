import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { computeTwice, scriptedSource } from 'weft/compute/testing'

test('the time at the end of the epoch', async () => {
  const source = scriptedSource({ timestamp: (block) => 1_000 + block })
  const epoch = { epochId: 1, begin: 10, end: 12 }
  const projects = await computeTwice(import.meta.dirname, { config: { label: 'a' }, epoch, source })
  deepEqual(projects.get('NAME:TEST')?.snapshot, { label: 'a', timestamp: 1_012n })
})
