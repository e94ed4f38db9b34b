import { rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { buildCommand } from '@stricli/core'
import { FAULT_EPOCH, FAULTS, type FaultName } from '#devnet/fault-names.ts'
import { DASHBOARD, type DevnetReport } from '#devnet/report.ts'
import { isWeftError } from '#domain/errors.ts'
import { type Given, SETTINGS } from '#node/settings/settings.ts'
import { EXIT_STOPPED, stopSignal } from '#node/stop.ts'
import { givenDataDir } from './data-dir.ts'
import { humanReport, jsonReport } from './devnet-report.ts'
import { openPage } from './open-page.ts'
import { integerIn } from './parse.ts'

interface Flags {
  readonly epochs?: number
  readonly json: boolean
  readonly dataDir?: string
  readonly keep: boolean
  readonly seed: number
  readonly slots: number
  readonly liars: number
  readonly anchoring: 'projects' | 'roots'
  readonly fault?: FaultName
  readonly open: boolean
  readonly computes?: readonly string[]
  readonly watch: boolean
  readonly scaleOut: boolean
}

/** Whether nothing was begun: what was asked for cannot be, or the folder is not the devnet's to take. */
const isRefusal = (failure: unknown): boolean =>
  isWeftError(failure, 'SETTINGS_INVALID') || isWeftError(failure, 'DATA_DIR_FOREIGN') || isWeftError(failure, 'DATA_DIR_LOCKED')

/** As a shell reads it back. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

/** Where traces go, for each of the roles as for one that is run alone. */
const tracesIn = (env: Given): Given => ({
  otlpEndpoint: env[SETTINGS.otlpEndpoint.env] ?? '',
  otlpTracesEndpoint: env[SETTINGS.otlpTracesEndpoint.env] ?? '',
})

/** Opens the dashboard as soon as there is one. */
const opening = (report: DevnetReport, { platform, env }: NodeJS.Process): DevnetReport => ({
  ...report,
  ready(places) {
    report.ready(places)
    for (const { name, where } of places) if (name === DASHBOARD) openPage(String(where), { platform, env })
  },
})

export const devnetCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags) {
    // First of all: loading takes most of a second, in which people press Ctrl-C too.
    const signal = stopSignal()
    const { runDevnet } = await import('#devnet/devnet.ts')
    const { makeTemporaryFolder } = await import('#devnet/folder.ts')
    const env = this.process.env as Given
    const given = givenDataDir(env, flags.dataDir)
    let isTemporary = given === undefined && !flags.keep
    const dataDir = given === undefined ? makeTemporaryFolder() : resolve(given)
    // At the very end, which a second Ctrl-C brings about at once.
    this.process.once('exit', () => {
      if (isTemporary) rmSync(dataDir, { recursive: true, force: true })
    })
    const told = flags.json ? jsonReport(this.process) : humanReport(this.process.stdout, env['TERM'])
    const report = flags.open ? opening(told, this.process) : told
    const { epochs, seed, slots, liars, anchoring, fault, computes, watch, scaleOut } = flags
    let isRefused = false
    try {
      const options = {
        dataDir,
        isTemporary,
        seed,
        slots,
        liars,
        anchoring,
        watch,
        scaleOut,
        settings: tracesIn(env),
        ...(epochs !== undefined && { epochs }),
        ...(fault && { fault }),
        ...(computes && { computeFolders: computes }),
      }
      const { summary, wasUp, advice, provable } = await runDevnet(options, report, signal)
      if (wasUp || flags.json) report.summary(summary)
      else report.progress('stopped before it was up: there was no epoch yet')
      if (advice !== undefined) report.advice(advice)
      if (provable !== undefined)
        report.progress(`proof:\n./weft verify ${provable.projectId} ${provable.epochId} --data-dir ${quoted(dataDir)}`)
      // A script must not take fewer epochs than it asked for, or a network that never was up, as success.
      if (signal.aborted && (!wasUp || summary.epochs < (epochs ?? 0))) this.process.exitCode = EXIT_STOPPED
    } catch (failure) {
      isRefused = isRefusal(failure)
      // Of what was not begun there is nothing to keep.
      if (isRefused && given === undefined) isTemporary = true
      throw failure
    } finally {
      if (!isTemporary && !isRefused) report.progress(`data directory: ${dataDir}`)
    }
  },
  parameters: {
    flags: {
      epochs: {
        kind: 'parsed',
        parse: integerIn(1, 1_000_000),
        optional: true,
        brief: 'Stop after this many finalized epochs, exit code 130 when interrupted before; without it the devnet runs until Ctrl-C',
      },
      json: {
        kind: 'boolean',
        default: false,
        brief:
          'One JSON object per finalized epoch on stdout, then one {"summary":…}, unless a second Ctrl-C ends it at once; nothing else',
      },
      dataDir: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Where state lives (WEFT_DATA_DIR); default: a fresh temporary folder, removed at the end',
      },
      open: { kind: 'boolean', default: false, brief: 'Open the dashboard in a browser, where this machine has one' },
      keep: { kind: 'boolean', default: false, brief: 'Keep the temporary data directory' },
      seed: { kind: 'parsed', parse: integerIn(0, 2 ** 32 - 1), default: '1', brief: 'Seed of the trades on the source chain' },
      slots: { kind: 'parsed', parse: integerIn(3, 100), default: '6', brief: 'Slots that submit' },
      liars: { kind: 'parsed', parse: integerIn(0, 49), default: '1', brief: 'How many of the slots submit falsified snapshots' },
      anchoring: {
        kind: 'enum',
        values: ['projects', 'roots'],
        default: 'projects',
        brief: 'What the chain is told of a batch: each project with its CID, or the roots over both alone',
      },
      computes: {
        kind: 'parsed',
        parse: String,
        variadic: ',',
        optional: true,
        brief: 'Folders of compute sets that run beside those of the devnet, separated by commas (docs/BUILDING.md)',
      },
      watch: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief:
          'Watch the folders of --computes: an edit is tried on the last epochs, shown with what it changes, and holds in every node from the next epoch on',
      },
      scaleOut: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief:
          'Run the sequencer in parts, as it is beyond one machine: two listeners, two ballot boxes, a sealer and its standby, over a NATS server (docs/SCALING.md)',
      },
      fault: {
        kind: 'enum',
        values: FAULTS,
        optional: true,
        brief: `Make this go wrong from epoch ${FAULT_EPOCH}, show step by step what becomes of it, and stop when it is healed; exit code 1 when it is not`,
      },
    },
  },
  docs: {
    brief: 'Run a whole network on this machine',
    fullDescription:
      'Two EVM chains, contracts, Uniswap V2 pairs being traded, epochs released, snapshotters, collectors, a relay, a sequencer, three validators, and an api with a dashboard, whose URL it prints. ' +
      'Needs no key, account, server or configuration. Ctrl-C stops it cleanly. In JSON, releasedAt is in Unix milliseconds of the anchor chain and attestations counts the validators that attested every batch of the epoch.',
  },
})
