import { expect, test } from 'vitest'
import type { WeftError } from '#domain/errors.ts'
import { match } from '#io/http/match.ts'
import { Answer, type Asking } from '#io/http/port.ts'
import { createServe } from './serve.ts'
import { A, told, type World } from './serve.test-world.ts'

const ASKING: Asking = { caller: 'a test', breathe: async () => undefined, spend: () => undefined, header: () => undefined }
const never = new Promise<never>(() => undefined)

/** An api whose chain takes every question and answers none, once it is told to. */
async function silenced() {
  const world = await told()
  let isSilent = false
  let asked = 0
  const unlessSilent =
    <Args extends unknown[], Value>(ask: (...args: Args) => Promise<Value>) =>
    async (...args: Args): Promise<Value> => {
      asked += 1
      return isSilent ? never : ask(...args)
    }
  const { chain, proofOf } = world.deps
  const deps: World['deps'] = {
    ...world.deps,
    chain: {
      ...chain,
      head: unlessSilent(chain.head),
      market: unlessSilent(chain.market),
      slots: unlessSilent(chain.slots),
      slotDay: unlessSilent(chain.slotDay),
      epochInfo: unlessSilent(chain.epochInfo),
    },
    proofOf: unlessSilent(proofOf),
  }
  const { routes } = createServe(deps)
  async function ask(path: string, caller = 'a test'): Promise<unknown> {
    const found = match(routes, { method: 'GET', path }) ?? expect.fail(path)
    const answer = await (async () => found.route.answer(found.values, { ...ASKING, caller }))()
    return answer instanceof Answer && 'json' in answer.body ? answer.body.json : answer
  }
  return {
    ask,
    clock: world.clock,
    asked: () => asked,
    silence() {
      isSilent = true
    },
  }
}

test('A12: where the chain takes questions and answers none, what the index knows is told after a moment', async () => {
  const { ask, clock, silence } = await silenced()
  silence()
  const absent = ask(`/v1/projects/${A}/epochs/99`)
  const slots = ask('/v1/slots').catch((failure: WeftError) => failure.code)
  await clock.advance(3_000)
  expect(await absent).toMatchObject({ status: 'absent', reason: { code: 'epoch_not_released' } })
  expect(await slots).toBe('CHAIN_UNREACHABLE')
})

test('A12: once so many wait for such a chain, one more is answered at once, and asks nothing', async () => {
  const { ask, clock, asked, silence } = await silenced()
  silence()
  const waiting = Array.from({ length: 64 }, () => ask(`/v1/projects/${A}/epochs/99`))
  await clock.advance(0)
  const before = asked()
  expect(await ask(`/v1/projects/${A}/epochs/98`)).toMatchObject({ status: 'absent' })
  expect(asked()).toBe(before)
  await clock.advance(3_000)
  await Promise.all(waiting)
})

test('A12: proofs that do not come keep nobody longer than they may take, and no more than a few at once', async () => {
  const { ask, clock, silence } = await silenced()
  expect(await ask(`/v1/proofs/${A}/1`)).toEqual({ proofOf: [A, 1] })
  silence()
  const codeOf = (caller: string) => ask(`/v1/proofs/${A}/1`, caller).catch((failure: WeftError) => failure.code)
  const waiting = Array.from({ length: 16 }, (_, place) => codeOf(`test ${place}`))
  await clock.advance(0)
  expect(await codeOf('a test')).toBe('CHAIN_UNREACHABLE')
  await clock.advance(15_000)
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['CHAIN_UNREACHABLE']))
})

test('A12: nobody has all the proofs that are made at once', async () => {
  const { ask, clock, silence } = await silenced()
  silence()
  const codeOf = (caller: string) => ask(`/v1/proofs/${A}/1`, caller).catch((failure: WeftError) => failure.code)
  const greedy = Array.from({ length: 16 }, () => codeOf('greedy'))
  await clock.advance(0)
  const other = codeOf('a test')
  await clock.advance(15_000)
  expect(await other).toBe('CHAIN_UNREACHABLE')
  expect((await Promise.all(greedy)).filter((code) => code === 'QUEUE_FULL')).toHaveLength(12)
})
