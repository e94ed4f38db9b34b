import { isWeftError, WeftError } from '#domain/errors.ts'
import { isShipped, openComputes } from '#node/computes.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { completeManifest, encodeManifest, type Manifest, type ManifestGround } from '#wire/manifest.ts'
import type { ManifestWish } from './market-plan.ts'

/** A manifest as its owner wrote it, to be completed with what the market's contract says. */
export interface ManifestDraft {
  readonly bytes: Uint8Array
  /** How the file is called in messages. */
  readonly what: string
  readonly fromEpochId?: number | undefined
}

/** What of its computes is not shipped here, by name and version. Throws `MANIFEST_INVALID` with all that is wrong with those that are. */
function checkComputes({ computes }: Manifest, what: string): readonly string[] {
  const known = computes.filter(isShipped)
  try {
    if (known.length > 0) openComputes(known)
  } catch (failure) {
    if (!isWeftError(failure, 'SETTINGS_INVALID')) throw failure
    const problems = [failure.facts.problems].flat().map((problem) => `computes: ${problem}`)
    throw new WeftError('MANIFEST_INVALID', { manifest: what, problems }, failure)
  }
  return computes.filter((choice) => !isShipped(choice)).map(({ name, version }) => `${name} ${version}`)
}

/** Throws `MANIFEST_INVALID`. */
export async function manifestWish({ bytes: written, what, fromEpochId }: ManifestDraft, ground: ManifestGround): Promise<ManifestWish> {
  const manifest = completeManifest(written, ground, what)
  const bytes = encodeManifest(manifest)
  const unknownComputes = checkComputes(manifest, what)
  return { manifest, bytes, cid: await snapshotCidOf(bytes), fromEpochId, unknownComputes }
}
