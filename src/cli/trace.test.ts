import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BlockNumber, EpochId, ProjectId, ContractNumber } from '#domain/ids.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { openRecords } from '#roles/snapshotter/records.ts'
import { weft } from './cli.test-world.ts'
import { stepsInWords } from './trace.ts'

let folder: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-trace-'))
  const store = openSqliteStore({ path: join(folder, 'state.sqlite') })
  const records = openRecords(store)
  const range = { begin: 10 as BlockNumber, end: 11 as BlockNumber }
  const release = { number: 70 as BlockNumber, contractNumber: 70 as ContractNumber, timestamp: 1_700_000_000 }
  await records.saveEpoch({ epochId: 7 as EpochId, ...range, release, state: 'done' }, { batchWindowBlocks: 0, attestationWindowBlocks: 0 })
  const ended = { state: 'missed', reason: 'preload_failed', detail: 'price: \u001b[31mHTTP 500', endedMs: 1_700_000_001_500 } as const
  await records.saveProject(7 as EpochId, { projectId: 'base:TEST' as ProjectId, ...range, ...ended })
  await store.close()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('says when, what and why, in words and in JSON', async () => {
  const { out, exitCode } = await weft({}, 'trace', 'base', '7', '--data-dir', folder)
  expect(out).toContain('base:TEST, epoch 7\n')
  expect(out).toContain(', 1.5 s after the release\n  22:13:20.000  released        in anchor block 70, of source blocks 10 to 11\n')
  expect(out).toMatch(/\n {2}22:13:21.500 {2}missed {10}preload_failed: price: .*HTTP 500\n/)
  expect(out).not.toContain('\u001b')
  expect(exitCode).toBe(0)
  const { out: json } = await weft({ WEFT_DATA_DIR: folder }, 'trace', 'base', '7', '--json')
  expect(JSON.parse(json)).toMatchObject({
    projectId: 'base:TEST',
    epochId: 7,
    roles: [{ steps: [{ step: 'released' }, { step: 'missed' }] }],
  })
})

test('of what nobody knows says so, with exit code 1; of what is no project or epoch says what is wrong', async () => {
  expect(await weft({}, 'trace', 'base:TEST', '8', '--data-dir', folder)).toMatchObject({
    out: expect.stringContaining('no role here'),
    exitCode: 1,
  })
  expect((await weft({}, 'trace', 'base', 'soon', '--data-dir', folder)).err).toContain('epoch')
})

test('of a hundred votes that ended alike a few are shown, and the odd one', () => {
  const steps = Array.from({ length: 100 }, (_, index) => [
    { step: 'taken', detail: `slot ${index + 1}` },
    index === 41
      ? { step: 'expired', reason: 'window_closed', detail: 'slot 42' }
      : { step: 'acknowledged', reason: 'accepted', detail: '' },
  ]).flat()
  const lines = stepsInWords(steps)
  expect(lines).toHaveLength(6 + 6 + 1 + 1)
  expect(lines).toContainEqual(expect.stringMatching(/expired +window_closed: slot 42$/))
  expect(lines.at(-1)?.trim()).toBe('and 94 more taken, 93 more acknowledged (accepted): --json has all')
})
