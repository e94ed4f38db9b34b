import { readdirSync, statSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { CID } from 'multiformats/cid'
import { isWeftError, storeFailed, WeftError } from '#domain/errors.ts'
import { untilAborted } from '#domain/until-aborted.ts'
import { onDisk } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { placeOf } from './block-folder.ts'
import { encodeCar, readCar } from './car.ts'
import type { PlaceAdapter } from './place.ts'

/** A CAR file is its blocks and, for each, a CID and a length of 40 bytes together: a block of a tree may be as small as that. */
const fileBytesMax = (bytesMax: number): number => 2 * bytesMax + 1_048_576

/** A folder with one CAR file per content, for another disk, a backup, or whoever makes Filecoin deals of them. */
export function carFolder(directory: string): PlaceAdapter {
  let current: Promise<unknown> | undefined

  /**
   * One call of the disk at a time, to its very end: one that hangs, on the disk of another machine, takes a thread of the process with it,
   * and there are four.
   */
  async function attempt<Value>(what: { path: string; doing: string; signal: AbortSignal }, work: () => Promise<Value>): Promise<Value> {
    while (current !== undefined) await untilAborted(current, what.signal)
    what.signal.throwIfAborted()
    const call = work()
    const done = call.then(ignored, ignored)
    current = done
    void done.then(() => {
      current = undefined
    })
    try {
      return await call
    } catch (failure) {
      throw isWeftError(failure) ? failure : storeFailed(what.path, what.doing, failure)
    }
  }

  function pathOf(root: CID): { readonly folder: string; readonly path: string } {
    const { dir, file } = placeOf(root)
    return { folder: join(directory, dir), path: join(directory, dir, `${file}.car`) }
  }

  return {
    name: `car:${directory}`,
    async put({ root, blocks }, signal) {
      const { folder, path } = pathOf(root)
      await attempt({ path, doing: 'writing a CAR file', signal }, async () => {
        await makeFolderAt(folder, directory)
        await writeWhole(path, encodeCar(root, blocks))
        await syncAt(folder)
      })
    },
    async read(root, limits) {
      const { path } = pathOf(root)
      const car = await attempt({ path, doing: 'reading a CAR file', signal: limits.signal }, async () => {
        const { size } = await stat(path)
        if (size > fileBytesMax(limits.bytesMax)) throw new WeftError('IPFS_CONTENT_WRONG', { cid: root.toString(), got: `${size} bytes` })
        return readFile(path)
      })
      return readCar(root, car, limits)
    },
    async remove(root, signal) {
      const { path } = pathOf(root)
      await attempt({ path, doing: 'removing a CAR file', signal }, () => rm(path, { force: true }))
    },
  }
}

/** Whole or not at all, as `replaceFile` does it, but without the process waiting: the disk may be another machine's, and hang. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.new`
  {
    await using handle = await open(fresh, 'w', 0o644)
    await handle.writeFile(bytes)
    await handle.sync()
  }
  await rename(fresh, path)
}

/** Its name in the folder above must reach the disk too. */
async function makeFolderAt(folder: string, directory: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (failure) {
    const { code } = failure as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT') throw failure
    makeFolder(folder)
  }
  await syncAt(directory)
}

async function syncAt(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}

/** How many CAR files the folder holds, and their bytes; half-written ones among them. */
export function carFilesIn(directory: string): { readonly count: number; readonly bytes: number } {
  let [count, bytes] = [0, 0]
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return { count, bytes }
  const names = onDisk(directory, 'reading a folder of CAR files', () => readdirSync(directory, { recursive: true, encoding: 'utf8' }))
  for (const name of names) {
    if (!/\.car(\.new)?$/.test(name)) continue
    const found = statSync(join(directory, name), { throwIfNoEntry: false })
    if (found?.isFile() !== true) continue
    count += 1
    bytes += found.size
  }
  return { count, bytes }
}

const ignored = (): void => undefined
