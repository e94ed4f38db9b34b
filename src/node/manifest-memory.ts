import { join } from 'node:path'
import { WeftError } from '#domain/errors.ts'
import { type EpochId, parseEpochId } from '#domain/ids.ts'
import type { AnchorChain, ManifestRef } from '#io/chain/port.ts'
import { bytesAt, onDisk, replaceFile } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'

/** That a market has manifests, and from which epoch on: no contract takes one back, so who says later that there is none is not believed. */
export interface ManifestMemory {
  /** Of an epoch that has begun. Throws as `onDisk`. */
  note(manifest: ManifestRef): void
  /** Throws `MANIFEST_DENIED` when the market had a manifest for the epoch, or for one before it. */
  assertNone(epochId: EpochId): void
}

const FILE_MODE = 0o600

/** Kept in the folder of a role, by market: a folder may have served another one before. Throws `STORE_CORRUPT`, and as `storeFailed`. */
export function openManifestMemory(
  directory: string,
  { chainId, protocolState, dataMarket }: Pick<AnchorChain, 'chainId' | 'protocolState' | 'dataMarket'>,
): ManifestMemory {
  const path = join(directory, 'manifests-since.json')
  const market = `${chainId}/${protocolState}/${dataMarket}`
  const all = notedAt(path)
  let since = all[market]
  return {
    note({ fromEpochId }) {
      if (since !== undefined && since <= fromEpochId) return
      since = fromEpochId
      onDisk(path, 'noting a manifest', () => {
        makeFolder(directory)
        replaceFile(path, JSON.stringify({ ...all, [market]: since }), FILE_MODE)
      })
    },
    assertNone(epochId) {
      if (since !== undefined && since <= epochId) throw new WeftError('MANIFEST_DENIED', { dataMarket, epochId, sinceEpochId: since })
    },
  }
}

/** By market the epoch from which on it has manifests. A file that is damaged is not taken for one that says nothing: then there would be nothing to hold against a lie. */
function notedAt(path: string): Readonly<Record<string, EpochId>> {
  const doing = 'reading which manifests there were'
  const bytes = bytesAt(path, doing)
  if (bytes === undefined) return {}
  try {
    const noted = Object.entries(JSON.parse(new TextDecoder().decode(bytes)) as object)
    return Object.fromEntries(noted.map(([market, epochId]) => [market, parseEpochId(epochId)]))
  } catch (cause) {
    throw new WeftError('STORE_CORRUPT', { path, doing }, cause)
  }
}
