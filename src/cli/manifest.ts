import { WeftError } from '#domain/errors.ts'
import { printable } from '#domain/printable.ts'
import { bytesOf } from '#node/given-file.ts'
import type { ManifestDraft } from '#operator/manifest.ts'
import type { ManifestWish } from '#operator/market-plan.ts'
import type { Manifest } from '#wire/manifest.ts'

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
  /** Computes that were taken unseen. */
  readonly unknownComputes?: readonly string[]
}

/** Keeps the manifest in the folder of the network file, once there is one, for roles to find. Throws as `onDisk`. */
export async function manifestFacts(folder: string | undefined, manifest: ManifestWish | undefined): Promise<ManifestFacts> {
  if (manifest === undefined) return {}
  const { cid: manifestCid, unknownComputes = [] } = manifest
  const told = unknownComputes.length === 0 ? { manifestCid } : { manifestCid, unknownComputes }
  if (folder === undefined) return told
  const { keepManifest } = await import('#node/manifest-files.ts')
  return { ...told, manifestFile: keepManifest(folder, manifest) }
}

export function tellManifest({ stdout }: NodeJS.Process, { manifestCid, manifestFile, unknownComputes = [] }: ManifestFacts): void {
  if (manifestCid !== undefined) stdout.write(`manifest       ${manifestCid}\n`)
  if (manifestFile !== undefined) stdout.write(`               ${manifestFile}\n`)
  for (const set of unknownComputes)
    stdout.write(`               computes ${set}: not of this program, its configuration was not checked\n`)
}

interface Named {
  readonly cid: string
  readonly fromEpochId: number
}

/** With its content, where the folder of the network file has it. */
export async function withContent(manifest: Named, folder: string): Promise<Named & { readonly content?: unknown }> {
  // Only now: forms of manifests and what makes CIDs are for those who have one.
  const [{ findManifest }, { isSnapshotCid }] = await Promise.all([import('#node/manifest-files.ts'), import('#wire/cid.ts')])
  const bytes = isSnapshotCid(manifest.cid) ? await findManifest(folder, manifest.cid) : undefined
  return bytes === undefined ? manifest : { ...manifest, content: JSON.parse(new TextDecoder().decode(bytes)) as unknown }
}

/** Lines for a person: what it is in short, or all of it. */
export async function inWords(
  manifest: Named | undefined,
  { folder, isWhole }: { folder: string; isWhole: boolean },
): Promise<readonly string[]> {
  if (manifest === undefined) return []
  const { content } = await withContent(manifest, folder)
  return [
    `${printable(manifest.cid)} from epoch ${manifest.fromEpochId} on`,
    ...linesOf(content as Manifest | undefined, isWhole).map(printable),
  ]
}

function linesOf(content: Manifest | undefined, isWhole: boolean): readonly string[] {
  if (content === undefined) return ['(its file is not in the data directory)']
  if (isWhole) return JSON.stringify(content, undefined, 2).split('\n')
  const { namespace, window, tally, availability, completeness, voting, batch, computes } = content
  return [
    `namespace ${namespace}, window in ${window.unit}`,
    `tally: at least ${tally.minVotes} votes, and ${tally.minShareBp / 100} % of the slots that voted in the epoch`,
    `availability: ${availability}, completeness: ${completeness}`,
    voting === 'open'
      ? 'voting: open'
      : `voting: on ${voting.projectTypes.length} project types${voting.turns === undefined ? '' : ', each slot on one data source in turn'}`,
    `batches of ${batch.projectsPerBatch} projects as ${batch.form}, ${batch.tree} trees, anchored by their ${batch.anchoring}, ${batch.projectsPerSlotMax} projects per slot`,
    ...(computes.length === 0
      ? ['no computes']
      : computes.map(({ name, version, config }) => `computes ${name} ${version}${sizesIn(config)}`)),
  ]
}

/** `: 19 pairs, 6 whitelist`: how long the lists of a configuration are. */
function sizesIn(config: unknown): string {
  const lists = Object.entries(config ?? {}).filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]))
  return lists.length === 0 ? '' : `: ${lists.map(([name, { length }]) => `${name} ${length}`).join(', ')}`
}
