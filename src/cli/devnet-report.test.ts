import { expect, test } from 'vitest'
import { emptySummary } from '#devnet/observer.ts'
import type { EpochLine } from '#devnet/report.ts'
import type { ProjectId } from '#domain/ids.ts'
import type { ProjectReason } from '#domain/project.ts'
import { humanReport, jsonReport } from './devnet-report.ts'

const line: EpochLine = {
  epochId: 1,
  releasedAt: 0,
  accepted: 114,
  rejected: 0,
  projects: 19,
  finalized: 19,
  missed: [],
  refuted: 0,
  disputed: 0,
  batches: 2,
  attestations: 3,
  outvotedSlots: 1,
  releasedToFinalizedMs: 9_000,
}

/** What it writes of one epoch under way, and then final. */
function written(terminal: { isTTY: boolean; columns: number }, term?: string): string[] {
  const pieces: string[] = []
  const write = (text: string | Uint8Array): boolean => pieces.push(String(text)) > 0
  const report = humanReport({ ...terminal, write }, term)
  report.live(line)
  report.epoch(line)
  return pieces
}
const CLEAR = '\r\u001b[2K'

test.each([40, 80, 200])('the epoch under way never wraps on a terminal of %i columns', (columns) => {
  const [live, final] = written({ isTTY: true, columns }) as [string, string]
  expect(live.startsWith(CLEAR)).toBe(true)
  expect(live.length - CLEAR.length).toBeLessThan(columns)
  expect(final).toContain('9000 ms\n')
})

test('the table fits a terminal of 80 columns, its headings above what they name', () => {
  const pieces: string[] = []
  const write = (text: string | Uint8Array): boolean => pieces.push(String(text)) > 0
  const report = humanReport({ isTTY: false, columns: 80, write }, undefined)
  report.ready([{ name: 'anchor chain', where: 'http://127.0.0.1:1' }])
  report.epoch({ ...line, epochId: 99_999, accepted: 10_000, rejected: 10_000, batches: 100, releasedToFinalizedMs: 99_999 })
  const [headings, row] = pieces.slice(-2).map((piece) => piece.replaceAll('\n', '')) as [string, string]
  expect([headings, row].filter(({ length }) => length > 80)).toEqual([])
  expect(headings.length).toBe(row.length)
})

test('a compute that failed stands below its epoch, with file and line', () => {
  const pieces: string[] = []
  const write = (text: string | Uint8Array): boolean => pieces.push(String(text)) > 0
  const missed = [{ projectId: 'a:N' as ProjectId, reason: 'compute_failed' as const, detail: 'compute.ts:12: no luck' }]
  humanReport({ isTTY: false, columns: 80, write }, undefined).epoch({ ...line, missed })
  expect(pieces.at(-1)).toBe('       missed a:N: compute_failed: compute.ts:12: no luck\n')
})

test('what is to be pasted is not broken: where it does not fit it begins its line, each address its own', () => {
  const pieces: string[] = []
  const write = (text: string | Uint8Array): boolean => pieces.push(String(text)) > 0
  const long = `/ip4/127.0.0.1/tcp/40000/p2p/${'12D3KooW'.repeat(7)}`
  humanReport({ isTTY: false, columns: 80, write }, undefined).ready([
    { name: 'collector-relayed grpc', where: ['127.0.0.1:1', '127.0.0.1:2'] },
    { name: 'relay p2p', where: [long] },
  ])
  const indent = ' '.repeat(26)
  expect(pieces.join('').split('\n').slice(0, 4)).toEqual([
    '  collector-relayed grpc  127.0.0.1:1',
    `${indent}127.0.0.1:2`,
    '  relay p2p',
    long,
  ])
})

test('a summary counts finalized epochs, and says what it leaves out', () => {
  const pieces: string[] = []
  const write = (text: string | Uint8Array): boolean => pieces.push(String(text)) > 0
  humanReport({ isTTY: false, columns: 80, write }, undefined).summary({ ...emptySummary(0), underWay: { epochs: 2, accepted: 114 } })
  const words = pieces.join('').replace(/\s+/g, ' ')
  expect(words).toContain('0 epochs finalized: 0 submissions accepted')
  expect(words).toContain('not counted: 2 epochs under way at the stop, with 114 submissions accepted so far')
  expect(
    pieces
      .join('')
      .split('\n')
      .filter(({ length }) => length > 80),
  ).toEqual([])
})

test('an epoch that is not finalized, and a machine that is too slow, are told when they show, within 80 columns; in JSON beside the lines', () => {
  const pieces: string[] = []
  const write = (text: string | Uint8Array): boolean => pieces.push(String(text)) > 0
  const human = humanReport({ isTTY: false, columns: 80, write }, undefined)
  human.unfinished({ epochId: 4, reason: 'no_submissions' })
  human.advice('too slow '.repeat(20))
  expect(pieces[0]).toBe('epoch 4 was not finalized: no_submissions\n')
  expect(pieces[1]?.split('\n').filter(({ length }) => length > 80)).toEqual([])
  const said: string[] = []
  const json = jsonReport({ stdout: { write }, stderr: { write: (text: string) => said.push(text) > 0 } } as never)
  pieces.length = 0
  json.unfinished({ epochId: 4, reason: 'no_submissions' })
  json.advice('too slow')
  expect([pieces, said]).toEqual([[], ['epoch 4 was not finalized: no_submissions\n', 'too slow\n']])
})

test.each([
  ['a file', { isTTY: false, columns: 80 }, 'xterm'],
  ['a dumb terminal', { isTTY: true, columns: 80 }, 'dumb'],
])('%s gets final epochs only, and nothing to steer a terminal with', (_, terminal, term) => {
  const pieces = written(terminal, term)
  expect(pieces).toHaveLength(1)
  expect(pieces[0]).not.toContain('\u001b')
})

test('projects that an epoch missed stand below it, those that share a reason in one line, a few by name; in JSON all of them', () => {
  const named = (count: number, why: { readonly reason: ProjectReason; readonly detail?: string }) =>
    Array.from({ length: count }, (_, index) => ({ projectId: `${why.reason}${index}:T` as ProjectId, ...why }))
  const missed = [...named(7, { reason: 'no_votes' }), ...named(2, { reason: 'preload_failed', detail: 'price: HTTP 500' })]
  const shown = (some: typeof missed): string[] => {
    const pieces: string[] = []
    const write = (text: string | Uint8Array): boolean => pieces.push(String(text)) > 0
    humanReport({ isTTY: false, columns: 80, write }, undefined).epoch({ ...line, finalized: 12, missed: some })
    return pieces
      .join('')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((each) => each.trim())
  }
  expect(shown(missed)).toEqual([
    'missed no_votes0:T, no_votes1:T, no_votes2:T and 4 more: no_votes',
    'missed preload_failed0:T, preload_failed1:T: preload_failed: price: HTTP 500',
    '--json lists them all',
  ])
  const each = Array.from({ length: 7 }, (_, index) => ({ ...(missed[0] as (typeof missed)[0]), detail: String(index) }))
  expect(shown(each).slice(5)).toEqual(['and 2 more, for other reasons', '--json lists them all'])
  expect(shown(missed.slice(7))).toHaveLength(1)
  const pieces: string[] = []
  const write = (text: string | Uint8Array): boolean => pieces.push(String(text)) > 0
  jsonReport({ stdout: { write }, stderr: { write } } as never).epoch({ ...line, missed })
  expect(JSON.parse(pieces[0] as string)).toMatchObject({ missed })
})

test('what was refuted stands below its epoch, what is disputed beside it while it goes, and each step of a fault on its own', () => {
  const pieces: string[] = []
  const write = (text: string | Uint8Array): boolean => pieces.push(String(text)) > 0
  const report = humanReport({ isTTY: true, columns: 100, write }, undefined)
  report.live({ ...line, disputed: 10 })
  report.epoch({ ...line, refuted: 1 })
  report.fault({ fault: 'lying-sequencer', epochId: 2, step: 'disputed', detail: 'a majority refuted it' })
  const [live, , refuted, fault] = pieces.map((piece) => piece.replace(CLEAR, ''))
  expect(live).toContain('  10 disputed')
  expect([refuted, fault]).toEqual([
    '       refuted by a majority and corrected: 1 batch\n',
    '       epoch 2 disputed: a majority refuted it\n',
  ])
})
