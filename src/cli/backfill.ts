import { buildCommand } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import type { BackfilledEpoch } from '#node/backfill.ts'
import { stopSignal } from '#node/stop.ts'
import { httpUrl } from './asked.ts'
import { COMPUTE_FLAGS, type ComputeFlags, withComputes } from './compute-place.ts'
import { integerIn } from './parse.ts'

interface Flags extends ComputeFlags {
  readonly from: number
  readonly to: number
  readonly out: string
  readonly ipfs?: string
}

/** A line is written this often at most. */
const TOLD_EVERY_MS = 1_000
const BLOCK = integerIn(0, Number.MAX_SAFE_INTEGER)

/** What is done, and how long the rest takes at the pace of this run. */
function createProgress(out: Pick<NodeJS.WriteStream, 'write'>, { from, to }: Pick<Flags, 'from' | 'to'>) {
  const startedMs = Date.now()
  let toldMs = 0
  const totals = { epochs: 0, kept: 0, snapshots: 0, failed: 0 }
  let fresh = from
  const line = (end: number): string => {
    const elapsedMs = Date.now() - startedMs
    const leftMs = end <= fresh ? 0 : (elapsedMs * (to - end)) / (end - fresh)
    const { epochs, kept, snapshots, failed } = totals
    return `block ${end} of ${from} to ${to}: ${epochs} epochs${kept > 0 ? ` (${kept} were there)` : ''}, ${snapshots} snapshots, ${failed} failed, ${Math.ceil(leftMs / 1_000)} s left`
  }
  return {
    totals,
    onEpoch({ end, projects, failed, isKept, epochId }: BackfilledEpoch): void {
      totals.epochs += 1
      if (isKept) totals.kept += 1
      if (isKept) fresh = end
      totals.snapshots += projects - failed
      totals.failed += failed
      if (Date.now() - toldMs < TOLD_EVERY_MS) return
      toldMs = Date.now()
      out.write(`epoch ${epochId}, ${line(end)}\n`)
    },
  }
}

export const backfillCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags) {
    const signal = stopSignal()
    const { from, to, out, ipfs } = flags
    if (from > to) throw new WeftError('SETTINGS_INVALID', { problems: [`--from ${from} lies behind --to ${to}`] })
    const { backfill, copyToKubo } = await import('#node/backfill.ts')
    await withComputes(this.process, { flags, signal }, async (place, opened) => {
      const { totals, onEpoch } = createProgress(this.process.stderr, flags)
      const copy = ipfs === undefined ? undefined : copyToKubo(ipfs, signal)
      await backfill(place, opened, { from, to, folder: out, signal, onEpoch, ...(copy && { copy }) })
      const { epochs, kept, snapshots, failed } = totals
      this.process.stdout.write(`${JSON.stringify({ epochs, kept, snapshots, failed, folder: out })}\n`)
      this.process.exitCode = failed > 0 ? 1 : 0
    })
  },
  parameters: {
    flags: {
      ...COMPUTE_FLAGS,
      from: { kind: 'parsed', parse: BLOCK, brief: 'First source block' },
      to: { kind: 'parsed', parse: BLOCK, brief: 'Last source block' },
      out: {
        kind: 'parsed',
        parse: String,
        default: 'backfill',
        brief: 'Folder for the snapshots, one file each, and what of them is done',
      },
      ipfs: { kind: 'parsed', parse: httpUrl, optional: true, brief: 'RPC of a Kubo node, which gets and pins each snapshot as well' },
    },
  },
  docs: {
    brief: 'Compute past epochs to files, and to IPFS',
    fullDescription:
      'All projects of the epochs that lie whole within the source blocks, of a devnet or of --rpc, aggregates over what was filled before them. One epoch is in memory at a time. It goes on where it was ended, by Ctrl-C (exit code 130), a crash or whatever else: call it again. Prints one JSON object at the end; exit code 1 when a project failed.',
  },
})
