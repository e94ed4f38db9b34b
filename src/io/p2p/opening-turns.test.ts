import { expect, test } from 'vitest'
import { createOpeningTurns } from './opening-turns.ts'

/** `count`: how many have a turn of the event loop. */
function open(count: number) {
  const runs: (() => void)[] = []
  const turns = createOpeningTurns(count, (run) => void runs.push(run))
  const opened: string[] = []
  /** One that opens so many, one after the other. */
  function opener(name: string, owner: string, wanted: number): void {
    let left = wanted
    const asking = {
      owner,
      goOn() {
        while (left > 0 && turns.take(asking)) {
          left -= 1
          opened.push(name)
        }
      },
    }
    asking.goOn()
  }
  return {
    opener,
    /** What was opened since. */
    opened: () => opened.splice(0).join(' '),
    turn() {
      for (const run of runs.splice(0)) run()
    },
    runCount: () => runs.length,
  }
}

test('so many are opened in a turn, and the next in the next', () => {
  const { opener, opened, turn, runCount } = open(3)
  opener('a', 'there', 8)
  expect(opened()).toBe('a a a')
  turn()
  expect(opened()).toBe('a a a')
  turn()
  expect([opened(), runCount()]).toEqual(['a a', 1])
  turn()
  // Nobody waits: there is nothing to be done.
  expect([opened(), runCount()]).toEqual(['', 0])
})

test('G11: addresses take turns, and connections in those, whoever asks for how many', () => {
  const { opener, opened, turn } = open(4)
  for (const name of ['a', 'b', 'c']) opener(name, 'there', 100)
  expect(opened()).toBe('a a a a')
  opener('x', 'elsewhere', 2)
  turn()
  expect(opened()).toBe('a x b x')
  turn()
  expect(opened()).toBe('c a b c')
})

test('who comes while others wait goes behind them, though there is a turn left', () => {
  const { opener, opened, turn } = open(2)
  opener('a', 'there', 3)
  opener('b', 'elsewhere', 1)
  expect(opened()).toBe('a a')
  turn()
  expect(opened()).toBe('a b')
})

test('who is called and asks for nothing takes nobody’s turn but that one', () => {
  const runs: (() => void)[] = []
  const turns = createOpeningTurns(1, (run) => void runs.push(run))
  const gone = { owner: 'there', goOn: () => undefined }
  let count = 0
  const asking = {
    owner: 'there',
    goOn() {
      count += Number(turns.take(asking))
    },
  }
  expect([turns.take(gone), turns.take(gone), turns.take(asking)]).toEqual([true, false, false])
  runs.shift()?.()
  runs.shift()?.()
  expect(count).toBe(1)
})
