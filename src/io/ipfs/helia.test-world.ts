import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Cid } from '#domain/ids.ts'

/** Where a node in this folder has a block. */
export const blockFile = (directory: string, cid: Cid): string => join(directory, 'blocks', cid.slice(-2), cid)

export async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  await writeFile(path, bytes)
}
