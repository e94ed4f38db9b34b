import { afterEach } from 'vitest'
import type { Address } from '#domain/ids.ts'
import { createFakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import { createFakeSourceChain } from '#io/chain/fake/source.ts'
import type { ProtocolSender } from '#io/chain/port.ts'
import { createVirtualClock, expectingPauses } from '#io/clock/fake.ts'
import { createFakeStore, type FakeStore } from '#io/store/fake.ts'
import { createEpochs, type EpochsDeps, type EpochsOptions } from './epochs.ts'

export const MANAGER = `0x${'e0'.repeat(20)}` as Address
export const [SEQUENCER, VALIDATOR] = [`0x${'5e'.repeat(20)}`, `0x${'7a'.repeat(20)}`] as [Address, Address]
const OPTIONS: EpochsOptions = { headOffset: 2, headTag: 'latest', firstBlock: 100, catchUp: 'release', pollMs: 500 }

const running: (() => void)[] = []
afterEach(() => {
  for (const end of running.splice(0)) end()
})

interface OpenOptions {
  readonly blocks?: number
  readonly firstBlock?: number
  /** Whom the market has appointed. */
  readonly manager?: Address
  readonly store?: FakeStore
  readonly role?: Partial<EpochsOptions>
  /** Of the source chain, as the market has it; so short, unless said, that nothing waits for what came before. */
  readonly sourceBlockTimeSeconds?: number
  readonly owner?: Address
  readonly depthOf?: Parameters<typeof createFakeSourceChain>[0]['depthOf']
}
/** What the role is given instead. */
export type Change = (deps: EpochsDeps) => Partial<EpochsDeps>

/** Two chains and the role that releases epochs from one on the other, as often as it is started. */
export function open(options: OpenOptions = {}, change?: Change) {
  const clock = createVirtualClock({ startMs: 0 })
  const market = marketOf({
    epochManager: options.manager ?? MANAGER,
    sourceBlockTimeSeconds: options.sourceBlockTimeSeconds ?? 0.001,
    sequencers: [SEQUENCER],
    validators: [VALIDATOR],
  })
  const chain = createFakeChain({ clock, market, signers: [], blockTimeMs: 1_000, ...(options.owner && { owner: options.owner }) })
  const source = createFakeSourceChain({ blocks: options.blocks ?? 112, ...(options.depthOf && { depthOf: options.depthOf }) })
  const store = options.store ?? createFakeStore()
  const log: string[] = []
  const sent: string[] = []
  const role = { ...OPTIONS, firstBlock: options.firstBlock ?? OPTIONS.firstBlock, ...options.role }
  const report = expectingPauses(clock, (event: string, facts: object) => void log.push(`${event} ${JSON.stringify(facts)}`))

  function depsOn(disk: FakeStore): EpochsDeps {
    const real = chain.sender({ address: MANAGER, journal: disk })
    const sender: ProtocolSender = {
      ...real,
      send(intentId, call, signal) {
        sent.push(`${intentId}${call.kind === 'releaseEpoch' || call.kind === 'forceSkipEpoch' ? ` ${call.begin}-${call.end}` : ''}`)
        return real.send(intentId, call, signal)
      },
    }
    const bare: EpochsDeps = { chain, source, sender, store: disk, clock, random: { fraction: () => 1 }, report }
    return { ...bare, ...change?.(bare) }
  }

  const deps = depsOn(store)
  running.push(() => chain.stop())
  return {
    clock,
    chain,
    source,
    store,
    log,
    sent,
    deps,
    role,
    start(disk: FakeStore = store) {
      const stop = new AbortController()
      running.push(() => stop.abort())
      const epochs = createEpochs(role, disk === store ? deps : depsOn(disk))
      const ended = epochs.run(stop.signal).catch((cause: unknown) => cause)
      return { stop: () => stop.abort('stopped'), ended, stats: epochs.stats }
    },
    untilEnd: (end: number) => clock.runUntil(async () => (await chain.currentEpoch()).end >= end, { limitMs: 120_000 }),
  }
}
