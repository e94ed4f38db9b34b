import { closeSync, fchmodSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { isWeftError, storeFailed } from '#domain/errors.ts'

/** Does what the disk may refuse: no such folder, no permission, no room. Throws as `storeFailed`. */
export function onDisk<Value>(path: string, doing: string, work: () => Value): Value {
  try {
    return work()
  } catch (cause) {
    // What has words of its own keeps them.
    if (isWeftError(cause)) throw cause
    throw storeFailed(path, doing, cause)
  }
}

/** The bytes of a file, `undefined` where there is none. Throws as `storeFailed`: one that cannot be read is not taken for none. */
export function bytesAt(path: string, doing: string): Uint8Array | undefined {
  return onDisk(path, doing, () => {
    try {
      return readFileSync(path)
    } catch (failure) {
      if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw failure
    }
  })
}

/**
 * Writes a file whole or not at all, whatever ends first, process or power: whoever reads it meanwhile finds the old one. First the
 * bytes are on disk, then they get the name, then the name is on disk. Throws as `node:fs`.
 */
export function replaceFile(path: string, content: string | Uint8Array, mode: number): void {
  const fresh = `${path}.new`
  withDescriptor(fresh, 'w', (descriptor) => {
    // One that a crash has left has a mode already; and what is asked for is what it gets, whatever the umask.
    fchmodSync(descriptor, mode)
    writeFileSync(descriptor, content)
    fsyncSync(descriptor)
  })
  renameSync(fresh, path)
  sync(dirname(path))
}

/** What a file holds, or which names a folder does, is on disk when it returns. Throws as `node:fs`. */
export function sync(path: string): void {
  withDescriptor(path, 'r', fsyncSync)
}

function withDescriptor(path: string, flags: 'w' | 'r', work: (descriptor: number) => void): void {
  const descriptor = openSync(path, flags, 0o600)
  try {
    work(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
