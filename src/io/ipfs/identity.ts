import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { storeFailed, WeftError } from '#domain/errors.ts'

/** The key kept in the file, made at first use. Throws `IDENTITY_INVALID` when the file holds none, `STORE_FAILED` when the disk refuses. */
export async function identityAt(path: string): Promise<PrivateKey> {
  const kept = await onDisk(path, 'reading the identity', () => bytesAt(path))
  if (kept !== undefined) return parseIdentity(kept, path)
  const identity = await generateKeyPair('Ed25519')
  // On disk before anybody is told of it: peers would look for an identity that is gone.
  await onDisk(path, 'writing the identity', () => writeWhole(path, privateKeyToProtobuf(identity)))
  return identity
}

/** Never replaced here: peers know the node by it, and the file may be somebody's only copy, cut by a full disk. */
function parseIdentity(bytes: Uint8Array, path: string): PrivateKey {
  try {
    return privateKeyFromProtobuf(bytes)
  } catch (failure) {
    throw new WeftError('IDENTITY_INVALID', { path }, failure)
  }
}

async function bytesAt(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path)
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw failure
  }
}

/** Whole or not at all, whatever ends first, process or power: first the bytes are on disk, then they get the name, then the name is on disk. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.new`
  await mkdir(dirname(path), { recursive: true })
  {
    await using file = await open(fresh, 'w', 0o600)
    // One that a crash has left has a mode already.
    await file.chmod(0o600)
    await file.writeFile(bytes)
    await file.sync()
  }
  await rename(fresh, path)
  await using directory = await open(dirname(path), 'r')
  await directory.sync()
}

async function onDisk<Value>(path: string, doing: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (failure) {
    throw storeFailed(path, doing, failure)
  }
}
