import { dirname } from 'node:path'
import { isWeftError } from '#domain/errors.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { COMPUTE_SETS, openComputes } from '#node/computes.ts'
import { findManifest, manifestFrom } from '#node/manifest-files.ts'
import type { Role } from '#node/settings/roles.ts'
import { SETTINGS } from '#node/settings/settings.ts'
import { isSnapshotCid } from '#wire/cid.ts'
import { type Manifest, parseManifest } from '#wire/manifest.ts'
import type { Given } from './chains.ts'
import { bad, doubtful, type Finding, good, orFailed } from './finding.ts'

/** Whether the role knows what the market asks for: by its manifest, or where it has none by settings. */

const CHECK = 'manifest'

export async function lookAtRules(role: Role, settings: Given, chain: AnchorChain): Promise<readonly Finding[]> {
  if (!(SETTINGS.namespace.roles as readonly Role[]).includes(role)) return []
  const { current, pending } = await chain.manifests()
  const ref = current ?? pending
  return ref === undefined ? withoutManifest(role, settings) : manifestOf(ref.cid, { role, settings }, chain)
}

function withoutManifest(role: Role, { namespace, market }: Given): readonly Finding[] {
  const why = 'the market has none, so settings say what it asks for, and'
  const missing = [
    ...(namespace === undefined
      ? [bad(CHECK, `${why} --namespace is not given`, '--namespace …, the one that others in the market have')]
      : []),
    ...(role === 'snapshotter' && market === undefined
      ? [bad(CHECK, `${why} --market is not given`, '--market FILE, which names the compute sets, or the projects.json of a deployed node')]
      : []),
  ]
  return missing.length > 0 ? missing : [good(CHECK, `the market has none; namespace ${namespace}`)]
}

async function manifestOf(cid: string, { role, settings }: { readonly role: Role; readonly settings: Given }, chain: AnchorChain) {
  const { network = '', manifest = '', dataDir = '', ipfsPeers = [], gateways = [], level } = settings
  const mend = 'put its file into the folder `manifests` beside network.json, or name a draft of it: --manifest FILE'
  if (!isSnapshotCid(cid))
    return [
      bad(
        CHECK,
        `the chain names '${cid.slice(0, 80)}', which is no CID of one`,
        '`./weft market set --manifest FILE`, by the owner of the market',
      ),
    ]
  return orFailed(CHECK, '`./weft market set --manifest FILE`, by the owner of the market', async () => {
    const folders = [dataDir, ...(network === '' ? [] : [dirname(network)])]
    const found = await Promise.all(folders.map((folder) => findManifest(folder, cid)))
    const given = manifest === '' ? undefined : await manifestFrom(manifest, cid, await chain.market())
    const bytes = found.find((each) => each !== undefined) ?? (typeof given === 'string' ? undefined : given)
    if (bytes !== undefined) {
      const { namespace, computes } = parseManifest(bytes, cid)
      const here = good(CHECK, `${cid} is here, of namespace ${namespace}`)
      const isComputing = role === 'snapshotter' || level === 'recompute'
      return [here, ...(isComputing ? lookAtComputes(computes, settings) : [])]
    }
    const told = `${cid} is not here${typeof given === 'string' ? `, and not ${given}` : ''}`
    if (ipfsPeers.length + gateways.length > 0)
      return [doubtful(CHECK, `${told}: the IPFS peers are asked for it at the start, and the gateways`, mend)]
    return [bad(CHECK, told, mend)]
  })
}

/** Who computes does not start without a set that the manifest names. */
function lookAtComputes(asked: Manifest['computes'], { computes = [] }: Given): readonly Finding[] {
  const mend = '--computes FOLDER, of a set that is not shipped with this Weft, in the version that the manifest names'
  try {
    openComputes([...asked], [...COMPUTE_SETS, ...computes])
    return []
  } catch (failure) {
    if (!isWeftError(failure, 'SETTINGS_INVALID')) throw failure
    return [bad('computes', [failure.facts.problems].flat().join('; '), mend)]
  }
}
