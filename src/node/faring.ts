import { reading, type Reading } from '#domain/metrics.ts'
import { UNREADY_REASONS } from '#domain/reasons.ts'
import { helpOf, type Trouble } from '#domain/troubles.ts'
import { systemClock } from '#io/clock/system.ts'
import { NO_TOTALS, type Sender } from '#wire/alert-bodies.ts'
import { hostname } from 'node:os'
import type { SentAlert } from './alerts.ts'
import type { RoleHome } from './home.ts'
import type { MoneyNow } from './money.ts'
import { createLoopDelay, ofDisk, ofProcess } from './process-readings.ts'
import type { SlotNow, Unready, Vitals } from './role.ts'
import type { Run } from './run-file.ts'
import type { Role } from './settings/roles.ts'
import { VERSION } from './version.ts'

/** How a role fares, from its start to its end: what all roles have alike, and what its wiring says beside. */

/** How a role fares, as `/status` answers. */
export interface RoleStatus extends Omit<Run, 'url'> {
  readonly isReady: boolean
  readonly unready: readonly (Unready & { readonly help: string })[]
  /** What goes on, with what to do about it; then what happened within the last hour. */
  readonly troubles: readonly ToldTrouble[]
  readonly lately: readonly ToldTrouble[]
  readonly readings: readonly Reading[]
  readonly money?: MoneyNow | undefined
  readonly slots?: readonly SlotNow[] | undefined
  /** What people were told of, the newest first. */
  readonly alerts: readonly SentAlert[]
}
type ToldTrouble = Trouble & { readonly help: string }

export interface Faring {
  readonly run: Omit<Run, 'url'>
  /** The role works from now on. */
  begin(vitals: Vitals | undefined): void
  /** It does no more. */
  end(): void
  unready(): readonly Unready[]
  readings(): readonly Reading[]
  /** May ask the chain, about money and slots, and only now and then. */
  status(): Promise<Omit<RoleStatus, 'alerts'>>
  /** Has the balance asked for, when that is due: whoever reads metrics waits for no chain. */
  refresh(): void
  /** In whose name alerts go out. */
  sender(): Sender
  stop(): void
}

/** Slots are read from disk and from the chain, one by one: whoever asks more often gets what was. */
const SLOTS_EVERY_MS = 10_000

/** An endpoint that is well takes a tenth of it, and whoever asks waits twice as long. */
const CHAIN_WITHIN_MS = 3_000

/** Whether money runs out is said to people who never ask for it: as often as it asks the chain at most. */
const MONEY_EVERY_MS = 60_000

/** Troubles that keep the next call, or the next verdict, from being made. */
const UNREADY_TROUBLES = [
  ['not_appointed', 'not_appointed'],
  ['call_needs_person', 'account_stuck'],
  ['manifest_unknown', 'rules_unknown'],
  ['epoch_held', 'rules_unknown'],
  ['disk_full', 'store_full'],
  ['restored', 'restored'],
] as const

/** A step that fails with one of them has nothing to send. */
const UNSIGNED: ReadonlySet<unknown> = new Set(['SIGNER_FAILED', 'SIGNER_LIED'])

/** What the log says of what goes on, each reason once. */
function reasonsIn(troubles: readonly Trouble[]): readonly Unready[] {
  const events = new Set<string>(troubles.map(({ event }) => event))
  const reasons = new Set(UNREADY_TROUBLES.flatMap(([event, reason]) => (events.has(event) ? [reason] : [])))
  const unsigned = troubles.findLast(({ event, facts: { code } }) => event === 'will_try_again' && UNSIGNED.has(code))
  return [
    ...[...reasons].map((reason) => ({ reason })),
    ...(unsigned === undefined ? [] : [{ reason: 'signer_failed', detail: String(unsigned.facts['code']) } as const]),
  ]
}

/** What the log says of a reason while it lasts is told as that reason. */
const besideUnready = (troubles: readonly Trouble[]): readonly Trouble[] => troubles.filter(({ event }) => event !== 'unready')

export function createFaring(role: Role, { notes, directory }: Pick<RoleHome, 'notes' | 'directory'>): Faring {
  let [vitals, phase] = [undefined as Vitals | undefined, 'starting' as 'starting' | 'working' | 'ended']
  const { troubles, anchor, source, recorder, peers } = notes
  const loop = createLoopDelay()
  const run = { role, processId: process.pid, startedMs: systemClock.nowMs(), version: VERSION }
  const counting = setInterval(() => void vitals?.money?.ask(), MONEY_EVERY_MS)
  counting.unref()
  const slots = nowAndThen(SLOTS_EVERY_MS, async () => vitals?.slots?.())

  const unready = (): readonly Unready[] =>
    phase === 'working'
      ? [...anchor.unready(), ...source.unready(), ...reasonsIn(troubles.now()), ...(vitals?.unready() ?? [])]
      : [{ reason: phase }]

  function readings(): readonly Reading[] {
    const reasons = unready()
    const going = Map.groupBy(besideUnready(troubles.now()), ({ event }) => event)
    return [
      reading('weft_info', 1, { role, version: VERSION }),
      reading('weft_ready', reasons.length === 0 ? 1 : 0, {}),
      ...reasons.map(({ reason }) => reading('weft_unready', 1, { reason })),
      ...[...going].map(([event, some]) => reading('weft_trouble', some.length, { event })),
      ...[...loop.readings(), ...ofProcess(), ...ofDisk(directory)],
      ...[...peers].map(([purpose, count]) => reading('weft_peers', count(), { purpose })),
      ...[...recorder.read(), ...anchor.readings(), ...source.readings()],
      ...[...(vitals?.money?.readings() ?? []), ...(vitals?.readings() ?? [])],
    ]
  }

  return {
    run,
    begin(given) {
      vitals = given
      phase = 'working'
    },
    end() {
      phase = 'ended'
    },
    unready,
    readings,
    async status() {
      // What is told of money must not say otherwise than what is wrong with it.
      const isStuck = unready().some(({ reason }) => reason === 'account_stuck')
      const [money, known] = await Promise.all([inTime(vitals?.money?.ask(isStuck)), inTime(slots())])
      const reasons = unready().map((each) => ({ ...each, help: UNREADY_REASONS[each.reason] }))
      const told = { troubles: besideUnready(troubles.now()).map(withHelp), lately: troubles.lately().map(withHelp) }
      return { ...run, isReady: reasons.length === 0, unready: reasons, ...told, readings: readings(), money, slots: known }
    },
    refresh: () => void vitals?.money?.ask(),
    sender: () => vitals?.sender?.() ?? { instanceId: `${role} at ${hostname()}`, slotId: 0, totals: NO_TOTALS },
    stop() {
      clearInterval(counting)
      loop.stop()
    },
  }
}

/** A chain that takes every question and answers none is when people ask most: what it should have said is left out. */
async function inTime<Value>(asked: Promise<Value> | undefined): Promise<Value | undefined> {
  const answered = new AbortController()
  const late = systemClock.sleep(CHAIN_WITHIN_MS, answered.signal).then(
    () => undefined,
    () => undefined,
  )
  try {
    return await Promise.race([asked, late])
  } finally {
    answered.abort()
  }
}

/** What `ask` gives, asked anew when the last answer is so old. */
function nowAndThen<Value>(everyMs: number, ask: () => Promise<Value>): () => Promise<Value> {
  let last: { readonly atMs: number; readonly answer: Promise<Value> } | undefined
  return () => {
    if (last === undefined || systemClock.nowMs() - last.atMs >= everyMs) last = { atMs: systemClock.nowMs(), answer: ask() }
    return last.answer
  }
}

const withHelp = (trouble: Trouble): ToldTrouble => ({ ...trouble, help: helpOf(trouble) })
