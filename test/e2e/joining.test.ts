import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { joinNetwork, mintSlots } from './joined.ts'
import { until } from './within.ts'
import { runWeft, type WeftProcess } from './world.ts'

/** A snapshotter that comes to a network which is at work: in its first epoch it has what the others have remembered, and no kill makes it begin anew. */

const NETWORK_MS = 110_000
/** An epoch of its own, and the windows in which that becomes final. */
const EPOCH_MS = 90_000
/** The market's aggregates over 24 hours, and over seven days. */
const WINDOWS = [
  'aggregate_pairContract_24h_trade_volume:',
  'aggregate_pairContract_7d_trade_volume:',
  'aggregate_poolContract_volume_24h:',
]

/** What is said of a project that the others had decided before it was computed here. */
const TOO_LATE = 'finalized without a submission of ours'

const folders = [mkdtempSync(join(tmpdir(), 'weft-e2e-joining-')), mkdtempSync(join(tmpdir(), 'weft-e2e-joined-'))] as const
const [network, own] = folders
const processes: WeftProcess[] = []
afterAll(async () => {
  for (const { child } of processes) child.kill('SIGINT')
  await Promise.all(processes.map(({ exited }) => exited))
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

interface Step {
  readonly status: string
  readonly error: string | null
  readonly timestamp: number
}
type Steps = Readonly<Record<string, Step>>
interface Epoch {
  readonly epochId: number
  readonly transitionStatus: Readonly<Record<'SNAPSHOT_BUILD' | 'SNAPSHOT_SUBMIT_COLLECTOR' | 'SNAPSHOT_FINALIZE', Steps>>
}

/** Starts the newcomer, or starts it again. `epochs` are those on its record, the newest first. */
async function startNewcomer(): Promise<{ readonly joined: WeftProcess; epochs(): Promise<readonly Epoch[]> }> {
  const joined = joinNetwork({ network, own, slots })
  processes.push(joined)
  await joined.said('"msg":"started"')
  const { http } = JSON.parse(readFileSync(join(own, 'endpoints.json'), 'utf8')) as { readonly http: readonly string[] }
  return {
    joined,
    async epochs() {
      const response = await fetch(`${http[0]}/internal/snapshotter/epochProcessingStatus?page=1&size=30`)
      return ((await response.json()) as { readonly items: readonly Epoch[] }).items
    },
  }
}

/** Its own, which nobody else signs for. */
let slots: string
let newcomer: Awaited<ReturnType<typeof startNewcomer>>
/** The newest epoch that was open when it came: what it has no more time for says so for good. */
let openAtFirst = 0

const count = (steps: Steps): number => Object.keys(steps).length
const succeeded = (steps: Steps): number => Object.values(steps).filter(({ status }) => status === 'success').length
const tail = (process: WeftProcess, epoch: Epoch | undefined): string => `${process.output().slice(-2_000)}\n${JSON.stringify(epoch)}`

test(
  'its first epoch has the aggregates of 24 hours and of seven days that become final, read from chain and IPFS',
  async () => {
    const devnet = runWeft(['devnet', '--json', '--data-dir', network])
    processes.push(devnet)
    const finished = () => devnet.output().match(/^\{"epochId":\d+/gm)?.length ?? 0
    await until(() => finished() >= 3, { awaited: 'three epochs', limitMs: NETWORK_MS, told: devnet.output, ended: devnet.exited })

    slots = await mintSlots({ network, own, count: 1 })
    newcomer = await startNewcomer()
    const { joined, epochs } = newcomer
    // Of those that were open when it came, the votes may be in already.
    openAtFirst = Math.max(0, ...(await epochs()).map(({ epochId }) => epochId))
    let first: Epoch | undefined
    // On a busy machine the first may be decided before it is computed here: then it is the next, whose windows are those of a newcomer all the same.
    const isFinal = async (): Promise<boolean> => {
      first = (await epochs()).findLast(({ epochId, transitionStatus }) => {
        const final = Object.entries(transitionStatus.SNAPSHOT_FINALIZE).filter(([, { error }]) => error !== TOO_LATE)
        return epochId > openAtFirst && WINDOWS.every((type) => final.some(([id]) => id.startsWith(type)))
      })
      return first !== undefined
    }
    const told = () => tail(joined, first)
    await until(isFinal, { awaited: 'its first epoch being final', limitMs: EPOCH_MS, told, ended: joined.exited })

    const { epochId, transitionStatus } = first as unknown as Epoch
    expect(epochId).toBeGreaterThan(3)
    const windows = Object.entries(transitionStatus.SNAPSHOT_FINALIZE).filter(
      ([id, { error }]) => error !== TOO_LATE && WINDOWS.some((type) => id.startsWith(type)),
    )
    // Success is said of a project whose own CID is the one that became final.
    expect(windows.filter(([, { status }]) => status !== 'success')).toEqual([])
  },
  NETWORK_MS + EPOCH_MS + 20_000,
)

test(
  'N2: killed between the first CID of an epoch and its last hand-over it goes on where it was',
  async () => {
    const { joined, epochs } = newcomer
    let cut: Epoch | undefined
    const isAmid = async (): Promise<boolean> => {
      cut = (await epochs()).find(({ epochId, transitionStatus: { SNAPSHOT_BUILD, SNAPSHOT_SUBMIT_COLLECTOR } }) => {
        return epochId > openAtFirst && count(SNAPSHOT_SUBMIT_COLLECTOR) < succeeded(SNAPSHOT_BUILD)
      })
      return cut !== undefined
    }
    await until(isAmid, { awaited: 'an epoch amid its work', limitMs: EPOCH_MS, told: () => tail(joined, cut), ended: joined.exited })
    joined.child.kill('SIGKILL')
    await joined.exited
    const before = cut as unknown as Epoch

    const again = await startNewcomer()
    let after: Epoch | undefined
    const isWhole = async (): Promise<boolean> => {
      after = (await again.epochs()).find(({ epochId }) => epochId === before.epochId)
      if (after === undefined) return false
      const { SNAPSHOT_BUILD, SNAPSHOT_SUBMIT_COLLECTOR, SNAPSHOT_FINALIZE } = after.transitionStatus
      return count(SNAPSHOT_FINALIZE) > 0 && count(SNAPSHOT_SUBMIT_COLLECTOR) === succeeded(SNAPSHOT_BUILD)
    }
    const told = () => tail(again.joined, after)
    await until(isWhole, {
      awaited: 'the epoch being final, and all of it handed over',
      limitMs: EPOCH_MS,
      told,
      ended: again.joined.exited,
    })
    const { SNAPSHOT_BUILD, SNAPSHOT_SUBMIT_COLLECTOR, SNAPSHOT_FINALIZE } = (after as unknown as Epoch).transitionStatus
    // What was computed stays computed, when it was, and nothing is left behind.
    expect(SNAPSHOT_BUILD).toMatchObject(before.transitionStatus.SNAPSHOT_BUILD)
    expect(count(SNAPSHOT_SUBMIT_COLLECTOR)).toBe(count(SNAPSHOT_BUILD))
    const failed = [SNAPSHOT_BUILD, SNAPSHOT_SUBMIT_COLLECTOR, SNAPSHOT_FINALIZE].flatMap((steps) =>
      Object.entries(steps).filter(([, { status }]) => status !== 'success'),
    )
    expect(failed).toEqual([])
  },
  2 * EPOCH_MS + 20_000,
)
