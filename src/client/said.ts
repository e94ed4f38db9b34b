import { WeftError } from '#domain/errors.ts'

/** What one of several endpoints said: those that are not equally far contradict nobody. */
export interface Said {
  readonly endpoint: string
  /** What it must agree upon with the others, as text; or the code of its failure. */
  readonly said: string
  /** How far it has come; a failure has none. */
  readonly place?: number
}

/** Of what each said, in a message. */
const SAID_LENGTH_MAX = 200
const shortened = (said: string): string => said.slice(0, SAID_LENGTH_MAX)

const isApart = (left: Said, right: Said): boolean => left.place !== undefined && right.place !== undefined && left.place !== right.place

/** Why an endpoint says otherwise than those that agree. */
export function difference(agreed: Said, other: Said): WeftError<'ENDPOINT_APART' | 'VERIFICATION_FAILED'> {
  const { endpoint, said: got } = other
  if (!isApart(agreed, other)) return new WeftError('VERIFICATION_FAILED', { step: 'agreement', expected: agreed.said, got, endpoint })
  return new WeftError('ENDPOINT_APART', { endpoint, expected: shortened(agreed.said), got: shortened(got) })
}

/** Why there is no answer: enough of them answered and none contradicts another, then it is the one most behind; or they disagree. */
export function tooFew(
  answers: readonly Said[],
  { about, agreeing, needed }: { readonly about: string; readonly agreeing: number; readonly needed: number },
): WeftError<'ENDPOINT_APART' | 'VERIFICATION_FAILED' | 'ENDPOINTS_DISAGREE'> {
  const inOrder = answers.filter(({ place }) => place !== undefined).sort((left, right) => Number(left.place) - Number(right.place))
  const isContradicted = inOrder.some((one, at) => at > 0 && one.place === inOrder[at - 1]?.place && one.said !== inOrder[at - 1]?.said)
  const [last, newest] = [inOrder[0], inOrder.at(-1)]
  if (last !== undefined && newest !== undefined && inOrder.length >= needed && !isContradicted) return difference(newest, last)
  const said = answers.map(({ endpoint, said }) => `${endpoint}: ${shortened(said)}`)
  return new WeftError('ENDPOINTS_DISAGREE', { about: `${about}: ${said.join('; ')}`, agreeing, needed })
}
