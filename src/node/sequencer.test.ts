import { expect, test } from 'vitest'
import { tellRefusals } from './sequencer.ts'

test('what was refused unread is told when there is more of it, and is no word in a healthy epoch', () => {
  let counts: Readonly<Record<string, number>> = {}
  const told: unknown[] = []
  const tell = tellRefusals({ counts: () => counts }, { report: (event, facts) => told.push([event, facts]) })
  tell()
  expect(told).toEqual([])
  counts = { frame_malformed: 1 }
  tell()
  tell()
  expect(told).toEqual([['frames_refused', { frame_malformed: 1 }]])
  counts = { frame_malformed: 2 }
  tell()
  expect(told.slice(1)).toEqual([['frames_refused', { frame_malformed: 2 }]])
})
