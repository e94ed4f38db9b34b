import { join } from 'node:path'
import { isWeftError } from '#domain/errors.ts'
import type { Cid } from '#domain/ids.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { completeManifest, encodeManifest, MANIFEST_BYTES_MAX, type ManifestGround } from '#wire/manifest.ts'
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

async function manifestIn(path: string, cid: Cid): Promise<Uint8Array | undefined> {
  const bytes = bytesOf(path)
  if (bytes === undefined || bytes.length > MANIFEST_BYTES_MAX) return undefined
  return (await snapshotCidOf(bytes)) === cid ? bytes : undefined
}

/** The same for a file that a person named, which may be the draft that the owner wrote; in words, what it is instead. */
export async function manifestFrom(path: string, cid: Cid, ground: ManifestGround): Promise<Uint8Array | string> {
  const found = await manifestIn(path, cid)
  if (found !== undefined) return found
  const what = `--manifest ${path}`
  const draft = bytesOf(path)
  if (draft === undefined) return `${what} (which cannot be read)`
  try {
    const bytes = encodeManifest(completeManifest(draft, ground, what))
    const got = await snapshotCidOf(bytes)
    return got === cid ? bytes : `${what} (whose manifest is another one: ${got})`
  } catch (failure) {
    if (!isWeftError(failure, 'MANIFEST_INVALID')) throw failure
    return `${what} (which is none: ${[failure.facts.problems].flat().join('; ')})`
  }
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
