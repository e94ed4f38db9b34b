import { join } from 'node:path'
import type { Cid } from '#domain/ids.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { MANIFEST_BYTES_MAX } from '#wire/manifest.ts'
import { makeFolder, onDisk, replaceFile } from './disk.ts'
import { bytesOf } from './given-file.ts'

/** Manifests of markets on disk, each under its CID: beside network.json, where `weft deploy` puts them, and in the folder of a role. */

const MANIFESTS = 'manifests'
/** Nothing in it is secret, and roles that read it may run as other users. */
const FILE_MODE = 0o644

const pathOf = (folder: string, cid: Cid): string => join(folder, MANIFESTS, `${cid}.json`)

/** What lies below the folder and hashes to the CID; `undefined` when nothing does. */
export function findManifest(folder: string, cid: Cid): Promise<Uint8Array | undefined> {
  return manifestIn(pathOf(folder, cid), cid)
}

/** The same for a file of any name. */
export async function manifestIn(path: string, cid: Cid): Promise<Uint8Array | undefined> {
  const bytes = bytesOf(path)
  if (bytes === undefined || bytes.length > MANIFEST_BYTES_MAX) return undefined
  return (await snapshotCidOf(bytes)) === cid ? bytes : undefined
}

/** The folder for a person who looks for the manifest there: a file of the right name with other bytes is worse than none. */
export function toldFolder(folder: string, cid: Cid): string {
  return bytesOf(pathOf(folder, cid)) === undefined ? folder : `${folder} (its ${MANIFESTS}/${cid}.json does not hash to the CID)`
}

/** Whole or not at all. Returns its path. Throws as `onDisk`. */
export function keepManifest(folder: string, { cid, bytes }: { readonly cid: Cid; readonly bytes: Uint8Array }): string {
  const path = pathOf(folder, cid)
  onDisk(path, 'writing it', () => {
    makeFolder(join(folder, MANIFESTS))
    replaceFile(path, bytes, FILE_MODE)
  })
  return path
}
