import { WeftError } from '#domain/errors.ts'
import { bytesOf } from '#node/given-file.ts'
import { findManifest, keepManifest } from '#node/manifest-files.ts'
import type { ManifestDraft } from '#operator/manifest.ts'
import type { ManifestWish } from '#operator/market-plan.ts'
import { printable } from '#domain/printable.ts'
import { isSnapshotCid } from '#wire/cid.ts'

/** A market's manifest at the command line: read from a file, kept where roles find it, told. */

export const MANIFEST_FILE_FLAG = {
  kind: 'parsed',
  parse: String,
  optional: true,
  brief: "JSON file with the market's manifest; what it leaves out is the contract's or a default, and only the namespace is needed",
} as const

/** Throws `SETTINGS_INVALID`. */
export function draftOf({ manifest, fromEpoch }: { readonly manifest?: string; readonly fromEpoch?: number }): ManifestDraft | undefined {
  if (manifest === undefined && fromEpoch !== undefined)
    throw new WeftError('SETTINGS_INVALID', { problems: ['--from-epoch is for --manifest: from when on it applies'] })
  if (manifest === undefined) return undefined
  const bytes = bytesOf(manifest)
  if (bytes === undefined) throw new WeftError('SETTINGS_INVALID', { problems: [`--manifest: ${manifest} cannot be read`] })
  return { bytes, what: `--manifest ${manifest}`, fromEpochId: fromEpoch }
}

export interface ManifestFacts {
  readonly manifestCid?: string
  readonly manifestFile?: string
}

/** Keeps the manifest in the folder of the network file, once there is one, for roles to find. Throws as `onDisk`. */
export function manifestFacts(folder: string | undefined, manifest: ManifestWish | undefined): ManifestFacts {
  if (manifest === undefined) return {}
  const { cid: manifestCid } = manifest
  return folder === undefined ? { manifestCid } : { manifestCid, manifestFile: keepManifest(folder, manifest) }
}

export function tellManifest({ stdout }: NodeJS.Process, { manifestCid, manifestFile }: ManifestFacts): void {
  if (manifestCid !== undefined) stdout.write(`manifest       ${manifestCid}\n`)
  if (manifestFile !== undefined) stdout.write(`               ${manifestFile}\n`)
}

interface Named {
  readonly cid: string
  readonly fromEpochId: number
}

/** With its content, where the folder of the network file has it. */
export async function withContent(manifest: Named, folder: string): Promise<Named & { readonly content?: unknown }> {
  const bytes = isSnapshotCid(manifest.cid) ? await findManifest(folder, manifest.cid) : undefined
  return bytes === undefined ? manifest : { ...manifest, content: JSON.parse(new TextDecoder().decode(bytes)) as unknown }
}

/** Lines for a person. */
export async function inWords(manifest: Named | undefined, folder: string): Promise<readonly string[]> {
  if (manifest === undefined) return []
  const { content } = await withContent(manifest, folder)
  const lines =
    content === undefined ? ['(its file is not in the data directory)'] : JSON.stringify(content, undefined, 2).split('\n').map(printable)
  return [`${printable(manifest.cid)} from epoch ${manifest.fromEpochId} on`, ...lines]
}
