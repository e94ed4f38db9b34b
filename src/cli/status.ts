import { buildCommand } from '@stricli/core'
import { lateAfterSeconds, paceInWords } from '#domain/beat.ts'
import { factsText } from '#domain/log-line.ts'
import type { MetricName, Reading } from '#domain/metrics.ts'
import { printable } from '#domain/printable.ts'
import { rangesOf } from '#domain/ranges.ts'
import type { RoleStatus } from '#node/faring.ts'
import type { SlotNow } from '#node/role.ts'
import type { Run } from '#node/run-file.ts'
import type { Given } from '#node/settings/settings.ts'
import type { HomeStatus } from '#node/status.ts'
import { stopSignal } from '#node/stop.ts'
import { dataDirHere, HOME_FLAGS, type HomeFlags } from './data-dir.ts'
import { PLAIN, type Paint, paintFor } from './paint.ts'
import { sizeInWords } from './storage.ts'
import { wrapped } from './words.ts'

/** What stands above on the terminal may be wanted yet: only the page itself goes. */
const CLEAR = '\u001b[H\u001b[2J'
/** More of them make a page that nobody reads; `--json` has all. */
const SLOT_LINES_MAX = 20
const LATELY_SHOWN_MAX = 5
/** Two multiaddrs, and why the one was not reached. */
const FACTS_LENGTH_MAX = 320

type Values = (metric: MetricName, labels?: Reading['labels']) => number | undefined

const valuesOf =
  ({ readings }: RoleStatus): Values =>
  (metric, labels = {}) => {
    const found = readings.filter(
      (each) => each.metric === metric && Object.entries(labels).every(([name, text]) => each.labels[name] === text),
    )
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
  }

const STEPS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
] as const

/** `3 min`, `2.5 h`. */
export function spanInWords(seconds: number): string {
  const [length, unit] = STEPS.find(([step]) => seconds >= 2 * step) ?? [1, 's']
  const count = seconds / length
  return `${count < 10 && length > 1 ? Math.round(count * 10) / 10 : Math.round(count)} ${unit}`
}

/** How old the newest block is, held against the pace of its chain. A source chain is looked at when an epoch asks for it: what counts is how old it was then. */
function ageInWords(values: Values, chain: 'anchor' | 'source'): string {
  const [age, looked, pace] = [
    values('weft_chain_head_age_seconds', { chain }),
    values('weft_chain_looked_seconds', { chain }),
    values('weft_chain_block_seconds', { chain }),
  ]
  if (age === undefined) return ''
  if (age < 0) return `, ${spanInWords(-age)} ahead of the clock here`
  if (chain === 'source' && looked !== undefined)
    return `, ${spanInWords(Math.max(0, age - looked))} old when it was looked at ${spanInWords(looked)} ago${paceInWords(pace)}`
  return `, ${spanInWords(age)} old${age > lateAfterSeconds(pace) ? ': late' : ''}${paceInWords(pace)}`
}

function chainInWords(values: Values, chain: 'anchor' | 'source'): string | undefined {
  const [head, read] = [values('weft_chain_head_block', { chain }), values('weft_chain_read_block', { chain })]
  if (head === undefined) return undefined
  const behind = read === undefined ? '' : head - read > 0 ? `; read to ${read}, ${head - read} behind` : '; read'
  return `head ${head}${ageInWords(values, chain)}${behind}`
}

/** How often each reason is the cause, the most frequent first: `3 missed (2 preload_failed, 1 compute_failed)`. */
function missedInWords({ readings }: RoleStatus): string | undefined {
  const missed = readings.filter(({ metric, labels }) => metric === 'weft_snapshotter_projects_total' && labels['state'] === 'missed')
  if (missed.length === 0) return undefined
  const reasons = missed.toSorted((left, right) => right.value - left.value).map(({ labels, value }) => `${value} ${labels['reason']}`)
  return `${missed.reduce((sum, { value }) => sum + value, 0)} missed (${reasons.join(', ')})`
}

/** Parts of a line, of those that are known. */
const joined = (...parts: readonly (readonly [value: number | undefined, words: string] | string | undefined)[]): string | undefined => {
  const told = parts.flatMap((part) => {
    if (part === undefined || typeof part === 'string') return part ?? []
    const [value, words] = part
    return value === undefined ? [] : `${value} ${words}`
  })
  return told.length === 0 ? undefined : told.join(', ')
}

/** What waits, what goes, and how it ended: of the role that it is. */
function workInWords(values: Values, status: RoleStatus): readonly (readonly [string, string | undefined])[] {
  const oldest = values('weft_collector_outbox_oldest_seconds') ?? 0
  const open = values('weft_collector_outbox_submissions')
  const ended = (ending: string) => values('weft_collector_endings_total', { ending }) ?? (open === undefined ? undefined : 0)
  const used = values('weft_snapshotter_window_used_ratio')
  return [
    [
      'epochs',
      joined(
        [values('weft_snapshotter_epochs_open'), 'open'],
        [values('weft_snapshotter_epochs_total', { state: 'done' }), 'done'],
        [values('weft_snapshotter_late_total') || undefined, 'late'],
        [values('weft_snapshotter_epochs_total', { state: 'skipped' }), 'skipped'],
        [values('weft_releases_total', { outcome: 'done' }), 'released'],
        [values('weft_sequencer_unfinished_epochs'), 'unfinished'],
        [values('weft_sequencer_epochs_total', { state: 'ended' }), 'sealed'],
        [values('weft_sequencer_epochs_total', { state: 'missed' }), 'missed'],
      ),
    ],
    ['window', used === undefined ? undefined : `${Math.round(used * 100)} % of it used by the last epoch${used > 1 ? ': late' : ''}`],
    [
      'projects',
      joined(
        [values('weft_snapshotter_projects_total', { state: 'submitted' }), 'submitted'],
        missedInWords(status),
        [values('weft_snapshotter_outcomes_total', { verdict: 'same' }), 'final as ours'],
        [values('weft_snapshotter_outcomes_total', { verdict: 'other' }), 'outvoted'],
      ),
    ],
    [
      'outbox',
      open === undefined
        ? undefined
        : `${open} open${oldest > 0 ? `, the oldest for ${spanInWords(oldest)}` : ''}, ${values('weft_collector_in_flight_submissions') ?? 0} in flight`,
    ],
    [
      'deliveries',
      joined(
        [ended('acknowledged'), 'acknowledged'],
        [ended('rejected'), 'rejected'],
        [ended('expired'), 'expired'],
        [values('weft_sequencer_receipts_total', { code: 'accepted' }), 'accepted'],
        [values('weft_sequencer_waiting_submissions'), 'waiting'],
      ),
    ],
    [
      'batches',
      joined(
        [values('weft_validator_batches_total', { state: 'attested' }), 'attested'],
        [values('weft_validator_divergent_total'), 'divergent'],
        [values('weft_validator_batches_total', { state: 'missed' }), 'missed'],
      ),
    ],
    [
      'peers',
      joined(
        [values('weft_relay_reservations'), 'reached through the relay'],
        [values('weft_relay_circuits'), values('weft_relay_circuits') === 1 ? 'circuit' : 'circuits'],
        [values('weft_collector_linked'), values('weft_collector_linked') === 1 ? 'link to a sequencer' : 'links to a sequencer'],
        [values('weft_peers', { purpose: 'submissions' }), 'where submissions come in'],
        [values('weft_peers', { purpose: 'ipfs' }), 'of the IPFS node'],
      ),
    ],
  ]
}

function moneyInWords({ money }: RoleStatus): string | undefined {
  if (money === undefined) return undefined
  const { account, balanceEther, spentEtherPerDay, lastsDays } = money
  const rate = spentEtherPerDay === undefined ? '' : `, ${Number(spentEtherPerDay.toPrecision(3))} a day`
  const lasts = lastsDays === undefined ? '' : `: lasts ${Math.floor(lastsDays)} days`
  return `${account} has ${Number(balanceEther.toPrecision(6))} ether${rate}${lasts}`
}

/** One line for all slots that fare alike: of hundreds the few that do not are to be seen. How many were handed over differs with the moment that one is asked. */
function slotsInWords(slots: readonly SlotNow[]): readonly string[] {
  const alike = Map.groupBy(slots, ({ lastEpochId, outvoted, leftOut }) => JSON.stringify([String(lastEpochId), outvoted, leftOut]))
  return [...alike.values()].map((some) => {
    const ids = rangesOf(some.map(({ slotId }) => slotId)).join(', ')
    return `${ids}${some.length === 1 ? '' : ', each'}: ${slotInWords(some)}`
  })
}

/** `3`, `3 to 5`. */
function betweenInWords(counts: readonly number[]): string {
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  return least === most ? String(least) : `${least} to ${most}`
}

function slotInWords(alike: readonly SlotNow[]): string {
  const of = (count: (slot: SlotNow) => number | undefined): string => betweenInWords(alike.flatMap((slot) => count(slot) ?? []))
  const [{ lastEpochId, deliveredToday, dailyQuota } = {}] = alike
  const lastMs = Math.max(...alike.flatMap((slot) => slot.lastMs ?? []))
  const ago = Number.isFinite(lastMs) ? `, ${spanInWords(Math.max(0, Date.now() - lastMs) / 1_000)} ago` : ''
  const last = lastEpochId === undefined ? 'nothing submitted yet' : `epoch ${lastEpochId}${ago}`
  const day = deliveredToday === undefined ? '' : `; ${of((slot) => slot.deliveredToday)} of ${dailyQuota} today`
  const ends = `${of(({ included }) => included)} included, ${of(({ outvoted }) => outvoted)} outvoted, ${of(({ leftOut }) => leftOut)} left out`
  return `${last}; ${of(({ handedOver }) => handedOver)} handed over, ${ends}${day}`
}

function factsInWords(facts: Readonly<Record<string, unknown>>): string {
  const text = factsText(facts)
  return text.length > FACTS_LENGTH_MAX ? `${text.slice(0, FACTS_LENGTH_MAX)}…` : text
}

function alertsInWords({ alerts }: RoleStatus): string | undefined {
  const [last] = alerts
  if (last === undefined) return undefined
  const failed = last.failed.length > 0 ? `, and not to ${last.failed.join(', ')}` : ''
  return `${moment(last.atMs)} to ${last.sent.join(', ') || 'nobody'}${failed}: ${last.event}${alerts.length > 1 ? `; ${alerts.length - 1} before` : ''}`
}

const row = (name: string, text: string): string => `  ${name.padEnd(12)} ${text}`
const clock = (ms: number): string => `${new Date(ms).toISOString().slice(11, 19)}Z`
/** The same with its day, where that is not today. */
function moment(ms: number): string {
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10)
  return day(ms) === day(Date.now()) ? clock(ms) : `${day(ms)} ${clock(ms)}`
}
const INDENT = ' '.repeat(6)

function roleInWords(status: RoleStatus, { bad, doubtful, quiet }: Paint): readonly string[] {
  const values = valuesOf(status)
  const bytes = (metric: MetricName): string => sizeInWords(values(metric) ?? 0)
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['anchor chain', chainInWords(values, 'anchor')],
    ['source chain', chainInWords(values, 'source')],
    ...workInWords(values, status),
    ['money', moneyInWords(status)],
    ['alerts', alertsInWords(status)],
    ['disk', `${bytes('weft_disk_free_bytes')} free of ${bytes('weft_disk_size_bytes')}; store ${bytes('weft_store_bytes')}`],
    ['memory', bytes('process_resident_memory_bytes')],
  ]
  const slots = slotsInWords(status.slots ?? [])
  const going = status.troubles.map(
    ({ event, sinceMs, times, facts, help }) =>
      `  ${doubtful(`! ${event}`)} for ${spanInWords(Math.max(0, Date.now() - sinceMs) / 1_000)}, since ${clock(sinceMs)}${times > 1 ? `, ${times} times` : ''}  ${factsInWords(facts)}\n${wrapped(help, INDENT)}`,
  )
  return [
    ...rows.flatMap(([name, text]) => (text === undefined ? [] : [row(name, text)])),
    ...slots.slice(0, SLOT_LINES_MAX).map((slot, index) => row(index === 0 ? 'slots' : '', slot)),
    ...(slots.length > SLOT_LINES_MAX ? [row('', `and ${slots.length - SLOT_LINES_MAX} lines more of slots: --json`)] : []),
    ...status.unready.map(
      ({ reason, detail, help }) =>
        `  ${bad(`✘ ${reason}${detail === undefined ? '' : ` (${printable(detail)})`}`)}\n${wrapped(help, INDENT)}`,
    ),
    ...going,
    ...status.lately
      .slice(0, LATELY_SHOWN_MAX)
      // What would have helped is no news any more.
      .map(({ event, lastMs, facts: { help: _, ...facts } }) => quiet(`  · ${clock(lastMs)} ${event}  ${factsInWords(facts)}`)),
  ]
}

const UNANSWERED: Readonly<Record<Exclude<HomeStatus['state'], 'running'>, string>> = {
  stopped: 'does not run',
  failed: 'does not run',
  killed: 'does not run: its process ended without stopping it; start it again, nothing acknowledged is lost',
  unasked: 'runs, and its health routes are off: --health-listen',
  mute: 'runs, and does not answer',
}

/** Which start it was, for whoever has tried several times since. */
function failureInWords({ failed, startedMs, processId, version }: Run): string {
  if (failed === undefined) return ''
  const start = `of ${moment(startedMs)} (process ${processId}, Weft ${version})`
  return failed.isStart === true
    ? `: its last start, ${start}, failed`
    : `: it ended by itself at ${moment(failed.atMs)}, after the start ${start}`
}

/** A role of a home, in lines. */
export function statusInWords({ name, state, run, status, detail }: HomeStatus, paint: Paint = PLAIN): string {
  const of = run === undefined || run.role === name ? name : `${name} (${run.role})`
  if (status === undefined || state !== 'running') {
    const how = run === undefined ? '' : failureInWords(run)
    const why = `${UNANSWERED[state as keyof typeof UNANSWERED]}${how}`
    return `${of}: ${paint.bad(why)}${detail === undefined ? '' : `: ${printable(detail)}`}`
  }
  const up = spanInWords(Math.max(0, Date.now() - status.startedMs) / 1_000)
  const is = status.isReady ? paint.good('ready') : paint.bad('not ready')
  return [`${of}: ${is}, process ${status.processId}, up ${up}`, ...roleInWords(status, paint)].join('\n')
}

interface Flags extends HomeFlags {
  readonly watch: boolean
}

export const statusCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags) {
    const { isWell, statusesIn, watchStatuses } = await import('#node/status.ts')
    const dataDir = await dataDirHere(this.process.env as Given, flags.dataDir)
    const { stdout } = this.process
    const paint = paintFor(this.process)
    const show = (roles: readonly HomeStatus[]): void => {
      const isAllWell = roles.every(isWell)
      this.process.exitCode = isAllWell ? 0 : 1
      if (flags.json) stdout.write(`${JSON.stringify({ dataDir, isWell: isAllWell, roles })}\n`)
      else stdout.write(`${flags.watch && stdout.isTTY ? CLEAR : ''}${roles.map((role) => statusInWords(role, paint)).join('\n\n')}\n`)
    }
    if (!flags.watch) return show(await statusesIn(dataDir))
    for await (const roles of watchStatuses(dataDir, stopSignal())) show(roles)
  },
  parameters: {
    flags: {
      ...HOME_FLAGS,
      watch: { kind: 'boolean', default: false, withNegated: false, brief: 'Show it again every two seconds, until Ctrl-C' },
      json: {
        kind: 'boolean',
        default: false,
        brief: 'Print one JSON object, with --watch one each time: dataDir, isWell, and each role with all its readings',
      },
    },
  },
  docs: {
    brief: 'Say how roles fare, what is wrong and what to do',
    fullDescription:
      'Heads and lag, slots, queues, money and how long it lasts, disk. Asks each role of the data directory that runs, at the health port that its `run.json` names. A role is ready when its next submission, batch or vote would be accepted, as far as the last receipt or chain answer shows. `✘` is why it is not, `!` a trouble that goes on, `·` what happened within the last hour; `./weft explain` knows every word. Slots are counted over the epochs that a snapshotter keeps. Exit code 0: all of them run, are ready and have no error; 1: one does not.',
  },
})
