import { afterEach, beforeEach, expect, test } from 'vitest'
import { UNREADY_REASONS, type UnreadyReason } from '#domain/reasons.ts'
import { createNotes, type Notes } from './notes.ts'
import type { Unready } from './role.ts'
import { tellUnready } from './tell-unready.ts'

let reasons: readonly Unready[]
let told: [string, Readonly<Record<string, unknown>>][]
let notes: Notes
let telling: ReturnType<typeof tellUnready>
beforeEach(() => {
  reasons = []
  told = []
  notes = createNotes(() => 1_000_000)
  telling = tellUnready({
    unready: () => reasons,
    report(event, facts) {
      told.push([event, facts])
      notes.event(event, facts)
    },
  })
})
afterEach(() => telling.stop())

/** So many seconds with these reasons, looked at every five. */
function pass(seconds: number, ...given: Unready[]): void {
  reasons = given
  for (let second = 0; second < seconds; second += 5) telling.look()
}
const words = () => told.map(([event, { reason, detail }]) => [event, reason, detail].filter((word) => word !== undefined).join(' '))

test('a slot that is lost, or a clock that is off, is said once when it lasts, with what to do, and once when it is over', () => {
  const lost = { reason: 'slots_lost', detail: '3: 1 of 3' } as const
  pass(25, lost)
  expect(told).toEqual([])
  pass(3_600, lost, { reason: 'clock_behind' })
  expect(told).toEqual([
    ['unready', { reason: 'slots_lost', detail: '3: 1 of 3', help: UNREADY_REASONS.slots_lost }],
    ['unready', { reason: 'clock_behind', help: UNREADY_REASONS.clock_behind }],
  ])
  pass(3_600, lost)
  pass(60)
  expect(words().slice(2)).toEqual(['unready_over clock_behind', 'unready_over slots_lost'])
  expect(notes.troubles.now()).toEqual([])
})

test('what comes for a moment is not said, and what comes and goes is one', () => {
  for (let round = 0; round < 20; round += 1) {
    pass(20, { reason: 'unlinked' })
    pass(5)
  }
  expect(told).toEqual([])
  pass(40, { reason: 'unlinked' })
  for (let round = 0; round < 20; round += 1) {
    pass(25)
    pass(5, { reason: 'unlinked' })
  }
  expect(words()).toEqual(['unready unlinked'])
  pass(40)
  expect(words()).toEqual(['unready unlinked', 'unready_over unlinked'])
})

test('one more slot is another loss; another code of the same failure is not', () => {
  pass(60, { reason: 'slots_lost', detail: '3: 1 of 3' }, { reason: 'hand_over_failed', detail: 'QUEUE_FULL' })
  pass(60, { reason: 'slots_lost', detail: '3-4: 2 of 3' }, { reason: 'hand_over_failed', detail: 'COLLECTOR_TIMEOUT' })
  expect(words()).toEqual(['unready slots_lost 3: 1 of 3', 'unready hand_over_failed QUEUE_FULL', 'unready slots_lost 3-4: 2 of 3'])
})

test('a start says nothing, nor does what an event of its own tells', () => {
  for (const reason of ['starting', 'not_appointed', 'twin_found', 'store_full', 'restored', 'ended'] as const) pass(600, { reason })
  pass(500, { reason: 'unproven' })
  expect(told).toEqual([])
  pass(200, { reason: 'unproven' })
  expect(words()).toEqual(['unready unproven'])
})

test('every reason that a role may have is said, or told by an event of its own', () => {
  for (const reason of Object.keys(UNREADY_REASONS) as UnreadyReason[]) pass(700, { reason })
  const silent = Object.keys(UNREADY_REASONS).filter((reason) => !told.some(([, facts]) => facts['reason'] === reason))
  expect(silent.sort()).toEqual(
    ['starting', 'ended', 'not_appointed', 'account_stuck', 'rules_unknown', 'store_full', 'restored', 'signer_failed']
      .concat('twin_listening', 'twin_found', 'index_behind')
      .sort(),
  )
})
