import { join } from 'node:path'
import { WeftError } from '#domain/errors.ts'
import type { EpochId } from '#domain/ids.ts'
import type { AnchorChain, ManifestRef } from '#io/chain/port.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { bytesOf } from './given-file.ts'

/** That a market has manifests, and from which epoch on: no contract takes one back, so who says later that there is none is not believed. */
export interface ManifestMemory {
  /** Of an epoch that has begun. Throws as `onDisk`. */
  note(manifest: ManifestRef): void
  /** Throws `MANIFEST_DENIED` when the market had a manifest for the epoch, or for one before it. */
  assertNone(epochId: EpochId): void
}

const FILE_MODE = 0o600

/** Kept in the folder of a role, by market: a folder may have served another one before. */
export function openManifestMemory(
  directory: string,
  { chainId, protocolState, dataMarket }: Pick<AnchorChain, 'chainId' | 'protocolState' | 'dataMarket'>,
): ManifestMemory {
  const path = join(directory, 'manifests-since.json')
  const market = `${chainId}/${protocolState}/${dataMarket}`
  const bytes = bytesOf(path)
  const all = bytes === undefined ? {} : (JSON.parse(new TextDecoder().decode(bytes)) as Readonly<Record<string, EpochId>>)
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
