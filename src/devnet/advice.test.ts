import { expect, test } from 'vitest'
import { adviceAfter, advising } from './advice.ts'
import { emptySummary } from './observer.ts'
import type { DevnetReport, DevnetSummary, EpochLine } from './report.ts'

test('what came too late is told with the numbers of the machine', () => {
  expect(adviceAfter(emptySummary(0))).toBeUndefined()
  expect(
    adviceAfter({
      ...emptySummary(0),
      epochs: 3,
      missed: { not_submitted: 3, hand_over_failed: 1, no_votes: 1 },
      rejections: { window_closed: 7 },
    }),
  ).toMatch(/^too slow: of 3 epochs 4 projects got no submission in time, 7 submissions came late.* takes 6 s .* 5 s: this machine/)
})

test('epochs to which nobody submitted in time are told too, though none of them is finalized', () => {
  const reasons = ['no_submissions', 'attestations_missing']
  const unfinished = reasons.map((reason, index) => ({ epochId: index + 1, reason }))
  expect(adviceAfter({ ...emptySummary(0), unfinished })).toMatch(/^too slow: of 2 epochs 1 got no submission at all in time\. /)
  expect(adviceAfter({ ...emptySummary(0), unfinished: unfinished.slice(1) })).toBeUndefined()
})

test.each(['epoch', 'unfinished'] as const)('it is advised when it shows, once, below what shows it: %s', (kind) => {
  const told: string[] = []
  let summary: DevnetSummary = emptySummary(0)
  const report = {
    epoch: () => told.push('epoch'),
    unfinished: () => told.push('unfinished'),
    advice: () => told.push('advice'),
  } as unknown as DevnetReport
  const advised = advising(report, () => summary)
  const tell = () => (kind === 'epoch' ? advised.epoch({} as EpochLine) : advised.unfinished({ epochId: 1, reason: 'no_submissions' }))
  tell()
  expect(told).toEqual([kind])
  summary = { ...summary, rejections: { window_closed: 1 } }
  tell()
  tell()
  expect(told).toEqual([kind, kind, 'advice', kind])
})
