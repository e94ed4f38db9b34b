import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { storeFailed } from '#domain/errors.ts'
import type { SlotId } from '#domain/ids.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { keccak256 } from '#wire/keccak.ts'
import type { SigningRecord, VoteOfSlots } from './port.ts'
import { createSigned, lineOf, voteIn } from './signed.ts'

/**
 * What was signed on this machine, a file for each data directory in a folder of the market: each is written by the process that holds its
 * data directory, and read by whoever comes to hold its slots. A line is a vote.
 */

export interface SignedFileOptions {
  /** Of the user. */
  readonly folder: string
  /** Chain and market. */
  readonly place: string
  readonly dataDir: string
  /** Held by this process alone before this is opened: nobody writes anything of them meanwhile. */
  readonly slotIds: readonly SlotId[]
  readonly nowMs: number
}

export interface SignedFile extends SigningRecord {
  /** When what was asked for is on disk. */
  stop(): Promise<void>
}

/** No vote waits so long to be given again. */
const KEPT_MS = 30 * 24 * 3_600_000
/** Lines of epochs that are forgotten may be so many more than those that are not. */
const STALE_LINES_MAX = 4_096
const ENDING = '.signed'

const shortHash = (text: string): string => keccak256(new TextEncoder().encode(text)).toHex().slice(0, 24)

/** Throws as `storeFailed`. */
export function openSignedFile({ folder, place, dataDir, slotIds, nowMs }: SignedFileOptions): SignedFile {
  const below = join(folder, shortHash(place))
  const path = join(below, `${shortHash(dataDir)}${ENDING}`)
  const signed = createSigned()
  const held = new Set(slotIds)
  onDisk(below, 'reading what was signed on this machine', () => {
    makeFolder(below)
    removeOld(folder, nowMs)
    for (const name of readdirSync(below).filter((each) => each.endsWith(ENDING)))
      for (const vote of votesIn(join(below, name))) {
        // Our own file is written anew with all that it says, also of slots that are others' now.
        const slotIds = name === basename(path) ? vote.slotIds : vote.slotIds.filter((slotId) => held.has(slotId))
        if (slotIds.length > 0) signed.note({ ...vote, slotIds })
      }
  })
  const file = appending(path, { head: JSON.stringify({ dataDir, place }), votes: signed.votes })
  return {
    async checkAndRecord(vote) {
      const { others, fresh } = signed.compare(vote)
      if (fresh.length > 0) {
        signed.note({ ...vote, slotIds: fresh })
        file.add(lineOf({ ...vote, slotIds: fresh }))
      }
      await file.flush()
      return others
    },
    stop: file.stop,
  }
}

const votesIn = (path: string): VoteOfSlots[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .map(voteIn)
    .filter((vote) => vote !== undefined)

/** What nobody has written to for long goes, of whichever market: development chains come and go. */
function removeOld(folder: string, nowMs: number): void {
  for (const market of readdirSync(folder)) {
    const below = join(folder, market)
    if (!statSync(below).isDirectory()) continue
    const old = readdirSync(below).filter((name) => name.endsWith(ENDING) && nowMs - statSync(join(below, name)).mtimeMs > KEPT_MS)
    for (const name of old) rmSync(join(below, name), { force: true })
    // One that never had a file is another process's, which has just made it.
    if (old.length > 0 && readdirSync(below).length === 0) rmSync(below, { recursive: true })
  }
}

/** Appends whole lines, those of one turn with one sync, and begins the file anew when most of it is forgotten. */
function appending(path: string, { head, votes }: { readonly head: string; readonly votes: () => readonly VoteOfSlots[] }) {
  let handle: FileHandle | undefined
  let waiting: string[] = []
  let added = 0
  let written = 0
  /** Lines of the file. */
  let lines = Number.POSITIVE_INFINITY
  let writing: Promise<void> | undefined

  async function write(): Promise<void> {
    await Promise.resolve()
    const [batch, upTo] = [waiting, added]
    const kept = votes()
    makeFolder(dirname(path))
    if (lines > 2 * kept.length + STALE_LINES_MAX) {
      await handle?.close()
      handle = undefined
      replaceFile(path, `${[head, ...kept.map(lineOf)].join('\n')}\n`, 0o600)
      lines = kept.length
    } else {
      handle ??= await open(path, 'a', 0o600)
      // What a full disk has cut short ends here.
      await handle.appendFile(`\n${batch.join('\n')}\n`)
      await handle.datasync()
      lines += batch.length
    }
    waiting = waiting.slice(batch.length)
    written = upTo
  }

  /** Until all that was added before the call is there. */
  async function flush(): Promise<void> {
    const mine = added
    while (written < mine) {
      writing ??= write()
        .catch((cause: unknown) => {
          throw storeFailed(path, 'writing down what is signed', cause)
        })
        .finally(() => {
          writing = undefined
        })
      await writing
    }
  }

  return {
    add(line: string): void {
      waiting.push(line)
      added += 1
    },
    flush,
    async stop(): Promise<void> {
      await flush()
      await handle?.close()
    },
  }
}
