import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Reporter, TestCase, TestModule } from 'vitest/node'
import { createPatience, limitsOf } from './patience.ts'

const SILENCE_MAX_MS = 10_000
const RUN_MAX_MS = 60_000

let said: string
let givenUp: number
let patience: Required<Reporter>
beforeEach(() => {
  vi.useFakeTimers()
  said = ''
  givenUp = 0
  patience = createPatience(
    { silenceMaxMs: () => SILENCE_MAX_MS, runMaxMs: RUN_MAX_MS, checkEveryMs: 1_000 },
    {
      nowMs: () => Date.now(),
      say: (text) => {
        said += text
      },
      giveUp: () => {
        givenUp += 1
      },
    },
  ) as Required<Reporter>
  void patience.onTestRunStart([])
})
afterEach(() => {
  void patience.onTestRunEnd([], [], 'passed')
  vi.useRealTimers()
})

const moduleAt = (path: string) => ({ type: 'module', relativeModuleId: path }) as TestModule
const [slow, quick] = ['src/slow.test.ts', 'src/quick.test.ts'].map(moduleAt) as [TestModule, TestModule]
const testIn = (module: TestModule, fullName: string) => ({ type: 'test', module, fullName }) as TestCase

describe('a run', () => {
  test('is given up when nothing is heard of a test file, and told which and since when', () => {
    void patience.onTestModuleStart(slow)
    void patience.onTestModuleStart(quick)
    void patience.onTestModuleEnd(quick)
    void patience.onTestCaseReady(testIn(slow, 'a sequencer > never ends'))
    vi.advanceTimersByTime(SILENCE_MAX_MS)
    expect([said, givenUp]).toEqual(['', 0])
    vi.advanceTimersByTime(1_000)
    expect(said).toBe(
      "weft: given up, for a test file hangs. Under way:\n  src/slow.test.ts: nothing heard for 11 s, since 'a sequencer > never ends' began\n",
    )
    vi.advanceTimersByTime(RUN_MAX_MS)
    expect(givenUp).toBe(1)
  })

  test('goes on while something is heard', () => {
    void patience.onTestModuleQueued(slow)
    for (const hear of [
      () => patience.onTestModuleStart(slow),
      () => patience.onHookStart({ name: 'beforeAll', entity: slow }),
      () => patience.onHookEnd({ name: 'beforeAll', entity: slow }),
      () => patience.onTestCaseReady(testIn(slow, 'a test')),
      () => patience.onTestCaseResult(testIn(slow, 'a test')),
    ]) {
      vi.advanceTimersByTime(SILENCE_MAX_MS - 1)
      void hear()
    }
    expect(givenUp).toBe(0)
    vi.advanceTimersByTime(SILENCE_MAX_MS + 1_000)
    expect(givenUp).toBe(1)
  })

  test('does not wait for a file that has ended, though a word of it comes late', () => {
    void patience.onTestModuleStart(quick)
    void patience.onTestModuleEnd(quick)
    void patience.onTestCaseResult(testIn(quick, 'a test'))
    vi.advanceTimersByTime(SILENCE_MAX_MS + 2_000)
    expect([said, givenUp]).toEqual(['', 0])
    void patience.onTestRunStart([])
    void patience.onTestModuleStart(quick)
    vi.advanceTimersByTime(SILENCE_MAX_MS + 2_000)
    expect(givenUp).toBe(1)
  })

  test('is given up when it takes too long, whatever is heard, and told what is under way', () => {
    for (let seconds = 0; seconds <= RUN_MAX_MS / 1_000; seconds += 1) {
      void patience.onTestCaseReady(testIn(slow, `test ${seconds}`))
      vi.advanceTimersByTime(1_000)
    }
    expect(givenUp).toBe(1)
    expect(said).toMatch(
      /the run takes longer than 60 s\. Under way:\n {2}src\/slow\.test\.ts: nothing heard for 1 s, since 'test 60' began/,
    )
  })

  test('that has ended is left alone', () => {
    void patience.onTestModuleStart(slow)
    void patience.onTestRunEnd([], [], 'passed')
    vi.advanceTimersByTime(10 * RUN_MAX_MS)
    expect(givenUp).toBe(0)
  })
})

test('tests that run a compiler may be silent for as long as it may take', () => {
  const { silenceMaxMs, runMaxMs } = limitsOf({})
  expect(silenceMaxMs('test/contracts/forge.test.ts')).toBeGreaterThan(600_000)
  expect(silenceMaxMs('src/domain/tally.test.ts')).toBeLessThan(runMaxMs)
})

test.each([{ SIM_RUNS: '500' }, { SIM_FIND: 'all' }])('who explores with %o may take any time, but not in silence', (environment) => {
  const { silenceMaxMs, runMaxMs } = limitsOf(environment)
  expect(runMaxMs).toBe(Number.POSITIVE_INFINITY)
  expect(silenceMaxMs('test/sim/sim.test.ts')).toBe(limitsOf({}).silenceMaxMs('test/sim/sim.test.ts'))
})
