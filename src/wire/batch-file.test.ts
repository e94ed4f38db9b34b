import { expect, test } from 'vitest'
import type { Batch } from '#domain/batch.ts'
import { batchCidOf, batchFile, fileOf, isBatchCid, parseBatchFile } from './batch-file.ts'

const cid = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri'
const submission = (slotId: number, signature: string) => ({
  submissionId: `id-${slotId}`,
  submission: {
    request: { slotId, deadlineBlock: 600, snapshotCid: cid, epochId: 3, projectId: 'pair:0xab:N' },
    signature,
    header: '0x01',
    dataMarket: '0x02',
    nodeVersion: 'v1',
    protocolState: '',
  },
})
const batchOf = (submissions: unknown[]) =>
  ({ submissions, submissionsRoot: '0xroot', projectIds: ['pair:0xab:N'], snapshotCids: [cid] }) as unknown as Batch
const batch = batchOf([submission(1, 'aa')])

test.each([
  ['json', /^bafkrei/],
  ['dag-cbor', /^bafyrei/],
] as const)('a file in the form %s is told by its CID, and read by it', async (form, expected) => {
  const { batchCid, file, compact } = await batchFile(batch, form)
  expect(batchCid).toMatch(expected)
  expect([isBatchCid(batchCid), await batchCidOf(file, batchCid)]).toEqual([true, batchCid])
  expect(await batchCidOf(Uint8Array.of(...file, 0), batchCid)).not.toBe(batchCid)
  expect(parseBatchFile(file, batchCid)).toEqual({ ok: true, batch })
  expect(fileOf(compact, batchCid)).toEqual(file)
})

test('one form under the CID of the other is none', async () => {
  const [json, compact] = [await batchFile(batch, 'json'), await batchFile(batch, 'dag-cbor')]
  expect(parseBatchFile(json.file, compact.batchCid)).toEqual({ ok: false, defect: 'not_dag_cbor' })
  expect(parseBatchFile(compact.file, json.batchCid)).toEqual({ ok: false, defect: 'not_json' })
})

test('G3: what does not fit into one block of dag-cbor takes the form that has many', async () => {
  const large = batchOf(Array.from({ length: 5_000 }, (_, index) => submission(index, 'x'.repeat(250))))
  const { batchCid, file, compact } = await batchFile(large, 'dag-cbor')
  expect(batchCid).toMatch(/^bafybei/)
  expect(fileOf(compact, batchCid)).toEqual(file)
  expect(parseBatchFile(file, batchCid)).toEqual({ ok: true, batch: large })
})
