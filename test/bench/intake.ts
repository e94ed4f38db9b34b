import { recoverer } from '#io/keys/secp256k1.ts'
import { parseSignature } from '#wire/eip712.ts'
import { cpuMs, median } from './seal/rows.ts'
import { GROUP, key, openWorld } from './seal/world.ts'

/**
 * CPU per accepted submission in the sequencer, from the delivered bytes to the durable receipt, against one bare signature recovery,
 * both measured in this run. Everything is real but the chain and the network: protobuf, EIP-712, native recovery, SQLite with fsync.
 */

const SIZE = { slots: 500, projects: 20 }
const ROUNDS = 5

const count = SIZE.slots * SIZE.projects
/** CPU microseconds per submission. */
const cpuPer = async (work: () => unknown): Promise<number> => (1_000 * (await cpuMs(work))) / count

// Ctrl-C passes by the end of this file, and by what is done at the end of a process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const world = await openWorld({ ...SIZE, form: 'json', isSigned: true, recoverer })
const bare: number[] = []
const intake: number[] = []
for (let epoch = 1; epoch <= ROUNDS + 1; epoch += 1) {
  await world.release(epoch)
  const votes = [...world.votes(epoch)]
  const signed = votes.map(({ digest, signature }) => ({ digest, signature: parseSignature(signature) as Uint8Array }))
  const recovery = await cpuPer(() => {
    for (const { digest, signature } of signed) if (recoverer.recover(digest, signature) !== key.address) throw new Error('wrong signer')
  })
  const whole = await cpuPer(() => world.take(votes))
  // The first round warms up.
  if (epoch === 1) continue
  bare.push(recovery)
  intake.push(whole)
}
await world.stop()
const [recoveryUs, intakeUs] = [median(bare), median(intake)]
process.stdout.write(
  `intake: ${count} submissions in groups of ${GROUP}, median of ${ROUNDS} rounds, CPU µs per submission\n` +
    `  bare signature recovery      ${recoveryUs.toFixed(1)}\n` +
    `  accepted, durable, receipted ${intakeUs.toFixed(1)}\n` +
    `  ratio                        ${(intakeUs / recoveryUs).toFixed(2)}\n`,
)
