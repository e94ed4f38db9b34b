import { WeftError } from '#domain/errors.ts'
import { honestMajority } from '#domain/quorum.ts'
import type { RpcAnswer, RpcCall } from './answer.ts'
import { createProgress } from './endpoint.ts'
import { header } from './forks.ts'
import { asOf } from './heads.ts'
import { LAG_BLOCKS_MAX } from './health.ts'
import type { Lookout } from './lookout.ts'
import { type Member, namesOf } from './member.ts'
import type { Pace } from './pace.ts'
import { isRefusedByContract } from './revert.ts'

/** So often all are asked, where some say nothing or too few say the same: a new block, or an endpoint that comes back, may settle it. */
const ROUNDS_MAX = 5
const BACKOFF_FIRST_MS = 200

/** What one endpoint says. */
interface Word {
  readonly member: Member
  readonly answers: readonly RpcAnswer[]
  /** One text per call, alike for answers that mean the same. */
  readonly meanings: readonly string[]
}

/** What came of asking all once. */
interface Round {
  readonly block: number
  /** Of those in time. */
  readonly words: readonly Word[]
  /** How many could have said something. */
  readonly voices: number
}

type AskAll = (calls: readonly RpcCall[]) => Promise<readonly RpcAnswer[]>
/** `floor`: no answer is from before this block. */
export type AskAgreed = (calls: readonly RpcCall[], floor: number) => Promise<readonly RpcAnswer[]>

/**
 * What the answer says, in whichever words; `undefined` of one that says nothing, as of a block or a method that the endpoint has not. Headers show that the
 * block is there, no more: some nodes write fields into them that others do not know.
 */
function meaningOf({ method }: RpcCall, answer: RpcAnswer): string | undefined {
  if (!answer.isOk) return isRefusedByContract(answer.refusal) ? 'refused' : undefined
  if (answer.result === null) return undefined
  if (method === 'eth_getBlockByNumber') return 'there'
  return JSON.stringify(answer.result).toLowerCase()
}

const isSame = (left: Word, right: Word): boolean => left.meanings.every((meaning, index) => meaning === right.meanings[index])

/** One that as many say as are needed. */
const saidBy = (words: readonly Word[], needed: number): Word | undefined =>
  words.find((word) => words.filter((other) => isSame(word, other)).length >= needed)

/** Where two differ. */
function differenceOf(word: Word, other: Word, calls: readonly RpcCall[]) {
  const { method = '', params = [] } = calls[word.meanings.findIndex((meaning, index) => meaning !== other.meanings[index])] ?? {}
  const { to, data } = (params[0] ?? {}) as { readonly to?: unknown; readonly data?: unknown }
  return { method, what: to === undefined ? method : `${method} ${String(data).slice(0, 10)} of ${String(to)}` }
}

/**
 * What more than half of several endpoints say, of one block: for what a role rests on for long, where one that lies or stands still must not decide.
 * Of two both must say it. Who fails is asked again until it is down, and who lags, serves another chain or lied lately has no voice; where one is left, its word counts.
 * Those whom most contradict are told of and asked no more for a while. Throws `CHAIN_DISPUTED` when too few say the same time and again, and like a reader when nobody says anything.
 */
export function createAgreed(
  members: readonly Member[],
  { lookout, pace, read }: { readonly lookout: Lookout; readonly pace: Pace; readonly read: AskAll },
): AskAgreed {
  /** What comes in time; who is late may hang, which shows when it was late some times. */
  async function inTime<Value>({ health }: Member, work: () => Promise<Value>): Promise<Value | undefined> {
    const waitMs = health.lateAfterMs() + health.budget.waitMs()
    const done = new AbortController()
    const late = pace.sleep(waitMs, done.signal).then(
      () => health.overtaken(),
      () => undefined,
    )
    const first = await Promise.race([work(), late])
    done.abort()
    return first ?? undefined
  }

  /** Who may say something, and the newest block that all of them have who are not behind. */
  async function voicesAbove(
    floor: number,
  ): Promise<{ readonly block: number; readonly fresh: readonly Member[]; readonly silent: number }> {
    const known = members.filter(({ health }) => health.chain() !== 'wrong')
    const trusted = known.filter(({ health }) => !health.isDistrusted())
    const voices = trusted.length > 0 ? trusted : known
    // Who is down is looked at now and then by others.
    const up = voices.filter(({ health }) => !health.isDown())
    const asked = up.length > 0 ? up : voices
    const told = await Promise.all(asked.map((member) => inTime(member, () => lookout.headOf(member))))
    const believed = await lookout.believe(told.filter((each) => each !== undefined))
    const fresh = believed.filter(({ head }) => head >= lookout.head() - LAG_BLOCKS_MAX)
    const silent = asked.filter(({ health }, index) => told[index] === undefined && health.chain() !== 'wrong' && !health.isDown())
    const block = Math.max(floor, Math.min(...fresh.map(({ head }) => head)))
    return { block, fresh: fresh.map(({ member }) => member), silent: silent.length }
  }

  /** `undefined` where it says nothing, or not all. */
  async function wordOf(member: Member, calls: readonly RpcCall[], block: number): Promise<Word | undefined> {
    const asked = [header(block), ...calls.map((call) => asOf(call, block))]
    const { answers = [] } = await member.ask(asked, createProgress())
    const [, ...meanings] = answers.map((answer, index) => meaningOf(asked[index] as RpcCall, answer)).filter((each) => each !== undefined)
    return meanings.length < calls.length ? undefined : { member, answers: answers.slice(1), meanings }
  }

  /** Asks all who have a voice. Over as soon as most have said the same: who comes later is judged all the same, and waited for by nobody. */
  async function ask(calls: readonly RpcCall[], floor: number): Promise<Round & { readonly agreed: Word | undefined }> {
    const { block, fresh, silent } = await voicesAbove(floor)
    const voices = fresh.length + silent
    const words: Word[] = []
    const enough = Promise.withResolvers<void>()
    let agreed: Word | undefined
    const hear = async (member: Member): Promise<void> => {
      const word = await wordOf(member, calls, block)
      if (word === undefined) return
      words.push(word)
      if (agreed !== undefined) judge([word], agreed, { calls, block })
      else {
        agreed = saidBy(words, honestMajority(voices))
        if (agreed === undefined) return
        judge(words, agreed, { calls, block })
        enough.resolve()
      }
    }
    await Promise.race([enough.promise, Promise.all(fresh.map((member) => inTime(member, () => hear(member))))])
    return { block, words: [...words], voices, agreed }
  }

  function judge(
    words: readonly Word[],
    agreed: Word,
    { calls, block }: { readonly calls: readonly RpcCall[]; readonly block: number },
  ): void {
    for (const word of words)
      if (isSame(word, agreed)) word.member.health.agreed()
      else
        word.member.health.lied(
          'contradicts',
          `answers ${differenceOf(word, agreed, calls).what} at block ${block} otherwise than most others`,
        )
  }

  /** Too few say the same: nobody knows who is right, so that each is told of beside the first. Returns what is to be said of it. */
  function tellOfDispute({ words, block }: Round, calls: readonly RpcCall[]) {
    const [first, ...rest] = words as readonly [Word, ...Word[]]
    const others = rest.filter((word) => !isSame(word, first))
    const { method, what } = differenceOf(first, others[0] as Word, calls)
    const detail = `answers ${what} at block ${block} otherwise than ${first.member.target.endpoint}`
    for (const { member } of others) member.health.contradicts(`${detail}, and too few say the same`)
    return { endpoint: namesOf(others.map(({ member }) => member)), method, detail }
  }

  return async (calls, floor) => {
    if (members.length === 1) return read(calls)
    for (let rounds = 1; ; rounds += 1) {
      await lookout.ready()
      const round = await ask(calls, floor)
      if (round.agreed !== undefined) return round.agreed.answers
      const { words, block } = round
      if (rounds === ROUNDS_MAX) {
        if (words.length === 0) return read(calls)
        // Those that say nothing all this time have no voice any more.
        const agreed = saidBy(words, honestMajority(words.length))
        if (agreed === undefined) throw new WeftError('CHAIN_DISPUTED', tellOfDispute(round, calls))
        judge(words, agreed, { calls, block })
        return agreed.answers
      }
      if (words.length === round.voices && words.length > 1) tellOfDispute(round, calls)
      await pace.sleep(BACKOFF_FIRST_MS * 2 ** (rounds - 1))
    }
  }
}
