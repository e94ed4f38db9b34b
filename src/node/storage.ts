import { existsSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isWeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import { onDisk } from '#io/disk/disk.ts'
import { type BlockFile, blockFiles } from '#io/ipfs/block-folder.ts'
import { removeBlock } from '#io/ipfs/blocks.ts'
import { carFilesIn } from '#io/ipfs/car-folder.ts'
import { openKept } from '#io/ipfs/kept.ts'
import type { Store } from '#io/store/port.ts'
import { pagesOf } from '#life/pages.ts'
import { oldestKept, overUntil, type Shelf } from '#life/retention.ts'
import { createLedger } from '#roles/sequencer/ledger.ts'
import { letGoOfGuards } from '#roles/validator/attest.ts'
import { createJournal } from '#roles/validator/journal.ts'
import { ipfsFolder } from './adapters.ts'
import { announcedAt, indexFile, roleIn, stateFile } from './home.ts'
import { homesIn, withStore } from './homes.ts'

/** What the data directories of roles hold, and the retention for those whose role does not run. */

/** What there is of one kind: files, blocks, or entries of the store whose keys begin with the same word (`vote`, `guard`, …: the README of each role lists them). */
export interface Held {
  readonly kind: string
  readonly count: number
  readonly bytes: number
  /** Absent where keys name no epoch. */
  readonly oldestEpoch?: number
}

export interface RoleStorage {
  /** Name of the role's folder. */
  readonly role: string
  /** The process that has it open: of the store nothing but its size can be told then. */
  readonly usedBy?: string
  readonly held: readonly Held[]
}

const blocksOf = (home: string): string => join(ipfsFolder(home), 'blocks')

/** What is where. Throws `DATA_DIR_EMPTY`, and as `storeFailed`. */
export async function storageOf(dataDir: string): Promise<readonly RoleStorage[]> {
  const found: RoleStorage[] = []
  for (const home of homesIn(dataDir)) {
    const files = [...heldBlocks(home), ...heldCars(home), ...heldIndex(home), heldStore(home)]
    const role = basename(home)
    try {
      found.push(await withStore(home, async (store) => ({ role, held: [...files, ...heldIn(store)] })))
    } catch (failure) {
      if (!isWeftError(failure, 'DATA_DIR_LOCKED')) throw failure
      found.push({ role, usedBy: String(failure.facts.processId), held: files })
    }
  }
  return found
}

function heldBlocks(home: string): readonly Held[] {
  let [count, bytes] = [0, 0]
  for (const file of blockFiles(blocksOf(home))) {
    if (file.kind === 'foreign') continue
    count += 1
    bytes += file.bytes
  }
  return count === 0 ? [] : [{ kind: 'blocks', count, bytes }]
}

/** In the folders that the role named when it last started: they lie outside of its home. */
function heldCars(home: string): readonly Held[] {
  return (announcedAt(home)['cars'] ?? []).flatMap((directory) => {
    const { count, bytes } = carFilesIn(directory)
    return count === 0 ? [] : [{ kind: `cars in ${directory}`, count, bytes }]
  })
}

/** The index of an api, where it is a file. */
function heldIndex(home: string): readonly Held[] {
  const path = indexFile(home)
  return existsSync(path) ? [{ kind: 'index', count: 1, bytes: onDisk(path, 'looking at it', () => statSync(path).size) }] : []
}

/** The store with its log, as large as it ever was: what goes leaves room in it for what comes. */
function heldStore(home: string): Held {
  const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0
  const path = stateFile(home)
  return { kind: 'store', count: 1, bytes: onDisk(path, 'looking at it', () => sizeOf(path) + sizeOf(`${path}-wal`)) }
}

/** Entries read in one go. */
const PAGE_LENGTH = 1_000

/** By the word before the first slash or tab. Keys that name an epoch have it in sixteen digits behind that. */
function heldIn(store: Store): readonly Held[] {
  const kinds = new Map<string, Held>()
  for (const page of pagesOf(store, '', PAGE_LENGTH)) {
    for (const { key, value } of page) {
      const [kind = '', rest = ''] = key.split(/[/\t]/, 2)
      const before = kinds.get(kind) ?? { kind, count: 0, bytes: 0 }
      const isOfEpoch = /^[0-9]{16}\b/.test(rest) && !NO_EPOCHS.includes(kind)
      const oldestEpoch = before.oldestEpoch ?? (isOfEpoch ? Number(rest.slice(0, 16)) : undefined)
      kinds.set(kind, {
        kind,
        count: before.count + 1,
        bytes: before.bytes + key.length + value.length,
        ...(oldestEpoch === undefined ? {} : { oldestEpoch }),
      })
    }
  }
  return [...kinds.values()]
}

/** Kinds whose keys begin with another number. */
const NO_EPOCHS = ['block', 'simulated']

export interface PruneOptions {
  readonly epochsKept: number
  readonly ipfsEpochsKept: number
  /** Nothing is removed or written. */
  readonly isDryRun: boolean
}

export interface Pruned {
  readonly role: string
  readonly blocks: number
  readonly blockBytes: number
  readonly guards: number
  /** Of epochs, with their votes, plans and evidence, at a sequencer; of batches, and what was found in them, at a validator. */
  readonly records: number
  /** Files that a process was writing when it ended. */
  readonly unfinished: number
  /** Blocks of which nothing was known: from now on they belong to the newest epoch, and go with it. */
  readonly adopted: number
  /** The newest epoch that the role has seen to be long over on chain; what is newer stays whatever is asked. 0: it has seen none yet. */
  readonly over: EpochId
}

/** Without anybody to wait behind it. */
const STEP_LENGTH = 1_000
/** More than any store holds. */
const ALL_AT_ONCE = 2 ** 40

/**
 * The retention as the running role does it, once and to its end, for every role in the data directory that has an IPFS node. What the chain may still
 * decide about only the chain can tell: what the role has last seen of it counts. Throws `DATA_DIR_LOCKED`, before anything is done, when
 * one of the roles runs.
 */
export async function prune(dataDir: string, options: PruneOptions): Promise<readonly Pruned[]> {
  // Other roles bound by themselves what they keep, and so does an api, which keeps all unless told otherwise.
  const homes = homesIn(dataDir).filter((home) => existsSync(ipfsFolder(home)) && announcedAt(home)['index'] === undefined)
  for (const home of homes) await withStore(home, async () => undefined)
  const pruned: Pruned[] = []
  for (const home of homes) pruned.push(await withStore(home, (store) => pruneHome(home, store, options)))
  return pruned
}

async function pruneHome(home: string, opened: Store, { isDryRun, epochsKept, ipfsEpochsKept }: PruneOptions): Promise<Pruned> {
  // One step with a store that takes nothing tells what would go.
  const store: Store = isDryRun ? { ...opened, commit: async () => undefined } : opened
  const known = openKept(store)
  const files = [...blockFiles(blocksOf(home))]
  const sizes = new Map(files.map(({ name, bytes }) => [name, bytes]))
  const { unfinished, adopted } = await tidy(files, known, isDryRun)
  let blockBytes = 0
  const letGo: Shelf['letGo'] = (oldest, countMax) =>
    known.letGo(oldest, countMax, (cid) => {
      blockBytes += sizes.get(cid) ?? 0
      if (!isDryRun) removeBlock(blocksOf(home), cid)
    })
  const over = overUntil(store)
  async function clear(shelf: Shelf): Promise<number> {
    const oldest = oldestKept(known.newest(), over, shelf)
    if (isDryRun) return shelf.letGo(oldest, ALL_AT_ONCE)
    let count = 0
    for (let went = STEP_LENGTH; went === STEP_LENGTH; count += went) went = await shelf.letGo(oldest, STEP_LENGTH)
    return count
  }
  const blocks = await clear({ epochsKept: ipfsEpochsKept, letGo })
  const guards = await clear({ epochsKept, letGo: (oldest, countMax) => letGoOfGuards(oldest, countMax, store) })
  // Their keys begin alike: whose they are the store says.
  const isOf = (role: string): boolean => roleIn(store) === role
  const ofBatches = isOf('validator') ? await clear({ epochsKept, letGo: createJournal({ store }).letGo }) : 0
  const ofEpochs = isOf('sequencer') ? await trimLedger(store, { epochsKept, isDryRun }) : 0
  return { role: basename(home), blocks, blockBytes, guards, records: ofBatches + ofEpochs, unfinished, adopted, over }
}

async function trimLedger(store: Store, { epochsKept, isDryRun }: Pick<PruneOptions, 'epochsKept' | 'isDryRun'>): Promise<number> {
  const ledger = createLedger({ epochsKept }, { store })
  const { length } = ledger.surplus()
  if (!isDryRun) await ledger.trim()
  return length
}

/** Files of which the store knows nothing: half-written ones go, whole ones are taken up. */
async function tidy(files: readonly BlockFile[], known: ReturnType<typeof openKept>, isDryRun: boolean) {
  const unfinished = files.filter(({ kind }) => kind === 'unfinished')
  if (!isDryRun) for (const { path } of unfinished) onDisk(path, 'removing it', () => rmSync(path, { force: true }))
  const strays = files.filter(({ kind, name }) => kind === 'block' && !known.has(name))
  await Promise.all(strays.map(({ name }) => known.note(name)))
  return { unfinished: unfinished.length, adopted: strays.length }
}
