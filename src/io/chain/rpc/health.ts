import type { ENDPOINT_TROUBLES } from '#domain/reasons.ts'
import { isLie, type Lie } from './judge.ts'
import type { Pace } from './pace.ts'
import type { Noticed } from './endpoint.ts'
import type { Target } from './target.ts'

/**
 * What an endpoint may do wrong, beside failing: serve another chain, lag behind the others, lack what another one has, answer when another one
 * has long done so, send to another place, or say what is not so.
 */
export type Misbehaviour = keyof typeof ENDPOINT_TROUBLES

/** Told once per endpoint and kind, and again after the endpoint had recovered. */
export interface EndpointTrouble {
  readonly endpoint: string
  readonly trouble: Misbehaviour
  readonly detail: string
  /** How often it has happened: told when it is over. */
  readonly times?: number
}
export type OnEndpointTrouble = (trouble: EndpointTrouble) => void

/** What came of one request to an endpoint, or how far its head was behind that of the others when all were asked. */
export type EndpointUse =
  | { readonly endpoint: string; readonly outcome: 'ok' | Misbehaviour; readonly tookMs?: number }
  | { readonly endpoint: string; readonly lagBlocks: number }
/** Told of every request: it counts, and does nothing else. */
export type OnEndpointUse = (use: EndpointUse) => void

/** Who is told of what an endpoint does. */
export interface EndpointListeners {
  readonly onTrouble?: OnEndpointTrouble | undefined
  readonly onUse?: OnEndpointUse | undefined
}

/** First rest of an endpoint that failed, twice as long with each failure in a row. */
const REST_FIRST_MS = 1_000
const REST_MAX_MS = 60_000
/** Failures in a row after which an endpoint is down rather than busy. */
const DOWN_AFTER = 3
/** How long nothing is believed of an endpoint that lied, twice as long after each further lie. */
const DISTRUST_FIRST_MS = 60_000
const DISTRUST_MAX_MS = 3_600_000
/** How long nothing is believed of an endpoint on another fork, where the others that would see it come back are gone. */
const STRAYED_MS = 60_000
/** Good answers in a row after which an endpoint has recovered: one that fails every other time is told of once. */
const RECOVERED_AFTER = 16
/** And so long without that trouble: sixteen answers may come within a tenth of a second. */
const QUIET_MS = 5_000
/** What shows beside others only is seen now and then: it has recovered when nothing of that was seen for so long. */
const LONG_QUIET_MS = 60_000
/** So often within that time, what may happen to anybody once is told of: to be overtaken, or not to have yet what another one has. */
const SUSPECTED_AFTER = 3
/** Blocks behind the best head at the same moment: more is lag. Chains with blocks of a quarter second have two between two answers. */
export const LAG_BLOCKS_MAX = 4
/** How much a new latency counts beside those before. */
const LATENCY_SHARE = 0.2
/** A hedge is sent when an answer takes so many times as long as usual. */
const LATE_FACTOR = 4
const LATE_MIN_MS = 250
const LATE_MAX_MS = 5_000
/** Before anything is known. */
const LATE_FIRST_MS = 2_000

/** What an endpoint does in the place of an answer. */
const UNANSWERED = ['unreachable', 'busy', 'invalid'] as const satisfies readonly Misbehaviour[]
const SEEN_BESIDE_OTHERS: ReadonlySet<Misbehaviour> = new Set(['lagging', 'incomplete', 'slow', 'other_forks'])
/** It takes no more than that from the first time on: that it does not refuse what it is not asked for any more shows nothing. */
const isLimit = (kind: Misbehaviour): boolean => kind.startsWith('limits_')

/** Tokens of one second at most; a batch may be longer than that, and is waited for afterwards. */
function createBudget(callsPerSecond: number | undefined, pace: Pace) {
  let tokens = callsPerSecond ?? 0
  let atMs = pace.nowMs()
  function waitMs(): number {
    if (callsPerSecond === undefined) return 0
    const nowMs = pace.nowMs()
    tokens = Math.min(callsPerSecond, tokens + ((nowMs - atMs) * callsPerSecond) / 1_000)
    atMs = nowMs
    return tokens > 0 ? 0 : Math.ceil(((1 - tokens) * 1_000) / callsPerSecond)
  }
  return {
    /** How long the next request would have to wait. */
    waitMs,
    /** Resolves when so many calls may be made. They are paid for at once, so that who comes later waits longer. */
    async pay(calls: number): Promise<void> {
      const turnMs = waitMs()
      tokens -= calls
      if (turnMs > 0) await pace.sleep(turnMs)
    },
  }
}

const averaged = (before: number | undefined, value: number): number =>
  before === undefined ? value : before + (value - before) * LATENCY_SHARE

/** What an endpoint does wrong, told once for each kind until it has recovered from that. */
function createTold(endpoint: string, pace: Pace, onTrouble: OnEndpointTrouble | undefined) {
  /** How often each has happened since it was told. */
  const told = new Map<Misbehaviour, number>()
  /** What is not told yet: when it was seen. */
  const suspected = new Map<Misbehaviour, readonly number[]>()
  /** When each happened last. */
  const lastAtMs = new Map<Misbehaviour, number>()

  function tell(trouble: Misbehaviour, detail: string): void {
    lastAtMs.set(trouble, pace.nowMs())
    const times = told.get(trouble) ?? 0
    told.set(trouble, times + 1)
    if (times === 0) onTrouble?.({ endpoint, trouble, detail })
  }

  function suspect(trouble: Misbehaviour, detail: string): void {
    if (told.has(trouble)) {
      tell(trouble, detail)
      return
    }
    const since = pace.nowMs() - LONG_QUIET_MS
    const seen = [...(suspected.get(trouble) ?? []).filter((atMs) => atMs > since), pace.nowMs()]
    suspected.set(trouble, seen)
    if (seen.length >= SUSPECTED_AFTER) tell(trouble, detail)
  }

  function over(trouble: Misbehaviour): void {
    const times = told.get(trouble)
    if (times === undefined) return
    told.delete(trouble)
    suspected.delete(trouble)
    onTrouble?.({ endpoint, trouble, detail: 'no more', times })
  }

  /** Whether good answers show that it is: not of what is judged by other means. */
  function isOver(kind: Misbehaviour): boolean {
    if (kind === 'wrong_chain' || isLie(kind) || isLimit(kind)) return false
    const quietMs = pace.nowMs() - (lastAtMs.get(kind) ?? 0)
    return quietMs >= (SEEN_BESIDE_OTHERS.has(kind) ? LONG_QUIET_MS : QUIET_MS)
  }

  return {
    tell,
    suspect,
    over,
    /** It has recovered from all that good answers can show it to have recovered from, or from this. */
    recover(kinds: Iterable<Misbehaviour> = told.keys()): void {
      for (const kind of kinds) if (isOver(kind)) over(kind)
    },
  }
}

/** Whether what it says counts: not for a while after it lied, longer each time, or while it is on another fork. */
function createTrust(pace: Pace) {
  let lies = 0
  let distrustUntilMs = 0
  let strayedUntilMs = 0
  return {
    lied(): void {
      lies += 1
      distrustUntilMs = pace.nowMs() + Math.min(DISTRUST_MAX_MS, DISTRUST_FIRST_MS * 2 ** (lies - 1))
    },
    strayed(): void {
      strayedUntilMs = pace.nowMs() + STRAYED_MS
    },
    rejoined(): void {
      strayedUntilMs = 0
    },
    isDistrusted: (): boolean => pace.nowMs() < Math.max(distrustUntilMs, strayedUntilMs),
  }
}

/** How long it takes, for whatever it was asked, and for the same small question as the others. */
function createSpeed({ weight }: Pick<Target, 'weight'>) {
  let latencyMs: number | undefined
  let lookMs: number | undefined
  return {
    answered(tookMs: number): void {
      latencyMs = averaged(latencyMs, tookMs)
    },
    looked(tookMs: number): void {
      lookMs = averaged(lookMs, tookMs)
    },
    lateAfterMs: (): number =>
      latencyMs === undefined ? LATE_FIRST_MS : Math.min(LATE_MAX_MS, Math.max(LATE_MIN_MS, latencyMs * LATE_FACTOR)),
    /** Less is better. Latency of the small question counts only where all were asked. */
    cost: (): number => ((lookMs ?? 0) + 1) / weight,
  }
}

/** What is known of one endpoint: how it does, whether it may be used, and what was told of it. */
export function createHealth(target: Target, pace: Pace, { onTrouble, onUse }: EndpointListeners = {}) {
  const { endpoint } = target
  const { tell, suspect, over, recover } = createTold(endpoint, pace, onTrouble)
  const trust = createTrust(pace)
  const speed = createSpeed(target)
  let failures = 0
  let goodInARow = 0
  let restUntilMs = 0
  let lag = 0
  let chain: 'unknown' | 'right' | 'wrong' = 'unknown'

  /** Who serves another chain answers: that it does not is told no more beside it. */
  function isOfAnother(detail: string): void {
    chain = 'wrong'
    for (const kind of UNANSWERED) over(kind)
    tell('wrong_chain', detail)
  }

  function rest(retryAfterMs?: number): void {
    failures += 1
    goodInARow = 0
    restUntilMs = pace.nowMs() + (retryAfterMs ?? Math.min(REST_MAX_MS, REST_FIRST_MS * 2 ** (failures - 1)))
  }

  return {
    budget: createBudget(target.callsPerSecond, pace),
    chain: () => chain,
    judgeChain(isRight: boolean, detail: string): void {
      if (isRight) {
        chain = 'right'
        over('wrong_chain')
      } else isOfAnother(detail)
    },
    /** In the place of the chain that it served is another one, or the same begun anew. */
    exchanged(detail: string): void {
      onUse?.({ endpoint, outcome: 'wrong_chain' })
      goodInARow = 0
      isOfAnother(detail)
    },
    answered(tookMs: number): void {
      onUse?.({ endpoint, outcome: 'ok', tookMs })
      failures = 0
      restUntilMs = 0
      speed.answered(tookMs)
      goodInARow += 1
      if (goodInARow >= RECOVERED_AFTER) recover()
    },
    failed(trouble: Misbehaviour, detail: string, retryAfterMs?: number): void {
      onUse?.({ endpoint, outcome: trouble })
      rest(retryAfterMs)
      tell(trouble, detail)
    },
    /** Another one has what it has not. */
    lacked: (detail: string): void => tell('incomplete', detail),
    /** Another one was asked later and answered before it. It may hang, which is known for certain much later only. */
    overtaken(): void {
      rest()
      suspect('slow', 'others that were asked later answered before it')
    },
    /** What it said does not fit what is known; another answer showed that this was its own fault. */
    suspect,
    /** Nothing that keeps it from being asked. */
    noticed: (notice: Noticed, detail: string): void => tell(notice, detail),
    /** It said what is not so, which is told once: that it tells the truth afterwards shows nothing. */
    lied(lie: Lie, detail: string): void {
      onUse?.({ endpoint, outcome: lie })
      goodInARow = 0
      trust.lied()
      tell(lie, detail)
    },
    /** Of what another one says it says something else, and nobody knows who is right. */
    contradicts: (detail: string): void => tell('contradicts', detail),
    /** It says what most say. */
    agreed: (): void => over('contradicts'),
    /** It is on another fork than the others: not asked for a while, unless it comes back before. */
    strayed(detail: string, isSettled: boolean): void {
      goodInARow = 0
      trust.strayed()
      if (isSettled) tell('other_forks', detail)
    },
    rejoined: trust.rejoined,
    isDistrusted: trust.isDistrusted,
    /** How long it takes for the same small question as the others, and how far its head was behind theirs. */
    looked: speed.looked,
    lagged(blocks: number): void {
      onUse?.({ endpoint, lagBlocks: blocks })
      lag = blocks
      if (lag > LAG_BLOCKS_MAX) tell('lagging', `${lag} blocks behind the others`)
      else recover(['lagging'])
    },
    lateAfterMs: speed.lateAfterMs,
    isResting: (): boolean => pace.nowMs() < restUntilMs,
    isDown: (): boolean => failures >= DOWN_AFTER,
    isLagging: (): boolean => lag > LAG_BLOCKS_MAX,
    cost: speed.cost,
  }
}
export type Health = ReturnType<typeof createHealth>
