import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SubmissionRequest } from '#domain/submission.ts'
import type { Ballot } from '#roles/sequencer/intake/ballot.ts'
import { withUniqueIds } from './unique-ids.ts'

const replayFromEnv = process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }
const ballot = (slotId: number, submissionId: string) => ({ submissionId, submission: { request: { slotId } } }) as unknown as Ballot
/** As if each slot signed its number. */
const hasher = { digest: ({ slotId }: SubmissionRequest) => new Uint8Array(32).fill(slotId) }
const same = { digest: () => new Uint8Array(32).fill(0xff) }
const ids = async (ballots: readonly Ballot[], by = hasher) =>
  (await withUniqueIds(ballots, by, async () => undefined)).map(({ submissionId }) => submissionId as string)

describe('S3: of an id that several votes bear', () => {
  test('none keeps it: each gets a version 4 UUID made of what it signed; other ids stay', async () => {
    expect(await ids([ballot(1, 'a'), ballot(2, 'b'), ballot(3, 'a')])).toEqual([
      '01010101-0101-4101-8101-010101010101',
      'b',
      '03030303-0303-4303-8303-030303030303',
    ])
  })

  test('ids are unique then, and those that were before are as they were', async () => {
    const bearers = fc.array(fc.constantFrom('a', 'b', 'c', 'd', '01010101-0101-4101-8101-010101010101'), { minLength: 1, maxLength: 9 })
    await fc.assert(
      fc.asyncProperty(bearers, async (list) => {
        const cast = list.map((id, index) => ballot(index + 1, id))
        const given = await ids(cast)
        expect(new Set(given).size).toBe(cast.length)
        for (const [index, id] of list.entries()) if (list.indexOf(id) === list.lastIndexOf(id)) expect(given[index]).toBe(id)
      }),
      { numRuns: 200, ...replayFromEnv },
    )
  })

  test('no replacement is one that is taken, however many were foreseen', async () => {
    const foreseen = 'ffffffff-ffff-4fff-bfff-ffffffffffff'
    const given = await ids([ballot(1, 'a'), ballot(2, foreseen), ballot(3, 'a'), ballot(4, 'a')], same)
    expect(given[1]).toBe(foreseen)
    expect(new Set(given).size).toBe(4)
  })
})
