import { recoverer } from '#io/keys/secp256k1.ts'
import { parseCompactBatch } from '#wire/batch-cbor.ts'
import { parseBatch } from '#wire/batch-json.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'
import { cpuMs } from './rows.ts'
import { mineUntil } from './sealed.ts'
import { startValidator } from './validator.ts'
import { openWorld, type Size, type World, type WorldOptions } from './world.ts'

/** CPU of a validator that attests all batches of an epoch, beside that of the signature recoveries alone. */
export async function attestingRatio(size: Size, form: WorldOptions['form']): Promise<number> {
  const world = await openWorld({ ...size, form, isSigned: true })
  try {
    await world.release(1)
    await world.vote(1)
    await world.close(1)
    await mineUntil(world, () => world.ended.length > 0)
    const signed = signedIn(world, form)
    const recoveries = await cpuMs(() => signed.forEach(({ digest, signature }) => void recoverer.recover(digest, signature)))
    const validator = startValidator(world)
    const whole = await cpuMs(() => mineUntil(world, () => validator.attested() === world.files.length))
    await validator.stop()
    return whole / recoveries
  } finally {
    await world.stop()
  }
}

function signedIn({ chain, files }: World, form: WorldOptions['form']) {
  const hasher = createSubmissionHasher(chain)
  return files.flatMap((file) => {
    const parsed = form === 'json' ? parseBatch(file) : parseCompactBatch(file)
    if (!parsed.ok) throw new Error(`a batch is ${parsed.defect}`)
    return parsed.batch.submissions.map(({ submission }) => ({
      digest: hasher.digest(submission.request),
      signature: parseSignature(submission.signature) as Uint8Array,
    }))
  })
}
