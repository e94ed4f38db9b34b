import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { joinNetwork, mintSlots } from '../../e2e/joined.ts'
import { until } from '../../e2e/within.ts'
import { runWeft, type WeftProcess } from '../../e2e/world.ts'

const START_MS = 120_000
const EPOCHS_MS = 120_000

/** The most that a snapshotter process has had in memory after so many epochs of both shipped sets, in MB; it signs for so many slots of a devnet. */
export async function measureMemory(options: { readonly slots: number; readonly epochs: number }): Promise<number> {
  const [network, own] = [mkdtempSync(join(tmpdir(), 'weft-bench-network-')), mkdtempSync(join(tmpdir(), 'weft-bench-snapshotter-'))]
  const processes: WeftProcess[] = []
  const run = (process: WeftProcess): WeftProcess => {
    processes.push(process)
    return process
  }
  try {
    const devnet = run(runWeft(['devnet', '--json', '--liars', '0', '--data-dir', network]))
    const ending = { told: devnet.output, ended: devnet.exited }
    await until(() => /^\{"epochId":/m.test(devnet.output()), { awaited: 'an epoch of the devnet', limitMs: START_MS, ...ending })
    const slots = await mintSlots({ network, own, count: options.slots })
    const joined = run(joinNetwork({ network, own, slots }))
    const done = () => joined.output().match(/"msg":"epoch_done"/g)?.length ?? 0
    await until(() => done() >= options.epochs, {
      awaited: `${options.epochs} epochs of the snapshotter`,
      limitMs: EPOCHS_MS,
      told: joined.output,
      ended: joined.exited,
    })
    const [, kb = ''] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${joined.child.pid}/status`, 'utf8')) ?? []
    return Number(kb) / 1_000
  } finally {
    for (const { child } of processes) child.kill('SIGINT')
    await Promise.all(processes.map(({ exited }) => exited))
    for (const folder of [network, own]) rmSync(folder, { recursive: true, force: true })
  }
}
