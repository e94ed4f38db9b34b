import { createProgress } from './endpoint.ts'
import type { Member } from './member.ts'

/** Higher than that above all others, a head is looked at before it is believed: an endpoint hours behind is likelier than one that lies, but not much. */
const AHEAD_MAX = 64

/** A head, and whose it is. */
export interface Told {
  readonly member: Member
  readonly head: number
}

/** What is believed of the heads that endpoints tell of. */
export function createHeads() {
  /** What each told last. */
  const heads = new Map<Member, number>()
  /** Up to where each has shown that its chain reaches. */
  const shown = new Map<Member, number>()

  /** Whether the head is so far above those of all others that it may be made up; if so, with the highest of theirs. */
  function farAbove({ member, head }: Told, told: ReadonlyMap<Member, number>): number | undefined {
    const others = [...told].filter(([other]) => other !== member).map(([, each]) => each)
    const isFar = others.length > 0 && head > Math.max(shown.get(member) ?? 0, ...others) + AHEAD_MAX
    return isFar ? Math.max(...others) : undefined
  }

  /** Whether the endpoint has the block that it calls its head, and one that stands on the newest of the others; `undefined` if it does not say. */
  async function shows({ member, head }: Told, newest: number): Promise<boolean | undefined> {
    const calls = [newest, newest + 1, head].map((number) => ({
      method: 'eth_getBlockByNumber',
      params: [`0x${number.toString(16)}`, false],
    }))
    const { answers } = await member.ask(calls, createProgress())
    if (answers === undefined) return undefined
    const [parent, child, top] = answers.map((answer) => (answer.isOk ? (answer.result as Readonly<Record<string, unknown>> | null) : null))
    return parent != null && child?.['parentHash'] === parent['hash'] && Number(top?.['number']) === head
  }

  /** Those of the heads that are believed: all but one that is far above all others and cannot be shown. */
  async function believe(heard: readonly Told[]): Promise<readonly Told[]> {
    const told = new Map([...heads, ...heard.map(({ member, head }) => [member, head] as const)])
    const believed = await Promise.all(
      heard.map(async (each) => {
        const newest = farAbove(each, told)
        const isThere = newest === undefined ? true : await shows(each, newest)
        const { member, head } = each
        if (isThere === false) member.health.lied('invents', `head ${head}, far above those of all others, with no block there`)
        if (isThere !== true) {
          heads.delete(member)
          return false
        }
        if (newest !== undefined) shown.set(member, head)
        heads.set(member, head)
        return true
      }),
    )
    return heard.filter((_, index) => believed[index])
  }

  /** What one of several tells alone is not believed: a made-up head would make all others lag. Of two the higher is, for who lags is likelier than who lies. */
  function head(): number {
    const [first = 0, second = first] = [...heads.values()].sort((left, right) => right - left)
    return heads.size < 3 ? first : second
  }

  return { believe, isFar: (told: Told): boolean => farAbove(told, heads) !== undefined, head }
}
