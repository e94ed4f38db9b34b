import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { FAULT_EPOCH, FAULTS, type FaultName } from '#devnet/fault-names.ts'
import type { DevnetSummary, EpochLine, FaultStep } from '#devnet/report.ts'
import { within } from './within.ts'

/** A whole network in which something goes wrong on purpose: each fault is seen, and what heals it. */

const weft = join(import.meta.dirname, '../../src/cli/main.ts')
/** About 40 s on a machine with nothing else to do, and some epochs more where a busy one misses one. */
const RUN_MS = 150_000
const folder = mkdtempSync(join(tmpdir(), 'weft-e2e-fault-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Line = Partial<EpochLine> & { readonly fault?: FaultStep; readonly summary?: DevnetSummary }

const dataDirOf = (fault: FaultName): string => join(folder, fault)

async function run(fault: FaultName): Promise<{ code: number; lines: Line[]; told: string }> {
  const dataDir = dataDirOf(fault)
  const args = ['--disable-warning=ExperimentalWarning', weft, 'devnet', '--json', '--fault', fault, '--data-dir', dataDir]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk)
  })
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
  })
  const logs = (): string =>
    readdirSync(join(dataDir, 'logs'))
      .map((name) => `${name}:\n${readFileSync(join(dataDir, 'logs', name), 'utf8').slice(-500)}`)
      .join('\n')
  const told = () => `${stdout}${stderr}${logs()}`
  try {
    const [code] = (await within(once(child, 'close'), { awaited: `the end of a devnet with ${fault}`, limitMs: RUN_MS, told })) as [number]
    const lines = stdout.trim().split('\n')
    return { code, lines: lines.map((line) => JSON.parse(line) as Line), told: told() }
  } finally {
    child.kill('SIGKILL')
  }
}

/** Asks the devnet that has ended and is kept. */
function ask(...args: string[]): { readonly code: number | null; readonly out: string } {
  const { status, stdout } = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', weft, ...args], { encoding: 'utf8' })
  return { code: status, out: stdout }
}

/** Of the epoch in which the votes of a slot were thrown away: the receipts of those prove it, and those of others that they were kept. */
function expectReceiptsProve(epochId: number, told: string): void {
  const kept = ['--data-dir', dataDirOf('lying-sequencer')]
  const lines = ask('outbox', '--epoch', String(epochId), '--json', ...kept)
    .out.trim()
    .split('\n')
  const entries = lines.map((line) => JSON.parse(line) as { submissionId: string; state: string; fate?: string })
  for (const [fate, verdict, code] of [
    ['missing', 'fault', 3],
    ['included', 'included', 0],
  ] as const) {
    const entry = entries.find((each) => each.state === 'acknowledged' && each.fate === fate)
    expect(entry, `a submission that is ${fate}\n${lines.join('\n')}\n${told}`).toBeDefined()
    const file = join(folder, `${fate}.json`)
    ask('outbox', 'receipt', entry?.submissionId ?? '', '--out', file, ...kept)
    const judged = ask('verify', 'receipt', file, '--json', ...kept)
    expect([(JSON.parse(judged.out) as { verdict: string }).verdict, judged.code], judged.out).toEqual([verdict, code])
  }
}

/** In this order, whatever else is told between them. */
const STEPS: Readonly<Record<FaultName, readonly string[]>> = {
  'lying-sequencer': ['planted', 'planted', 'planted', 'planted', 'healed'],
  'silent-sequencer': ['planted', 'back', 'healed'],
  'project-flood': ['planted', 'answered', 'final', 'epoch_over', 'healed'],
  'unavailable-data': ['planted', 'answered', 'final', 'epoch_over', 'healed'],
}

const THROWN_AWAY = /are thrown away/
const HEALED = ['disputed', 'corrected', 'final', 'epoch_over']
/** Of each lie what is told of its epoch: it is healed, or changes no result and is evidence. */
const LIES: readonly (readonly [lie: RegExp, steps: readonly string[], evidence: RegExp])[] = [
  [/under what is no CID/, HEALED, /1 cid/],
  [THROWN_AWAY, ['evidence', 'final', 'epoch_over'], /omitted_slot of slot/],
  [/signatures of slot/, ['evidence', 'final', 'epoch_over'], /submission_signature of slot/],
  [/a CID that nobody voted for/, HEALED, /1 cids_on_chain|1 tally/],
]

function expectInOrder(names: readonly string[], wanted: readonly string[]): void {
  let from = -1
  for (const step of wanted) {
    const at = names.indexOf(step, from + 1)
    expect(at, `${step} in ${names.join(', ')}`).toBeGreaterThan(from)
    from = at
  }
}

test.each(FAULTS)(
  '%s is planted, told step by step, and healed',
  async (fault) => {
    const { code, lines, told } = await run(fault)
    expect(code, told).toBe(0)
    const steps = lines.flatMap((line) => line.fault ?? [])
    expectInOrder(
      steps.map(({ step }) => step),
      STEPS[fault],
    )
    if (fault === 'lying-sequencer')
      for (const [lie, wanted, evidence] of LIES) {
        const planted = steps.find(({ step, detail }) => step === 'planted' && lie.test(detail))
        const ofEpoch = steps.filter(({ epochId }) => epochId === planted?.epochId)
        // A busy machine may leave nothing final in one epoch: what is dropped or spoilt then is in no batch.
        if (wanted !== HEALED && !ofEpoch.some(({ step }) => step === 'anchored')) continue
        expectInOrder(
          ofEpoch.map(({ step }) => step),
          wanted,
        )
        expect(ofEpoch.map(({ detail }) => detail).join('\n'), told).toMatch(evidence)
        if (lie === THROWN_AWAY) expectReceiptsProve(planted?.epochId ?? 0, told)
      }
    const faultEpoch = steps.at(-1)?.epochId ?? 0
    expect(faultEpoch).toBeGreaterThanOrEqual(FAULT_EPOCH)
    const planted = lines.find(({ epochId }) => epochId === faultEpoch)
    if (fault === 'lying-sequencer') expect(planted, told).toMatchObject({ refuted: 1, disputed: 0 })
    if (fault === 'unavailable-data')
      expect(
        planted?.missed?.map(({ reason }) => reason),
        told,
      ).toContain('unavailable')
    const whole = lines.findLast(({ epochId }) => (epochId ?? 0) > faultEpoch)
    expect(whole?.finalized).toBe(whole?.projects)
    expect(lines.at(-1)?.summary?.epochs).toBeGreaterThanOrEqual(2)
  },
  RUN_MS + 10_000,
)
