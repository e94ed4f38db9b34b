import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BlockNumber } from '#domain/ids.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { COLLECTOR_LIMITS } from '#roles/collector/collector.ts'
import { submission } from '#roles/collector/collector.test-world.ts'
import { type Entry, openOutbox } from '#roles/collector/outbox.ts'
import { parseReceiptFile } from '#wire/receipt-file.ts'
import { weft } from './cli.test-world.ts'

const address = (digits: string) => `0x${digits.repeat(20)}`
const SIGNED = { deadlineBlock: 500 as BlockNumber, anchorBlock: 9 as BlockNumber, index: 0, siblings: '', signature: '11'.repeat(65) }

let folder: string
let id: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-outbox-'))
  const store = openSqliteStore({ path: join(folder, 'state.sqlite') })
  const deps = { store, clock: createVirtualClock(), random: createSeededRandom(1), onReady: () => undefined }
  const outbox = openOutbox(COLLECTOR_LIMITS, deps)
  for (const index of [1, 2, 3]) await outbox.add(submission(index))
  const [first, second] = [outbox.take(), outbox.take()] as [Entry, Entry]
  id = first.submissionId
  await outbox.finish(first, 'accepted', SIGNED)
  await outbox.finish(second, 'slot_unknown')
  await store.close()
  const contracts = { protocolState: address('aa'), dataMarket: address('bb'), nodes: address('cc'), factory: address('dd') }
  writeFileSync(join(folder, 'network.json'), JSON.stringify({ chainId: 1, deploymentBlock: 1, ...contracts }))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('an epoch is a line, its submissions are listed with --epoch, and are objects with --json', async () => {
  const { out } = await weft({}, 'outbox', '--data-dir', folder)
  expect(out).toMatch(/ {2}epoch 7 {2}1 acknowledged; 1 rejected: slot_unknown; 1 queued\n$/)
  const { out: listed } = await weft({ WEFT_DATA_DIR: folder }, 'outbox', '--epoch', '7')
  expect(listed).toContain(`${id}  slot 1  p1:N  acknowledged, signed receipt\n`)
  const { out: none, err } = await weft({}, 'outbox', '--data-dir', folder, '--epoch', '8')
  expect([none, err]).toEqual(['', 'no collector here has a submission of epoch 8 on record\n'])
  const { out: json } = await weft({}, 'outbox', '--json', '--data-dir', folder)
  const lines = json.trim().split('\n')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    submissionId: id,
    epochId: 7,
    state: 'acknowledged',
    lastCode: 'accepted',
    isSigned: true,
  })
})

test('a signed receipt is taken out, and of one that has none it is said', async () => {
  const file = join(folder, 'receipt.json')
  const { out } = await weft({}, 'outbox', 'receipt', id, '--data-dir', folder, '--out', file)
  expect(out).toContain(`./weft verify receipt ${file}`)
  expect(parseReceiptFile(readFileSync(file, 'utf8'))).toMatchObject({
    anchorChainId: 1,
    submissionId: id,
    code: 'accepted',
    proof: { anchorBlock: 9 },
  })
  const none = await weft({}, 'outbox', 'receipt', id.replace(/^.{8}/, '00000000'), '--data-dir', folder)
  expect([none.exitCode, none.out]).toEqual([1, 'no collector here has a signed receipt of it\n'])
  rmSync(join(folder, 'network.json'))
  expect((await weft({}, 'outbox', 'receipt', id, '--data-dir', folder)).err).toContain('--network is needed')
  expect((await weft({}, 'outbox', 'receipt', 'x', '--data-dir', folder)).err).toContain('ID_MALFORMED')
})

test('verify receipt says what is wrong with a file before it asks anybody', async () => {
  const file = join(folder, 'receipt.json')
  writeFileSync(file, '{"format":"weft-proof"}')
  const { out, exitCode } = await weft({}, 'verify', 'receipt', file, '--json')
  expect([JSON.parse(out), exitCode]).toEqual([{ ok: false, verdict: 'unproved', why: expect.stringContaining('format') }, 1])
  expect((await weft({}, 'verify', 'receipt', join(folder, 'none'))).err).toContain('FILE_UNREADABLE')
})
