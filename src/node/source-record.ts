import { isContractRefusal, type SourceReader } from '#domain/compute.ts'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { decode, encode } from '#io/isolate/text.ts'

/** Answers to what a compute asks of the source chain, by what it asks: made up, or recorded from a real one. */
export interface Fixture {
  readonly answers: readonly (readonly [question: string, answer: string])[]
}

/** Before the facts of what the contract refuses: that is an answer too, and every node gets it alike. */
const REFUSED = '!'

function answered(answer: string): unknown {
  if (!answer.startsWith(REFUSED)) return decode(answer)
  throw new WeftError('CALL_REVERTED', decode(answer.slice(REFUSED.length)) as never)
}

export interface Recorder<Asked> {
  readonly source: Asked
  /** All that is known by now, in the order of the questions: the same record however the answers came. */
  fixture(): Fixture
  /** How much of it was not known before. */
  learned(): number
}

/**
 * Passes on what `source` answers, and keeps it: `JSON.stringify(recorder.fixture())` is a file that `replayed` reads. What is `known` already is not
 * asked again.
 */
export function recorded<Asked extends object = SourceReader>(source: Asked, known: Fixture = { answers: [] }): Recorder<Asked> {
  const answers = new Map(known.answers)
  let learned = 0
  const learn = (question: string, answer: string): void => {
    if (!answers.has(question)) learned += 1
    answers.set(question, answer)
  }
  const methods = Object.entries(source).filter(([, method]) => typeof method === 'function')
  const keeping = methods.map(([name, method]) => [
    name,
    async (...args: readonly unknown[]) => {
      const question = encode([name, ...args])
      const before = answers.get(question)
      if (before !== undefined) return answered(before)
      try {
        const answer: unknown = await method(...args)
        learn(question, encode(answer))
        return answer
      } catch (failure) {
        if (isContractRefusal(failure) && isWeftError(failure)) learn(question, `${REFUSED}${encode(failure.facts)}`)
        throw failure
      }
    },
  ])
  const fixture = () => ({ answers: [...answers].sort(([left], [right]) => (left < right ? -1 : 1)) })
  return { source: Object.fromEntries(keeping) as Asked, fixture, learned: () => learned }
}

/** A source chain that knows what was recorded of one, and nothing else. `methods` are those that it has at least. */
export function replayed<Asked extends object = SourceReader>(
  { answers }: Fixture,
  methods: readonly string[] = ['timestamp', 'read', 'events', 'transactions'],
): Asked {
  const known = new Map(answers)
  const answering = (name: string) => [
    name,
    async (...args: readonly unknown[]) => {
      const question = encode([name, ...args])
      const answer = known.get(question)
      if (answer === undefined) throw new Error(`the record has no answer to ${question}`)
      return answered(answer)
    },
  ]
  const names = new Set([...methods, ...[...known.keys()].map((question) => (decode(question) as [string])[0])])
  return Object.fromEntries([...names].map(answering)) as Asked
}
