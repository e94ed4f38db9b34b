import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import { REJECTIONS } from '#domain/rejection.ts'
import { createRefusals } from './refusals.ts'
import type { AskIntake, Intake } from './served.ts'

/** Of sequencers that are asked, over an index that has epochs 1 to 30. */

const epochs = async ({ limit }: { limit: number }) => Array.from({ length: limit }, (_, back) => ({ epochId: (30 - back) as EpochId }))
const index = { epochs } as never

function sequencerOf(said: (epochId: number) => Intake | undefined) {
  const asked: number[] = []
  const ask: AskIntake = async (epochId) => {
    asked.push(epochId)
    return said(epochId)
  }
  return { ask, asked }
}
const CLOSED = REJECTIONS.window_closed.help
const taken = (accepted: number, refused: Intake['refused'] = {}, isClosed = true): Intake => ({ accepted, refused, isClosed })

test('what several refused is added up by epoch and code, the most frequent first', async () => {
  const one = sequencerOf((epochId) => (epochId === 30 ? taken(7, { window_closed: 1, new_code: 2 }) : undefined))
  const other = sequencerOf((epochId) => (epochId >= 29 ? taken(5, { window_closed: 4 }) : undefined))
  expect(await createRefusals({ index, sequencers: [one.ask, other.ask] })()).toEqual({
    sequencers: 2,
    answered: 2,
    items: [
      {
        epochId: 30,
        accepted: 12,
        refused: [
          { code: 'window_closed', count: 5, help: CLOSED },
          { code: 'new_code', count: 2 },
        ],
      },
      { epochId: 29, accepted: 5, refused: [{ code: 'window_closed', count: 4, help: CLOSED }] },
    ],
  })
})

test('an epoch whose window is over is asked of once', async () => {
  const { ask, asked } = sequencerOf((epochId) => taken(1, {}, epochId < 29))
  const refusals = createRefusals({ index, sequencers: [ask] })
  await refusals()
  const before = asked.splice(0)
  expect(before).toHaveLength(20)
  expect((await refusals()).items).toHaveLength(20)
  expect(asked).toEqual([30, 29])
})

test('one that does not answer is not asked further, and hides nothing of the others', async () => {
  const silent = sequencerOf(() => {
    throw new WeftError('LINK_FAILED', { address: 'http://silent', detail: 'timed out' })
  })
  const other = sequencerOf((epochId) => (epochId === 30 ? taken(5) : undefined))
  expect(await createRefusals({ index, sequencers: [silent.ask, other.ask] })()).toEqual({
    sequencers: 2,
    answered: 1,
    items: [{ epochId: 30, accepted: 5, refused: [] }],
  })
  expect(silent.asked).toEqual([30])
})

test('without any nothing is known, and that is said', async () => {
  expect(await createRefusals({ index, sequencers: [] })()).toEqual({ sequencers: 0, answered: 0, items: [] })
})
