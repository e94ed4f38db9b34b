import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it that are missing. One at a time: on file systems that answer "no such folder" for a place that holds
 * none, such as `/proc`, the recursive `mkdir` of Node.js asks for ever. Throws as `node:fs`.
 */
export function makeFolder(path: string): void {
  if (isFolder(path)) return
  const above = dirname(path)
  if (above !== path) makeFolder(above)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (failure) {
    // Somebody else made it meanwhile.
    if ((failure as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(path)) throw failure
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
