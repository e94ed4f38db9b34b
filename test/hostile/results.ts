import { isToBeNamed, mayBeCalled, type MisbehaviourName } from './misbehaviours.ts'
import { type HostileOutcome, VALIDATORS } from './network.ts'

/** What a run has shown: fault by fault, how it was named and what became of the epochs. */

/** What came of one misbehaviour. */
export interface Result {
  readonly misbehaviour: MisbehaviourName
  /** How often it was begun, how many requests it had, and to how many of them it was done. */
  readonly times: number
  readonly asked: number
  readonly misled: number
  /** Words under which it was named, and by how many roles: told because of it, or before and holding still. */
  readonly named: Readonly<Record<string, number>>
  readonly isToBeNamed: boolean
  /** Of the epochs that were open meanwhile: how many there were, and how many have all that is owed to them. */
  readonly epochs: number
  readonly whole: number
  readonly attested: number
}

export function resultsOf({ how, lines, rows }: HostileOutcome): Result[] {
  return [...Map.groupBy(rows, ({ misbehaviour }) => misbehaviour)].map(([misbehaviour, done]) => {
    const met = done.filter(({ asked }) => asked > 0)
    const words = met.flatMap(({ role, named, held }) =>
      [...new Set([...named, ...held])].filter((word) => mayBeCalled(misbehaviour, word)).map((word) => ({ role, word })),
    )
    const named = [...Map.groupBy(words, ({ word }) => word)].map(([word, all]) => [word, new Set(all.map(({ role }) => role)).size])
    const open = lines.filter(({ atMs }, index) =>
      met.some(({ fromMs, untilMs }) => fromMs < atMs && untilMs > (lines[index - 1]?.atMs ?? 0)),
    )
    return {
      misbehaviour,
      times: done.length,
      asked: met.reduce((sum, { asked }) => sum + asked, 0),
      misled: met.reduce((sum, row) => sum + row.misled, 0),
      named: Object.fromEntries(named) as Record<string, number>,
      isToBeNamed: isToBeNamed(misbehaviour, how),
      epochs: open.length,
      whole: open.filter(({ finalized, projects, missed }) => finalized === projects && missed.length === 0).length,
      attested: open.filter(({ attestations }) => attestations === VALIDATORS).length,
    }
  })
}

/** Requests after which one must have been found out, if it was done to any of them: a limit shows only to whoever asks for more than it allows. */
const ENOUGH_REQUESTS = 200
/** What was done, to who asked often enough, and named by nobody. */
export const unnamedIn = (outcome: HostileOutcome): MisbehaviourName[] =>
  resultsOf(outcome)
    .filter(({ isToBeNamed: isOwed, asked, misled, named }) => {
      return isOwed && misled > 0 && asked >= ENOUGH_REQUESTS && Object.keys(named).length === 0
    })
    .map(({ misbehaviour }) => misbehaviour)

/** Words that no misbehaviour of the last seconds explains. */
export const blamedIn = ({ rows }: HostileOutcome): string[] =>
  rows.flatMap(({ role, chain, misbehaviour, named }) =>
    named.filter((word) => !mayBeCalled(misbehaviour, word)).map((word) => `${role} of its ${chain} chain: ${word}, while ${misbehaviour}`),
  )

/** Misbehaviour by misbehaviour, under which words it was named and what became of the epochs meanwhile; then the epochs. */
export function tableOf(outcome: HostileOutcome): string {
  const { lines, summary, wasted } = outcome
  const table = resultsOf(outcome).map(({ misbehaviour, times, asked, misled, named, isToBeNamed: isOwed, epochs, whole, attested }) => {
    const words = Object.entries(named).map(([word, roles]) => `${word} (${roles} roles)`)
    const told = words.join(', ') || (!isOwed ? 'need not be' : misled > 0 ? 'not named' : 'nobody met it')
    return `| ${misbehaviour} | ${times} | ${asked} | ${misled} | ${told} | ${whole}/${epochs} | ${attested}/${epochs} |`
  })
  const head = ['| fault | times | requests | done to | named | epochs whole | attestations whole |', '|---|---|---|---|---|---|---|']
  const epochs = lines.map(
    ({ epochId, finalized, projects, attestations, missed }) =>
      `epoch ${epochId}: ${finalized}/${projects} final, ${attestations} attestations${missed.map(({ projectId, reason }) => `, ${projectId} ${reason}`).join('')}`,
  )
  const unfinished = summary.unfinished.map(({ epochId, reason }) => `epoch ${epochId} is not final: ${reason}`)
  return [...head, ...table, ...epochs, ...unfinished, ...wasted, ...blamedIn(outcome)].join('\n')
}
