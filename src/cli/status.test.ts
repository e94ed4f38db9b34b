import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { reading } from '#domain/metrics.ts'
import type { HomeStatus } from '#node/status.ts'
import type { RoleStatus } from '#node/faring.ts'
import { weft } from './cli.test-world.ts'
import { spanInWords, statusInWords } from './status.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-cli-status-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each([
  [5, '5 s'],
  [119, '119 s'],
  [120, '2 min'],
  [5_400, '90 min'],
  [9_000, '2.5 h'],
  [86_400 * 40, '40 d'],
])('%i seconds are %s', (seconds, words) => {
  expect(spanInWords(seconds)).toBe(words)
})

describe('a role in lines', () => {
  const nowMs = Date.now()
  const run = { role: 'snapshotter', processId: 7, startedMs: nowMs - 180_000, version: '0.1.0' }
  const chain = (name: string) => ({ chain: name })
  const status: RoleStatus = {
    ...run,
    isReady: false,
    unready: [{ reason: 'hand_over_failed', detail: 'QUEUE_FULL', help: 'Does it run?' }],
    troubles: [
      {
        event: 'dial_failed',
        level: 'warn',
        sinceMs: run.startedMs,
        lastMs: 1,
        times: 12,
        facts: { address: '/a', detail: 'it\u001b[2J' },
        help: 'Tried again.',
      },
    ],
    lately: [
      {
        event: 'outvoted',
        level: 'warn',
        sinceMs: 1_000,
        lastMs: 1_000,
        times: 1,
        facts: { epochId: 3, own: '', help: 'Be right.' },
        help: '',
      },
    ],
    alerts: [
      { event: 'outvoted', text: 'x', atMs: 2_000, sent: ['slack'], failed: ['telegram'] },
      { event: 'failed', text: 'x', atMs: 1_000, sent: [], failed: [] },
    ],
    readings: [
      reading('weft_chain_head_block', 120, { chain: 'anchor' }),
      reading('weft_chain_head_age_seconds', 3, { chain: 'anchor' }),
      reading('weft_chain_block_seconds', 2.04, { chain: 'anchor' }),
      reading('weft_chain_read_block', 118, { chain: 'anchor' }),
      reading('weft_chain_head_block', 900, { chain: 'source' }),
      reading('weft_chain_head_age_seconds', -40, { chain: 'source' }),
      reading('weft_snapshotter_epochs_open', 1, {}),
      reading('weft_snapshotter_epochs_total', 9, { state: 'done' }),
      reading('weft_snapshotter_late_total', 2, {}),
      reading('weft_peers', 3, { purpose: 'ipfs' }),
      reading('weft_snapshotter_projects_total', 1, { state: 'missed', reason: 'a' }),
      reading('weft_snapshotter_projects_total', 2, { state: 'missed', reason: 'b' }),
      reading('weft_snapshotter_window_used_ratio', 0.42, {}),
      reading('weft_disk_free_bytes', 5e9, {}),
      reading('weft_disk_size_bytes', 1e10, {}),
      reading('weft_store_bytes', 2_000, { file: 'state' }),
      reading('process_resident_memory_bytes', 12e7, {}),
    ],
    money: { account: '0x1' as never, balanceEther: 1.5, spentEtherPerDay: 0.0512345, lastsDays: 29.3 },
    slots: [
      {
        slotId: 3 as never,
        lastEpochId: 8 as never,
        lastMs: nowMs - 5_000,
        handedOver: 4,
        included: 3,
        outvoted: 1,
        leftOut: 1,
        deliveredToday: 2,
        dailyQuota: 50,
      },
      { slotId: 4 as never, handedOver: 0, included: 0, outvoted: 0, leftOut: 0 },
    ],
  }

  test('says how far it is, what it has, what is wrong and what to do', () => {
    expect(chain('anchor')).toEqual({ chain: 'anchor' })
    expect(statusInWords({ name: 'mine', state: 'running', run, status }).replace(/[56] s ago/, 'N s ago')).toBe(
      `mine (snapshotter): not ready, process 7, up 3 min
  anchor chain head 120, 3 s old, with a block every 2 s; read to 118, 2 behind
  source chain head 900, 40 s ahead of the clock here
  epochs       1 open, 9 done, 2 late
  window       42 % of it used by the last epoch
  projects     3 missed (2 b, 1 a)
  peers        3 of the IPFS node
  money        0x1 has 1.5 ether, 0.0512 a day: lasts 29 days
  alerts       1970-01-01 00:00:02Z to slack, and not to telegram: outvoted; 1 before
  disk         5.0 GB free of 10.0 GB; store 2.0 kB
  memory       120.0 MB
  slots        3: epoch 8, N s ago; 4 handed over, 3 included, 1 outvoted, 1 left out; 2 of 50 today
               4: nothing submitted yet; 0 handed over, 0 included, 0 outvoted, 0 left out
  ✘ hand_over_failed (QUEUE_FULL)
      Does it run?
  ! dial_failed for 3 min, since ${new Date(run.startedMs).toISOString().slice(11, 19)}Z, 12 times  address=/a detail="it\\u001b[2J"
      Tried again.
  · 00:00:01Z outvoted  epochId=3`,
    )
  })

  test.each([
    ['anchor', { age: 60, pace: 60 }, '60 s old, with a block every 60 s'],
    ['anchor', { age: 299, pace: 60 }, '5 min old, with a block every 60 s'],
    ['anchor', { age: 301, pace: 60 }, '5 min old: late, with a block every 60 s'],
    ['anchor', { age: 121, pace: 2 }, '2 min old: late, with a block every 2 s'],
    ['anchor', { age: 121 }, '2 min old: late'],
    ['source', { age: 60, looked: 57, pace: 2 }, '3 s old when it was looked at 57 s ago, with a block every 2 s'],
    // It may be read deep below its head, and nobody has looked since the last epoch.
    ['source', { age: 4_000, looked: 3_000, pace: 2 }, '17 min old when it was looked at 50 min ago, with a block every 2 s'],
  ] as const)('of the %s chain %j is %s', (chain, { age, pace, looked }: { age: number; pace?: number; looked?: number }, words) => {
    const readings = [
      reading('weft_chain_head_block', 900, { chain }),
      reading('weft_chain_head_age_seconds', age, { chain }),
      ...(pace === undefined ? [] : [reading('weft_chain_block_seconds', pace, { chain })]),
      ...(looked === undefined ? [] : [reading('weft_chain_looked_seconds', looked, { chain })]),
    ]
    const [, line] = statusInWords({ name: 'mine', state: 'running', run, status: { ...status, readings } }).split('\n')
    expect(line).toBe(`  ${chain} chain head 900, ${words}`)
  })

  test('of an epoch that took longer than its window says so', () => {
    const readings = [reading('weft_snapshotter_window_used_ratio', 1.2, {})]
    const [, line] = statusInWords({ name: 'mine', state: 'running', run, status: { ...status, readings } }).split('\n')
    expect(line).toBe('  window       120 % of it used by the last epoch: late')
  })

  test('is coloured where it is to be, by what it means', () => {
    const paint = {
      good: (text: string) => `<good ${text}>`,
      doubtful: (text: string) => `<doubtful ${text}>`,
      bad: (text: string) => `<bad ${text}>`,
      quiet: (text: string) => `<quiet ${text}>`,
    }
    const lines = statusInWords({ name: 'mine', state: 'running', run, status }, paint).split('\n')
    expect(lines.filter((each) => each.includes('<')).map((each) => each.trim())).toEqual([
      'mine (snapshotter): <bad not ready>, process 7, up 3 min',
      '<bad ✘ hand_over_failed (QUEUE_FULL)>',
      expect.stringMatching(/^<doubtful ! dial_failed> for 3 min/),
      '<quiet   · 00:00:01Z outvoted  epochId=3>',
    ])
    expect(statusInWords({ name: 'mine', state: 'running', run, status: { ...status, isReady: true } }, paint)).toContain('<good ready>')
    expect(statusInWords({ name: 'mine', state: 'stopped' }, paint)).toBe('mine: <bad does not run>')
  })

  test('slots that fare alike are one line, whatever stands between them: the odd one is seen', () => {
    const slots = Array.from({ length: 100 }, (_, index) => ({
      slotId: (index + 1) as never,
      handedOver: index < 50 ? 30 : 28,
      included: index === 41 ? 0 : 28,
      outvoted: 0,
      leftOut: index === 41 ? 28 : 0,
    }))
    const lines = statusInWords({ name: 'mine', state: 'running', run, status: { ...status, slots } }).split('\n')
    expect(lines.filter((line) => line.includes('left out'))).toEqual([
      '  slots        1-41, 43-100, each: nothing submitted yet; 28 to 30 handed over, 28 included, 0 outvoted, 0 left out',
      '               42: nothing submitted yet; 30 handed over, 0 included, 0 outvoted, 28 left out',
    ])
  })

  test.each<[HomeStatus, string]>([
    [{ name: 'relay', state: 'stopped' }, 'relay: does not run'],
    [{ name: 'relay', state: 'killed', run }, 'relay (snapshotter): does not run: its process ended without stopping it'],
    [{ name: 'relay', state: 'unasked', run }, 'relay (snapshotter): runs, and its health routes are off: --health-listen'],
    [{ name: 'relay', state: 'mute', run, detail: 'a\nb' }, 'relay (snapshotter): runs, and does not answer: a'],
  ])('%j', (home, words) => {
    expect(statusInWords(home)).toContain(words)
    expect(statusInWords(home)).not.toContain('\n')
  })
})

describe('a role that does not run for a reason of its own', () => {
  const startedMs = Date.UTC(2026, 0, 2, 3, 4, 5)
  const run = { role: 'relay', processId: 7, startedMs, version: '0.1.0' }
  const failed = { atMs: startedMs + 60_000, why: 'STORE_NEWER' }

  test('says which start failed, by its day and process', () => {
    expect(
      statusInWords({ name: 'relay', state: 'failed', run: { ...run, failed: { ...failed, isStart: true } }, detail: 'STORE_NEWER' }),
    ).toBe('relay: does not run: its last start, of 2026-01-02 03:04:05Z (process 7, Weft 0.1.0), failed: STORE_NEWER')
  })

  test('says when it ended, and since when it had run', () => {
    expect(statusInWords({ name: 'relay', state: 'failed', run: { ...run, failed }, detail: 'STORE_FULL' })).toBe(
      'relay: does not run: it ended by itself at 2026-01-02 03:05:05Z, after the start of 2026-01-02 03:04:05Z (process 7, Weft 0.1.0): STORE_FULL',
    )
  })
})

test('the command says what it finds, in words or as JSON, and ends with 1 when a role does not run', async () => {
  writeFileSync(join(folder, 'state.sqlite'), '')
  const words = await weft({}, 'status', '--data-dir', folder)
  expect([words.exitCode, words.out]).toEqual([1, expect.stringContaining('does not run\n')])
  const { out, exitCode } = await weft({ WEFT_DATA_DIR: folder }, 'status', '--json')
  expect([exitCode, JSON.parse(out)]).toMatchObject([1, { dataDir: folder, isWell: false, roles: [{ state: 'stopped' }] }])
  const none = await weft({}, 'status', '--data-dir', join(folder, 'nowhere'))
  expect(none.err).toContain('DATA_DIR_EMPTY')
})
