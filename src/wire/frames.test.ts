import { deepStrictEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { createSeededRandom } from '#io/keys/random.ts'
import { createCollectReader, encodeCollect } from './collect-frame.ts'
import { createDeliveryReader, encodeDelivery, parseDelivery } from './submit-frame.ts'

/**
 * What comes over a stream is anything: whole frames, coalesced, split, cut, oversized, random bytes between and within them. `FUZZ_INPUTS` says how many streams of
 * each protocol are tried, `FUZZ_SEED` where they begin: each has the seed that its failure names.
 */

const COUNT = Number(process.env['FUZZ_INPUTS'] ?? 10_000)
const FIRST_SEED = Number(process.env['FUZZ_SEED'] ?? 1)
/** A hundred a second, on whatever machine. */
const LIMIT_MS = Math.max(60_000, COUNT * 10)

interface Piece {
  readonly bytes: Uint8Array
  /** What a reader makes of it. */
  readonly whole: string
}

function createChance(seed: number) {
  const { fraction } = createSeededRandom(seed)
  const below = (limit: number): number => Math.floor(fraction() * limit)
  const bytes = (lengthMax: number): Uint8Array => Uint8Array.from({ length: below(lengthMax + 1) }, () => below(256))
  const some = <Item>(countMax: number, one: () => Item): Item[] => Array.from({ length: below(countMax + 1) }, one)
  return {
    below,
    bytes,
    some,
    id: () =>
      `00000000-0000-4000-8000-${below(2 ** 40)
        .toString(16)
        .padStart(12, '0')}`,
  }
}
type Chance = ReturnType<typeof createChance>

const LENGTHS_THAT_ARE_NONE = [Uint8Array.of(0xff, 0xff, 0x7f), Uint8Array.of(0x80, 0x80, 0x80, 0x80)]
const TOO_MUCH = new Uint8Array(70_000).fill(0x41)

/** After it everything may be lost, and nothing before it. */
function broken({ bytes: whole }: Piece, { below, bytes }: Chance): Uint8Array {
  const kind = below(100)
  if (kind === 0) return TOO_MUCH
  if (kind < 10) return LENGTHS_THAT_ARE_NONE[kind % 2] as Uint8Array
  if (kind < 40) return bytes(80)
  if (kind < 70) return whole.subarray(0, below(whole.length))
  const changed = whole.slice()
  const at = below(changed.length)
  changed[at] = (changed[at] as number) ^ (1 + below(255))
  return changed
}

function chunksOf(bytes: Uint8Array, { below, some }: Chance): Uint8Array[] {
  const places = some(8, () => below(bytes.length + 1)).sort((left, right) => left - right)
  return [...places, bytes.length].map((place, index) => bytes.subarray(places[index - 1] ?? 0, place))
}

/** `read` gives what a reader made of the chunks, in words. */
function tryAll(makePiece: (chance: Chance) => Piece, read: (chunks: readonly Uint8Array[]) => string[]): void {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + COUNT; seed += 1) {
    const chance = createChance(seed)
    const before = chance.some(5, () => makePiece(chance))
    const breaking = chance.below(4) === 0 ? [] : [broken(makePiece(chance), chance)]
    const after = chance.some(5, () => makePiece(chance))
    const bytes = Buffer.concat([...before.map((piece) => piece.bytes), ...breaking, ...after.map((piece) => piece.bytes)])
    const intact = breaking.length === 0 ? [...before, ...after] : before
    try {
      const said = read(chunksOf(bytes, chance))
      deepStrictEqual(said, read([bytes]))
      const expected = intact.map(({ whole }) => whole)
      deepStrictEqual(breaking.length === 0 ? said : said.slice(0, expected.length), expected)
    } catch (cause) {
      throw new Error(`FUZZ_SEED=${seed} FUZZ_INPUTS=1`, { cause })
    }
  }
}

test(
  'G7: whatever comes over a submit stream, in whatever pieces: what is whole before the first fault is read, and the reader throws nothing',
  () => {
    tryAll(
      ({ id, bytes }) => {
        const [submissionId, payload] = [id(), bytes(60)]
        return { bytes: encodeDelivery({ submissionId, payload }), whole: `${submissionId} ${Buffer.from(payload).toString('hex')}` }
      },
      (chunks) => {
        const reader = createDeliveryReader()
        return chunks
          .flatMap((chunk) => reader.push(chunk))
          .map((step) => {
            const read = step.kind === 'frame' ? parseDelivery(step.bytes) : step.kind
            return typeof read === 'object' ? `${read.submissionId} ${Buffer.from(read.payload).toString('hex')}` : String(read)
          })
      },
    )
  },
  LIMIT_MS,
)

test(
  'G7: whatever comes over a collect stream, in whatever pieces: what is whole before the first fault is read, and the reader throws nothing',
  () => {
    tryAll(
      ({ id, bytes }) => {
        const [submissionId, text] = [id(), String.fromCharCode(...bytes(40))]
        const json = JSON.stringify({ [text]: { value: text } })
        return { bytes: encodeCollect(submissionId, json), whole: `${submissionId} ${json}` }
      },
      (chunks) => {
        const reader = createCollectReader()
        const steps = chunks.flatMap((chunk) => reader.push(chunk)).concat(reader.finish())
        return steps.map((step) => (step.kind === 'message' ? `${step.submissionId} ${Buffer.from(step.payload).toString()}` : step.kind))
      },
    )
  },
  LIMIT_MS,
)
