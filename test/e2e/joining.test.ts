import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { joinNetwork } from './joined.ts'
import { until } from './within.ts'
import { runWeft, type WeftProcess } from './world.ts'

/** A snapshotter that comes to a network which is at work: in its first epoch it has what the others have remembered. */

const NETWORK_MS = 110_000
/** Its first epoch, and the windows in which that becomes final. */
const FIRST_EPOCH_MS = 90_000
/** The market's aggregates over 24 hours, and over seven days. */
const WINDOWS = [
  'aggregate_pairContract_24h_trade_volume:',
  'aggregate_pairContract_7d_trade_volume:',
  'aggregate_poolContract_volume_24h:',
]

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
}
interface Epoch {
  readonly epochId: number
  readonly transitionStatus: Readonly<Record<'SNAPSHOT_BUILD' | 'SNAPSHOT_FINALIZE', Readonly<Record<string, Step>>>>
}

test(
  'its first epoch has the aggregates of 24 hours and of seven days that become final, read from chain and IPFS',
  async () => {
    const devnet = runWeft(['devnet', '--json', '--data-dir', network])
    processes.push(devnet)
    const finished = () => devnet.output().match(/^\{"epochId":\d+/gm)?.length ?? 0
    await until(() => finished() >= 3, { awaited: 'three epochs', limitMs: NETWORK_MS, told: devnet.output, ended: devnet.exited })

    const joined = joinNetwork({ network, own, slots: '1' })
    processes.push(joined)
    await joined.said('"msg":"started"')
    const { http } = JSON.parse(readFileSync(join(own, 'endpoints.json'), 'utf8')) as { readonly http: readonly string[] }
    const url = `${http[0]}/internal/snapshotter/epochProcessingStatus?page=1&size=30`
    let first: Epoch | undefined
    const isFinal = async (): Promise<boolean> => {
      const { items } = (await (await fetch(url)).json()) as { readonly items: readonly Epoch[] }
      // The one that was under way when it came may be over before it has begun.
      first = items.findLast(({ transitionStatus }) => Object.keys(transitionStatus.SNAPSHOT_BUILD).length > 0)
      return first !== undefined && Object.keys(first.transitionStatus.SNAPSHOT_FINALIZE).length > 0
    }
    const told = () => `${joined.output().slice(-2_000)}\n${JSON.stringify(first)}`
    await until(isFinal, { awaited: 'its first epoch being final', limitMs: FIRST_EPOCH_MS, told, ended: joined.exited })

    const { epochId, transitionStatus } = first as unknown as Epoch
    expect(epochId).toBeGreaterThan(3)
    const windows = Object.entries(transitionStatus.SNAPSHOT_FINALIZE).filter(([id]) => WINDOWS.some((type) => id.startsWith(type)))
    for (const type of WINDOWS)
      expect(
        windows.some(([id]) => id.startsWith(type)),
        type,
      ).toBe(true)
    // Success is said of a project whose own CID is the one that became final.
    expect(windows.filter(([, { status }]) => status !== 'success')).toEqual([])
  },
  NETWORK_MS + FIRST_EPOCH_MS + 20_000,
)
