import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Attack, attack, KINDS, type Kind } from './attackers.ts'
import { type Exchange, flood } from './flood.ts'

/**
 * The long form: `node test/flood/run.ts [--kinds signatures,…] [--count 1000] [--rounds 200] [--seed 1]` prints, for each kind of attack, what became of honest
 * votes. The attackers are a process of their own: this file again, told by `--attack`.
 */

const { values } = parseArgs({
  options: {
    kinds: { type: 'string', default: KINDS.join() },
    count: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    attack: { type: 'boolean', default: false },
  },
})

const LINE = { kind: 12, column: 12 }

async function begin(what: Attack): Promise<{ stop(): unknown }> {
  const [payload, vote] = [what.payload, what.vote].map((bytes) => bytes.toBase64())
  const told = JSON.stringify({ ...what, payload, vote, late: what.late.map((bytes) => bytes.toBase64()) })
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), '--attack'], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.write(`${told}\n`)
  await once(child.stdout, 'data')
  return {
    async stop() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

function at(exchanges: readonly Exchange[], share: number, of: (exchange: Exchange) => number): number {
  const sorted = exchanges.map(of).sort((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
}

async function tell(kind: Kind): Promise<void> {
  const { quiet, flooded, recoveries, grownBytes } = await flood({
    rounds: Number(values.rounds),
    ...(kind === 'late' && { endsAfter: 400 }),
    begin: (where) => begin({ kind, count: Number(values.count), seed: Number(values.seed), ...where }),
  })
  const cells = [
    flooded.filter(({ code }) => code === 'accepted').length,
    flooded.length,
    ...[0.5, 0.99].flatMap((share) => [quiet, flooded].map((some) => at(some, share, ({ tookMs }) => tookMs).toFixed(1))),
    at(flooded, 1, (exchange) => exchange.recoveries),
    recoveries,
    (grownBytes / 1_048_576).toFixed(0),
  ]
  process.stdout.write(`${kind.padEnd(LINE.kind)}${cells.map((cell) => String(cell).padStart(LINE.column)).join('')}\n`)
}

if (values.attack) {
  const lines = createInterface({ input: process.stdin })
  // Ends with the process that began it.
  lines.on('close', () => process.exit())
  const [line] = await once(lines, 'line')
  const what = JSON.parse(line)
  const late = what.late.map((text: string) => Uint8Array.fromBase64(text))
  await attack({ ...what, payload: Uint8Array.fromBase64(what.payload), vote: Uint8Array.fromBase64(what.vote), late })
  process.stdout.write('begun\n')
} else {
  const heads = ['accepted', 'of', 'p50 quiet', 'p50 flood', 'p99 quiet', 'p99 flood', 'most checks', 'checks', 'grown MiB']
  process.stdout.write(`${'ms'.padEnd(LINE.kind)}${heads.map((head) => head.padStart(LINE.column)).join('')}\n`)
  for (const kind of values.kinds.split(',') as Kind[]) await tell(kind)
}
