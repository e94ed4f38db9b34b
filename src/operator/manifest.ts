import { snapshotCidOf } from '#wire/cid.ts'
import { completeManifest, encodeManifest, type ManifestGround } from '#wire/manifest.ts'
import type { ManifestWish } from './market-plan.ts'

/** A manifest as its owner wrote it, to be completed with what the market's contract says. */
export interface ManifestDraft {
  readonly bytes: Uint8Array
  /** How the file is called in messages. */
  readonly what: string
  readonly fromEpochId?: number | undefined
}

/** Throws `MANIFEST_INVALID`. */
export async function manifestWish({ bytes: written, what, fromEpochId }: ManifestDraft, ground: ManifestGround): Promise<ManifestWish> {
  const manifest = completeManifest(written, ground, what)
  const bytes = encodeManifest(manifest)
  return { manifest, bytes, cid: await snapshotCidOf(bytes), fromEpochId }
}
