import { parseArgs } from 'node:util'
import { run, SLOTS } from './kills.ts'
import { openNetwork } from './network.ts'

/**
 * The long form: `node test/kills/run.ts [--runs 200] [--seed 1]` prints what became of each run; it ends with 1 when a promise was broken.
 */

const { values } = parseArgs({ options: { runs: { type: 'string', default: '200' }, seed: { type: 'string', default: '1' } } })
const [first, runs] = [Number(values.seed), Number(values.runs)]

const network = await openNetwork({ chainId: 7_881, slots: SLOTS })
const ends: Record<string, number> = {}
let brokenRuns = 0
try {
  for (let seed = first; seed < first + runs; seed += 1) {
    const outcome = await run(seed, network)
    const kills = outcome.kills.map(({ victim, answered, delayMs }) => `${victim} at ${answered} + ${delayMs} ms`).join(', ')
    process.stdout.write(`${seed}  ${kills}  ${JSON.stringify(outcome.ends)}  ${outcome.broken.join('; ') || 'kept'}\n`)
    for (const [end, count] of Object.entries(outcome.ends)) ends[end] = (ends[end] ?? 0) + count
    if (outcome.broken.length > 0) brokenRuns += 1
  }
} finally {
  await network.close()
}
process.stdout.write(`${runs} runs, ${brokenRuns} broken, ${JSON.stringify(ends)}\n`)
process.exitCode = brokenRuns === 0 ? 0 : 1
