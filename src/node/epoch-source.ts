import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { ComputeEpoch, SourceReader } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import type { SourceChain } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import { bytesAt, onDisk, replaceFile } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { systemRandom } from '#io/keys/random.ts'
import { type Fork, openFork } from '#roles/snapshotter/fork.ts'
import { awaitSource, createSourceReader } from '#roles/snapshotter/source-reader.ts'
import { type Fixture, recorded } from './source-record.ts'

/** A source chain that is asked when something must be, and not before. */
export interface SourcePlace {
  /** Tells it from every other chain, of the same id too. */
  readonly name: string
  /** So many blocks below the newest one is never replaced; 0 where none ever is. */
  readonly settledBlocks: number
  connect(): Promise<SourceChain>
}

/** The source chain as the computes of one epoch see it, from what is on disk as far as it goes. */
export interface EpochSource {
  readonly source: SourceReader
  /** What was read is of one fork, and kept for the next time. Throws `CHAIN_ANSWER_INVALID` when a reorganisation came between. */
  conclude(): Promise<void>
}

const FILE_MODE = 0o644

const noteOf = (folder: string, { name }: SourcePlace, { begin, end }: ComputeEpoch): string =>
  join(folder, 'epochs', createHash('sha256').update(name).digest('hex').slice(0, 16), `${begin}-${end}`)
/** The hash of its last block says what an epoch's blocks have, whoever asks whom; in 2 events have their transaction's index and their block's hash. */
const recordOf = (folder: string, hash: string): string => join(folder, 'blocks-2', `${hash}.json`)

/** `undefined` where there is no such file. Throws as `onDisk`. */
export function textIn(path: string): string | undefined {
  const bytes = bytesAt(path, 'reading it')
  return bytes && new TextDecoder().decode(bytes)
}

function fixtureIn(path: string): Fixture {
  const text = textIn(path)
  if (text === undefined) return { answers: [] }
  try {
    return JSON.parse(text) as Fixture
  } catch {
    return { answers: [] } // The one failure that there is: what a person has changed there counts for nothing.
  }
}

/** Replaces it at once or not at all, making the folders that it lies in. Throws as `onDisk`. */
export function keepFile(path: string, content: string | Uint8Array): void {
  onDisk(path, 'writing it', () => {
    makeFolder(dirname(path))
    replaceFile(path, content, FILE_MODE)
  })
}

/** `folder` keeps what was read; without it nothing is kept, and all is asked. Rejects as `awaitSource`. */
export async function openEpochSource(
  epoch: ComputeEpoch,
  { place, folder, signal }: { readonly place: SourcePlace; readonly folder: string | undefined; readonly signal: AbortSignal },
): Promise<EpochSource> {
  const deps = { clock: systemClock, random: systemRandom, report: () => undefined }
  const noted = folder === undefined ? undefined : textIn(noteOf(folder, place, epoch))
  let opening: Promise<Fork> | undefined
  const fork = (): Promise<Fork> => {
    opening ??= openAbove()
    return opening
  }
  async function openAbove(): Promise<Fork> {
    const chain = await place.connect()
    const opened = openFork({ chain, above: await awaitSource({ epoch, chain, signal }, deps), signal }, deps)
    if (noted !== undefined && noted !== opened.hash) throw replaced(`block ${epoch.end} was ${noted}, now it is ${opened.hash}`)
    return opened
  }
  const hash = noted ?? (await fork()).hash
  const lazily = {
    block: async (...args: Parameters<Fork['block']>) => (await fork()).block(...args),
    read: async (...args: Parameters<Fork['read']>) => (await fork()).read(...args),
    events: async (...args: Parameters<Fork['events']>) => (await fork()).events(...args),
    transactions: async (...args: Parameters<Fork['transactions']>) => (await fork()).transactions(...args),
  }
  const reader = createSourceReader({ epoch, chain: lazily, signal }, deps)
  const recorder = recorded(reader, folder === undefined ? undefined : fixtureIn(recordOf(folder, hash)))
  return {
    source: recorder.source,
    async conclude() {
      if (opening === undefined) return
      if (!(await (await opening).isSteady())) throw replaced('blocks that were read are the chain\u2019s no more')
      if (folder === undefined) return
      if (recorder.learned() > 0) keepFile(recordOf(folder, hash), JSON.stringify(recorder.fixture()))
      const chain = await place.connect()
      const isSettled = place.settledBlocks === 0 || (await chain.head()).number - epoch.end >= place.settledBlocks
      if (noted === undefined && isSettled) keepFile(noteOf(folder, place, epoch), hash)
    },
  }
}

const replaced = (detail: string) => new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'source chain', method: 'block', detail })
