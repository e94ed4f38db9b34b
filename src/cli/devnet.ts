import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { buildCommand } from '@stricli/core'
import type { DevnetReport, EpochLine, Place } from '#devnet/report.ts'
import { stopSignal } from '#node/stop.ts'
import { integerIn } from './parse.ts'

interface Flags {
  readonly epochs?: number
  readonly json: boolean
  readonly dataDir?: string
  readonly keep: boolean
  readonly seed: number
  readonly slots: number
  readonly liars: number
}

export const devnetCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags) {
    // First of all: loading takes most of a second, in which people press Ctrl-C too.
    const signal = stopSignal()
    const { runDevnet } = await import('#devnet/devnet.ts')
    const given = flags.dataDir ?? this.process.env['WEFT_DATA_DIR']
    const isTemporary = given === undefined && !flags.keep
    const dataDir = given === undefined ? mkdtempSync(join(tmpdir(), 'weft-devnet-')) : resolve(given)
    // At the very end, which a second Ctrl-C brings about at once.
    if (isTemporary) this.process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }))
    const report = flags.json ? jsonReport(this.process) : humanReport(this.process)
    const { epochs, seed, slots, liars } = flags
    try {
      const summary = await runDevnet({ dataDir, seed, slots, liars, ...(epochs === undefined ? {} : { epochs }) }, report, signal)
      report.summary(summary)
    } finally {
      if (!isTemporary) report.progress(`data directory: ${dataDir}`)
    }
  },
  parameters: {
    flags: {
      epochs: {
        kind: 'parsed',
        parse: integerIn(1, 1_000_000),
        optional: true,
        brief: 'Stop after this many finalized epochs; without it the devnet runs until Ctrl-C',
      },
      json: {
        kind: 'boolean',
        default: false,
        brief: 'One JSON object per finalized epoch on stdout, then one {"summary":…}; nothing else',
      },
      dataDir: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Where state lives (WEFT_DATA_DIR); default: a fresh temporary folder, removed at the end',
      },
      keep: { kind: 'boolean', default: false, brief: 'Keep the temporary data directory' },
      seed: { kind: 'parsed', parse: integerIn(0, 2 ** 32 - 1), default: '1', brief: 'Seed of the trades on the source chain' },
      slots: { kind: 'parsed', parse: integerIn(3, 100), default: '6', brief: 'Slots that submit' },
      liars: { kind: 'parsed', parse: integerIn(0, 49), default: '1', brief: 'How many of the slots submit falsified snapshots' },
    },
  },
  docs: {
    brief: 'Run a whole network on this machine',
    fullDescription:
      'Two EVM chains, contracts, Uniswap V2 pairs being traded, epochs released, snapshotters, collectors, a relay, a sequencer and three validators. ' +
      'Needs no key, account, server or configuration. Ctrl-C stops it cleanly. In JSON, releasedAt is in Unix milliseconds of the anchor chain and attestations counts the validators that attested every batch of the epoch.',
  },
})

function jsonReport({ stdout, stderr }: NodeJS.Process): DevnetReport {
  return {
    progress: (text) => void stderr.write(`${text}\n`),
    ready: () => undefined,
    live: () => undefined,
    epoch: (line) => void stdout.write(`${JSON.stringify(line)}\n`),
    summary: (summary) => void stdout.write(`${JSON.stringify({ summary })}\n`),
  }
}

const HEADINGS = 'epoch  accepted  rejected  finalized/projects  batches  attestations  outvoted  released to finalized'

function humanReport({ stdout }: NodeJS.Process): DevnetReport {
  const isLive = stdout.isTTY === true
  const clear = isLive ? '\r\u001b[2K' : ''
  const say = (text: string): void => void stdout.write(`${clear}${text}\n`)
  return {
    progress: say,
    ready(places: readonly Place[]) {
      const width = Math.max(...places.map(({ name }) => name.length))
      for (const { name, where } of places) say(`  ${name.padEnd(width)}  ${where}`)
      say(`\n${HEADINGS}`)
    },
    live(line) {
      // Only a terminal can take a line back; a file gets each epoch once, when it is final.
      if (isLive) stdout.write(`${clear}${row(line)}  …`)
    },
    epoch: (line) => say(row(line)),
    summary(summary) {
      const outvoted = summary.outvoted.map(({ slotId, epochs }) => `slot ${slotId} in ${epochs} epochs`).join(', ')
      say(
        `\n${summary.epochs} epochs finalized, ${summary.accepted} submissions accepted, ${summary.rejected} rejected, ${summary.finalized} snapshots finalized and attested`,
      )
      say(`outvoted: ${outvoted === '' ? 'nobody' : `${outvoted}; ${summary.outvotedSnapshots} of its snapshots lost`}`)
      for (const [code, count] of Object.entries(summary.rejections)) say(`rejected as ${code}: ${count}`)
      for (const epoch of summary.unfinished) say(`epoch ${epoch.epochId} was not finalized: ${epoch.reason}`)
    },
  }
}

function row(line: EpochLine): string {
  const cells: readonly [string, number][] = [
    [String(line.epochId), 5],
    [String(line.accepted), 8],
    [String(line.rejected), 8],
    [`${line.finalized}/${line.projects}`, 18],
    [String(line.batches), 7],
    [String(line.attestations), 12],
    [String(line.outvotedSlots), 8],
    [line.releasedToFinalizedMs === 0 ? '' : `${line.releasedToFinalizedMs} ms`, 21],
  ]
  return cells.map(([text, width]) => text.padStart(width)).join('  ')
}
