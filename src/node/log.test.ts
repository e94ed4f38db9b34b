import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { textLine } from '#domain/log-line.ts'
import { isTextLog, openLog, summarised } from './log.ts'

const noon = new Date(2026, 0, 2, 3, 4, 5)
const CODE = { code: 'CHAIN_UNREACHABLE', endpoint: 'http://a' }

describe('a line of the log', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'weft-log-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const written = (format: 'auto' | 'text' | 'json'): string[] => {
    const logTo = join(folder, `${format}.log`)
    const log = openLog({ role: 'relay', logTo, format })
    log.report('started', { p2p: ['/ip4/127.0.0.1/tcp/1'] })
    log.report('not_appointed', { account: '0x1' })
    log.report('link_silent', { address: '/a' })
    log.report('submission_rejected', { code: 'window_closed' })
    log.stop()
    return readFileSync(logTo, 'utf8').trimEnd().split('\n')
  }

  test.each(['auto', 'json'] as const)('is JSON with the level of its event (%s, in a file); one of many is not written', (format) => {
    expect(written(format).map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: 30, role: 'relay', msg: 'started', p2p: ['/ip4/127.0.0.1/tcp/1'] },
      { level: 50, msg: 'not_appointed', account: '0x1' },
      { level: 40, msg: 'link_silent', address: '/a' },
    ])
  })

  test.each([
    ['auto', undefined, true, true],
    ['auto', undefined, false, false],
    ['auto', 'a file', true, false],
    ['json', undefined, true, false],
    ['text', undefined, false, true],
    [undefined, undefined, true, true],
  ] as const)('is text on a terminal and JSON anywhere else, unless it is said otherwise: %s, %s, %s', (format, logTo, isTTY, isText) => {
    expect(isTextLog({ format, logTo }, { isTTY })).toBe(isText)
  })

  test.each(['json', 'text'] as const)('that finds no room on the disk ends nobody: %s', (format) => {
    const log = openLog({ role: 'relay', logTo: '/dev/full', format })
    for (let line = 0; line < 3; line += 1) log.report('started', {})
    log.stop()
  })

  test('is text where that is asked for', () => {
    expect(written('text').map((line) => line.slice('00:00:00 '.length))).toEqual([
      'info  relay       started p2p=["/ip4/127.0.0.1/tcp/1"]',
      'error relay       not_appointed account=0x1',
      'warn  relay       link_silent address=/a',
    ])
  })

  test('as text has the time of day, the level, the role, the event and its facts', () => {
    expect(textLine({ role: 'sequencer', event: 'epoch_sealed', facts: { epochId: 7, state: 'ended' }, at: noon })).toBe(
      '03:04:05 info  sequencer   epoch_sealed epochId=7 state=ended\n',
    )
    expect(textLine({ role: 'sequencer', event: 'stopped', facts: {}, at: noon })).toBe('03:04:05 info  sequencer   stopped\n')
  })

  test('as text leaves out what is empty', () => {
    const facts = { batchCid: 'bafk', reason: '', failures: 0 }
    expect(textLine({ role: 'validator', event: 'batch_attested', facts, at: noon })).toBe(
      '03:04:05 info  validator   batch_attested batchCid=bafk failures=0\n',
    )
  })

  test.each([
    ['a b', '"a b"'],
    ['a=b', '"a=b"'],
    ['\n\u001b[2K\u009b0m\u2028', String.raw`"\n\u001b[2K\u009b0m\u2028"`],
    [{ 'k\u009b': 1 }, String.raw`{"k\u009b":1}`],
    [undefined, ''],
    [true, 'true'],
  ])('as text holds no more than one line, whatever somebody else put into it: %j', (value, text) => {
    expect(textLine({ role: 'relay', event: 'failed', facts: { detail: value }, at: noon })).toBe(
      `${`03:04:05 error relay       failed detail=${text}`.trimEnd()}\n`,
    )
  })
})

describe('trouble that goes on', () => {
  const written: [string, unknown][] = []
  const open = () => summarised((event, facts) => void written.push([event, facts]))
  beforeEach(() => {
    vi.useFakeTimers()
    written.length = 0
  })
  afterEach(() => vi.useRealTimers())

  test('is told at once, then every ten seconds with the number of times, and is over after ten without', () => {
    const { report } = open()
    for (let second = 0; second < 25; second += 1) {
      for (const doing of ['first', 'second']) report('fetch_failed', { ...CODE, pauseMs: second, doing })
      vi.advanceTimersByTime(1_000)
    }
    vi.advanceTimersByTime(60_000)
    const ofFirst = written.filter(([, facts]) => (facts as { doing: string }).doing === 'first')
    expect(ofFirst.map(([, facts]) => facts)).toEqual([
      { ...CODE, doing: 'first', pauseMs: 0 },
      { ...CODE, doing: 'first', pauseMs: 9, times: 9 },
      { ...CODE, doing: 'first', pauseMs: 19, times: 10 },
      { ...CODE, doing: 'first', pauseMs: 24, times: 5 },
    ])
    report('fetch_failed', { ...CODE, doing: 'first' })
    expect(written.at(-1)).toEqual(['fetch_failed', { ...CODE, doing: 'first' }])
  })

  test('of another code, or from another place, is other trouble', () => {
    const { report } = open()
    report('will_try_again', CODE)
    report('will_try_again', { ...CODE, code: 'CHAIN_ANSWER_INVALID' })
    report('will_try_again', { ...CODE, endpoint: 'http://b' })
    report('dial_failed', { address: '/a' })
    report('dial_failed', { address: '/b' })
    report('copies_stay', { place: 'car:/a' })
    report('copies_stay', { place: 'car:/b' })
    expect(written).toHaveLength(7)
  })

  test('is counted to the end when the role stops', () => {
    const { report, stop } = open()
    for (let count = 0; count < 3; count += 1) report('dial_failed', { address: '/a' })
    stop()
    expect(written.map(([, facts]) => facts)).toEqual([{ address: '/a' }, { address: '/a', times: 2 }])
    vi.advanceTimersByTime(60_000)
    expect(written).toHaveLength(2)
  })

  test('of more kinds than are counted is told each time', () => {
    const { report } = open()
    for (let place = 0; place < 1_100; place += 1) report('dial_failed', { address: `/${place}` })
    report('dial_failed', { address: '/1099' })
    report('dial_failed', { address: '/1' })
    expect(written).toHaveLength(1_101)
  })

  test('does not hold back what happens once', () => {
    const { report } = open()
    for (const epochId of [1, 1]) report('epoch_sealed', { epochId })
    expect(written).toHaveLength(2)
  })
})
