import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runDevnet } from '#devnet/devnet.ts'
import type { DevnetSummary, EpochLine } from '#devnet/report.ts'
import { createRpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'
import { isLying, mayBeCalled, MISBEHAVIOURS, type MisbehaviourName, NAMES } from './misbehaviours.ts'
import { honest, type HostileProxy, startProxy } from './proxy.ts'

/** A whole devnet whose roles reach their chains through hostile proxies, each role through its own, and what became of its epochs. */

export interface HostileOptions {
  readonly dataDir: string
  readonly seed: number
  readonly epochs: number
  /** `beside`: next to an honest endpoint, everything is done to it; `alone`: there is no other, and only what is bearable is done. */
  readonly how: 'beside' | 'alone'
  /** Those that are done, in this order and again, each role beginning with another one. */
  readonly names?: readonly MisbehaviourName[]
  readonly tell?: (text: string) => void
}

export interface HostileOutcome {
  readonly how: HostileOptions['how']
  readonly lines: readonly TimedLine[]
  readonly summary: DevnetSummary
  /** What each role went through, and what it named of it: a row per role, chain and misbehaviour. */
  readonly rows: readonly Row[]
  /** Transactions of the roles that had no effect, or had it twice. */
  readonly wasted: readonly string[]
}
type TimedLine = EpochLine & { readonly atMs: number }

export interface Row {
  readonly role: string
  readonly chain: string
  readonly misbehaviour: MisbehaviourName
  readonly fromMs: number
  readonly untilMs: number
  /** Requests that the endpoint had while it was done. */
  readonly asked: number
  /** How many of them were not answered as its node answers. */
  readonly misled: number
  /** Words under which the role's log names the endpoint because of it. */
  readonly named: readonly string[]
  /** Words that were told of the endpoint before, and hold still. */
  readonly held: readonly string[]
}

/** Longer than one request may hang, as those of markets are: the devnet's own are for whoever waits in front of it. */
const WINDOWS = { snapshotBlocks: 20, batchBlocks: 45, attestationBlocks: 70 }
/** Those who read most logs tell the lies about logs: so many lies come before these. */
const LOGS_FIRST = 2
/** How long a proxy does one thing: half an epoch of the devnet. */
const PHASE_MS = 3_000
/** Of the devnet: each attests each batch. */
export const VALIDATORS = 3
/** The hostile one is preferred wherever it does not fail. */
const WEIGHT = 1_000

interface Phase {
  readonly misbehaviour: MisbehaviourName
  readonly fromMs: number
  asked: number
  misled: number
}
interface Stage {
  readonly role: string
  readonly chain: 'anchor' | 'source'
  readonly proxy: HostileProxy
  readonly phases: Phase[]
}

/** Proxies by role and chain, made before the devnet asks for them: it does not wait. */
async function startStages(seed: number) {
  const stages: Stage[] = []
  const urls = { anchor: Promise.withResolvers<string>(), source: Promise.withResolvers<string>() }
  for (const [index, role] of ROLES.entries())
    for (const chain of ['anchor', 'source'] as const) {
      const proxy = await startProxy(urls[chain].promise, seed * 100 + index * 2 + Number(chain === 'source'))
      stages.push({ role, chain, proxy, phases: [] })
    }
  return { stages, urls }
}
const ROLES = ['sequencer', 'snapshotter', 'snapshotter-2', 'liar', 'validator-1', 'validator-2', 'validator-3', 'epochs'] as const

/**
 * Five is prime to the numbers of names that there are: in the end each proxy has done each, and no two began with the same. Who lies beside another is
 * asked nothing for a minute and longer: so most endpoints do that last, and each third has one lie that it tells all the time.
 */
function orderOf(index: number, names: readonly MisbehaviourName[], how: HostileOptions['how']): MisbehaviourName[] {
  const from = (list: readonly MisbehaviourName[]) => list.map((_, place) => list[(place + index * 5) % list.length] as MisbehaviourName)
  if (how === 'alone') return from(names)
  const [lies, others] = [names.filter(isLying), names.filter((name) => !isLying(name))]
  const lie = index % 3 === 2 ? lies[((index - 2) / 3 + LOGS_FIRST) % lies.length] : undefined
  if (lie !== undefined) return [lie]
  return [...from(others), ...lies]
}

function end({ proxy, phases }: Stage): void {
  const last = phases.at(-1)
  if (last !== undefined) Object.assign(last, { asked: proxy.asked(), misled: proxy.misled() })
  proxy.behave(honest)
}
function begin(stage: Stage, misbehaviour: MisbehaviourName): void {
  end(stage)
  stage.proxy.behave(MISBEHAVIOURS[misbehaviour].behaviour)
  stage.phases.push({ misbehaviour, fromMs: Date.now(), asked: 0, misled: 0 })
}

/** Until the signal aborts, each proxy goes from one misbehaviour to the next. */
async function misbehave(
  stages: readonly Stage[],
  {
    names,
    how,
    signal,
  }: { readonly names: readonly MisbehaviourName[]; readonly how: HostileOptions['how']; readonly signal: AbortSignal },
): Promise<void> {
  const orders = stages.map((_, index) => orderOf(index, names, how))
  for (let round = 0; !signal.aborted; round += 1) {
    for (const [index, stage] of stages.entries()) {
      const order = orders[index] as MisbehaviourName[]
      begin(stage, order[round % order.length] as MisbehaviourName)
    }
    await sleep(PHASE_MS, undefined, { signal }).catch(() => undefined)
  }
  for (const stage of stages) end(stage)
}

interface Told {
  readonly time: number
  readonly msg: string
  readonly chain?: string
  readonly endpoint?: string
  readonly trouble?: string
}
const eventsOf = (path: string): Told[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Told)

/** A request that hangs is given up only then. */
const TOLD_WITHIN_MS = 20_000

/** Each phase with what was told because of it: of the last ones that may be called so, for what hangs is known of later. */
function rowsOf(stages: readonly Stage[], dataDir: string): Row[] {
  const logs = readdirSync(join(dataDir, 'logs'))
  return stages.flatMap(({ role, chain, proxy, phases }) => {
    if (!logs.includes(`${role}.log`)) return []
    const events = eventsOf(join(dataDir, 'logs', `${role}.log`)).filter(({ endpoint }) => endpoint === proxy.url)
    const named = phases.map((): string[] => [])
    for (const { time, msg, trouble = '' } of events) {
      if (msg !== 'endpoint_trouble') continue
      const now = phases.findLastIndex(({ fromMs }) => fromMs <= time)
      const cause = phases.findLastIndex(
        ({ misbehaviour, fromMs }, index) => index <= now && time - fromMs < TOLD_WITHIN_MS && mayBeCalled(misbehaviour, trouble),
      )
      named[cause < 0 ? now : cause]?.push(trouble)
    }
    return phases.map(({ misbehaviour, fromMs, asked, misled }, index) => {
      const untilMs = phases[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY
      const held = new Set<string>()
      for (const { time, msg, trouble = '' } of events) {
        if (time >= fromMs) break
        if (msg === 'endpoint_trouble') held.add(trouble)
        if (msg === 'endpoint_recovered') held.delete(trouble)
      }
      return { role, chain, misbehaviour, fromMs, untilMs, asked, misled, named: named[index] ?? [], held: [...held] }
    })
  })
}

interface Mined {
  readonly from: string
  readonly to: string | null
  readonly input: string
  readonly hash: string
}

/** By the chain itself: a call that reverted, or was made twice by one account. */
async function wastedOn(rpcUrl: string): Promise<string[]> {
  const rpc = createRpc({ rpcUrl, pause: systemClock })
  const head = Number(await rpc.call('eth_blockNumber', []))
  const numbers = Array.from({ length: head }, (_, index) => `0x${(index + 1).toString(16)}`)
  const blocks = await Promise.all(numbers.map((number) => rpc.call('eth_getBlockByNumber', [number, true])))
  const mined = (blocks as { readonly transactions: readonly Mined[] }[]).flatMap(({ transactions }) => transactions)
  const receipts = (await Promise.all(mined.map(({ hash }) => rpc.call('eth_getTransactionReceipt', [hash])))) as { status: string }[]
  const seen = new Set<string>()
  return mined.flatMap(({ from, to, input }, index) => {
    const what = `${from} ${to} ${input}`
    const isAgain = seen.has(what)
    seen.add(what)
    const about = `${from} to ${to}: ${input.slice(0, 10)}`
    return [...(isAgain ? [`twice: ${about}`] : []), ...(receipts[index]?.status === '0x1' ? [] : [`reverted: ${about}`])]
  })
}

/** Runs until so many epochs are final, or one is not. */
export async function runHostile(options: HostileOptions): Promise<HostileOutcome> {
  const { dataDir, seed, epochs, how, names = NAMES, tell = () => undefined } = options
  const { stages, urls } = await startStages(seed)
  const stop = new AbortController()
  const lines: TimedLine[] = []
  let wasted: Promise<string[]> | undefined
  let anchorUrl = ''
  const doable = names.filter((name) => how === 'beside' || MISBEHAVIOURS[name].isBearable)
  // Which chain an endpoint serves is asked at the start, and twice a minute.
  const first = stages.find(({ role, chain }) => role === 'snapshotter-2' && chain === 'source')
  if (first !== undefined && doable.includes('wrong_chain')) begin(first, 'wrong_chain')
  let work: Promise<void> | undefined
  const finish = async (): Promise<void> => {
    wasted ??= wastedOn(anchorUrl)
    await wasted.finally(() => stop.abort())
  }
  try {
    const { summary } = await runDevnet(
      {
        dataDir,
        isTemporary: false,
        seed,
        slots: 6,
        liars: 1,
        anchoring: 'projects',
        windows: WINDOWS,
        // With less, one log of several in a block may be kept back (docs/ENDPOINTS.md).
        settings: { proofSamplePercent: '100' },
        rpcFor(role, chain, rpcUrl) {
          if (chain === 'anchor') anchorUrl = rpcUrl
          urls[chain].resolve(rpcUrl)
          const stage = stages.find((one) => one.role === role && one.chain === chain)
          if (stage === undefined) return rpcUrl
          return how === 'alone' ? stage.proxy.url : `${stage.proxy.url};weight=${WEIGHT},${rpcUrl}`
        },
      },
      {
        progress: tell,
        ready() {
          work = misbehave(stages, { names: doable, how, signal: stop.signal })
        },
        live: () => undefined,
        epoch(line) {
          lines.push({ ...line, atMs: Date.now() })
          tell(`epoch ${line.epochId}: ${line.finalized} of ${line.projects} projects, ${line.attestations} attestations`)
          if (lines.length >= epochs) void finish()
        },
        unfinished: () => undefined,
        fault: () => undefined,
        advice: () => undefined,
        summary: () => undefined,
      },
      stop.signal,
    )
    return { how, lines, summary, rows: rowsOf(stages, dataDir), wasted: (await wasted) ?? [] }
  } finally {
    stop.abort()
    await work
    for (const { proxy } of stages) await proxy.stop()
  }
}
