import { expect, test } from 'vitest'
import { METRICS, type MetricRow, reading, readingsBy } from './metrics.ts'
import { createRecorder, inTableOrder } from './recorder.ts'

test('counts add up and measures replace each other, by their labels', () => {
  const recorder = createRecorder()
  recorder.add('weft_sequencer_votes_total', { vote: 'won' }, 5)
  recorder.add('weft_sequencer_votes_total', { vote: 'won' })
  recorder.add('weft_sequencer_votes_total', { vote: 'dissent' }, 0)
  recorder.set('weft_snapshotter_epoch_seconds', {}, 4)
  recorder.set('weft_snapshotter_epoch_seconds', {}, 3.5)
  expect(recorder.read()).toEqual([
    { metric: 'weft_sequencer_votes_total', labels: { vote: 'won' }, value: 6 },
    { metric: 'weft_sequencer_votes_total', labels: { vote: 'dissent' }, value: 0 },
    { metric: 'weft_snapshotter_epoch_seconds', labels: {}, value: 3.5 },
  ])
})

test('whoever chooses labels cannot fill the memory: beyond a limit they are counted together', () => {
  const recorder = createRecorder()
  for (let count = 0; count < 2_000; count += 1)
    recorder.add('weft_rpc_requests_total', { chain: 'anchor', endpoint: `${'x'.repeat(300)}${count}`, outcome: `${count}` })
  const series = recorder.read()
  expect(series).toHaveLength(501)
  expect(series.reduce((sum, { value }) => sum + value, 0)).toBe(2_000)
  expect(series.at(-1)).toMatchObject({ labels: { chain: 'other', endpoint: 'other', outcome: 'other' }, value: 1_500 })
  expect(Math.max(...series.map(({ labels }) => labels['endpoint']?.length ?? 0))).toBe(120)
})

test('a count under several names is a reading for each', () => {
  expect(readingsBy('weft_releases_total', { done: 2, refused: 0 }, (outcome) => ({ outcome }))).toEqual([
    reading('weft_releases_total', 2, { outcome: 'done' }),
    reading('weft_releases_total', 0, { outcome: 'refused' }),
  ])
})

test('readings come in the order of the table, those of a metric together', () => {
  const readings = [
    reading('weft_api_leading', 1, {}),
    reading('weft_unready', 1, { reason: 'a' }),
    reading('weft_ready', 0, {}),
    reading('weft_unready', 1, { reason: 'b' }),
  ]
  expect(inTableOrder(readings).map(({ metric, labels }) => `${metric}${labels['reason'] ?? ''}`)).toEqual([
    'weft_ready',
    'weft_unreadya',
    'weft_unreadyb',
    'weft_api_leading',
  ])
})

test('names are as Prometheus has them: what counts ends in _total and nothing else does, units are base units', () => {
  for (const [name, { kind, labels = [], help }] of Object.entries<MetricRow>(METRICS)) {
    expect(name).toMatch(/^(weft|process)_[a-z]+(_[a-z]+)*$/)
    expect(name.endsWith('_total'), name).toBe(kind === 'counter')
    expect(name).not.toMatch(/_(ms|milliseconds|kb|mb|gb|percent|minutes|count)(_|$)/)
    for (const label of labels) expect(label).toMatch(/^[a-z]+$/)
    expect(help).toMatch(/\.$/)
  }
})
