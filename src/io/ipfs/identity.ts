import { dirname } from 'node:path'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { WeftError } from '#domain/errors.ts'
import { bytesAt, onDisk, replaceFile } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'

/** The key kept in the file, made at first use. Throws `IDENTITY_INVALID` when the file holds none, `STORE_FAILED` when the disk refuses. */
export async function identityAt(path: string): Promise<PrivateKey> {
  const kept = bytesAt(path, 'reading the identity')
  if (kept !== undefined) return parseIdentity(kept, path)
  const identity = await generateKeyPair('Ed25519')
  // On disk before anybody is told of it: peers would look for an identity that is gone.
  onDisk(path, 'writing the identity', () => {
    makeFolder(dirname(path))
    replaceFile(path, privateKeyToProtobuf(identity), 0o600)
  })
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
