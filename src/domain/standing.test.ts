import { expect, test } from 'vitest'
import type { ReceiptCode } from './rejection.ts'
import { createStandings, type Sender } from './standing.ts'

const A: Sender = { peer: 'a', address: '203.0.113.7' }
const NEIGHBOUR: Sender = { peer: 'b', address: '203.0.113.7' }
const ELSEWHERE: Sender = { peer: 'c', address: '198.51.100.1' }
const NEW = { lane: 'other', factor: 1, weight: 1 }

function open() {
  let nowMs = 0
  const standings = createStandings(() => nowMs)
  return {
    of: standings.of,
    note(sender: Sender, code: ReceiptCode, times = 1) {
      for (let time = 0; time < times; time += 1) standings.note(sender, code)
    },
    pass(durationMs: number) {
      nowMs += durationMs
    },
  }
}

test('G11: one accepted vote makes a peer known, many give it more turns, within bounds', () => {
  const { of, note } = open()
  expect(of(A)).toEqual(NEW)
  note(A, 'accepted')
  expect(of(A)).toEqual({ lane: 'known', factor: 1, weight: 1 })
  note(A, 'accepted', 1_000)
  expect(of(A)).toEqual({ lane: 'known', factor: 1, weight: 5 })
  expect(of(NEIGHBOUR)).toEqual(NEW)
})

test.each<ReceiptCode>([
  'duplicate',
  'simulated',
  'window_closed',
  'inbox_full',
  'rate_limited',
  'epoch_unknown',
  'quota_exceeded',
  'vote_conflict',
])('G11: %s says nothing of the peer: anybody can repeat what another signed, or come too late', (code) => {
  const { of, note } = open()
  note(A, code, 10)
  expect(of(A)).toEqual(NEW)
})

test.each<ReceiptCode>(['signer_mismatch', 'signature_malformed', 'submission_malformed', 'frame_malformed', 'market_unknown'])(
  'G11: each %s doubles what the next costs the peer, up to 4,096 times, and its address, up to 64 times; elsewhere nothing changes',
  (code) => {
    const { of, note } = open()
    const factors = Array.from({ length: 14 }, () => {
      note(A, code)
      return of(A).factor
    })
    expect(factors).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 4_096, 4_096])
    expect([of(NEIGHBOUR).factor, of(ELSEWHERE)]).toEqual([64, NEW])
    expect(of({ peer: 'a', address: undefined }).factor).toBe(4_096)
    expect(of({ peer: 'b', address: undefined }).factor).toBe(1)
  },
)

test('S35, G11: the turns of an address are as many fewer as it has failed itself, up to 64 times, whoever there has failed more; one without has its own', () => {
  const { of, note } = open()
  note(A, 'signer_mismatch', 12)
  expect([of(A), of(NEIGHBOUR)]).toEqual([
    { lane: 'other', factor: 4_096, weight: 1 / 64 },
    { lane: 'other', factor: 64, weight: 1 / 64 },
  ])
  expect(of({ peer: 'a', address: undefined })).toEqual({ lane: 'other', factor: 4_096, weight: 1 / 4_096 })
})

test('it is forgiven, a doubling every five seconds', () => {
  const { of, note, pass } = open()
  note(A, 'signer_mismatch', 6)
  const factors = Array.from({ length: 8 }, () => {
    pass(5_000)
    return of(A).factor
  })
  expect(factors).toEqual([32, 16, 8, 4, 2, 1, 1, 1])
})

test('G11: a known peer survives a few failures, and its neighbours survive it; one that fails more often than every fifth time is known no more', () => {
  const { of, note } = open()
  note(A, 'accepted', 5)
  note(A, 'signer_mismatch')
  expect([of(A).lane, of(NEIGHBOUR)]).toEqual(['known', NEW])
  note(A, 'signer_mismatch')
  expect([of(A), of(NEIGHBOUR)]).toEqual([
    { lane: 'other', factor: 2, weight: 1 / 2 },
    { lane: 'other', factor: 2, weight: 1 / 2 },
  ])
  note(ELSEWHERE, 'accepted', 10_000)
  note(ELSEWHERE, 'signer_mismatch', 16)
  expect(of(ELSEWHERE).lane).toBe('other')
})

test('G11: a neighbour of those that fail is known for its own votes', () => {
  const { of, note } = open()
  note(A, 'signer_mismatch', 8)
  note(NEIGHBOUR, 'accepted')
  expect(of(NEIGHBOUR)).toEqual({ lane: 'known', factor: 1, weight: 1 })
})

test('G7: peers without a vote push nobody out who has one', () => {
  const { of, note } = open()
  note(ELSEWHERE, 'accepted')
  for (let peer = 0; peer < 25_000; peer += 1) note({ peer: `peer ${peer}`, address: `block ${peer}` }, 'signer_mismatch')
  expect(of(ELSEWHERE).lane).toBe('known')
  expect(of({ peer: 'peer 0', address: undefined }).factor).toBe(1)
  expect(of({ peer: 'peer 24999', address: undefined }).factor).toBe(2)
})
