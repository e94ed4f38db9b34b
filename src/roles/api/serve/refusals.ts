import { isWeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import { REJECTIONS, type Rejection } from '#domain/rejection.ts'
import type { ApiOutput } from '#wire/api.ts'
import type { AskIntake, Intake, ServeDeps } from './served.ts'

/** What sequencers refused in the newest epochs: only they know it, and however many ask here, each of them is asked little. */

/** Epochs that are told of, newest first. */
const EPOCHS = 20

type Known = Map<EpochId, Intake>

export function createRefusals({ index, sequencers }: Pick<ServeDeps, 'index' | 'sequencers'>) {
  /** By sequencer, what it said of epochs whose window is over: it is not asked of them again. */
  const closed = sequencers.map((): Known => new Map())

  return async function refusals(): Promise<ApiOutput<'refusals'>> {
    const epochIds = (await index.epochs({ limit: EPOCHS })).map(({ epochId }) => epochId)
    const told = await Promise.all(sequencers.map((ask, place) => intakesOf(epochIds, ask, closed[place] as Known)))
    const answers = told.filter((known) => known !== undefined)
    const items = epochIds.flatMap((epochId) => {
      const intakes = answers.flatMap((known) => known.get(epochId) ?? [])
      return intakes.length === 0 ? [] : [{ epochId, ...sumOf(intakes) }]
    })
    return { sequencers: sequencers.length, answered: answers.length, items }
  }
}

/** One after the other: many questions at once are more than a sequencer lets in. `undefined` where it does not answer. */
async function intakesOf(epochIds: readonly EpochId[], ask: AskIntake, closed: Known): Promise<Known | undefined> {
  for (const epochId of closed.keys()) if (!epochIds.includes(epochId)) closed.delete(epochId)
  const known: Known = new Map()
  try {
    for (const epochId of epochIds) {
      const intake = closed.get(epochId) ?? (await ask(epochId))
      if (intake === undefined) continue
      known.set(epochId, intake)
      if (intake.isClosed) closed.set(epochId, intake)
    }
    return known
  } catch (failure) {
    if (isWeftError(failure, 'LINK_FAILED')) return undefined
    throw failure
  }
}

/** The most frequent code first. */
function sumOf(intakes: readonly Intake[]) {
  const counts = new Map<string, number>()
  for (const { refused } of intakes) for (const [code, count] of Object.entries(refused)) counts.set(code, (counts.get(code) ?? 0) + count)
  const refused = [...counts].map(([code, count]) => ({ code, count, ...helpOf(code) })).toSorted((left, right) => right.count - left.count)
  return { accepted: intakes.reduce((sum, { accepted }) => sum + accepted, 0), refused }
}

/** A sequencer of another version may have codes of its own. */
const helpOf = (code: string): { readonly help?: string } =>
  Object.hasOwn(REJECTIONS, code) ? { help: REJECTIONS[code as Rejection].help } : {}
