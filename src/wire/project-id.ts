/** Project ids, exactly as deployed peers spell them (spec/03 §5). Types and namespace keep their case, data sources lose it. */

import { sha3_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { byCodeUnit, type ProjectId, parseProjectId } from '#domain/ids.ts'

/** Id of a base project. Throws `ID_MALFORMED` when the parts do not make a valid id. */
export function projectIdOf(parts: {
  type: string
  primarySource?: string | undefined
  dataSource?: string | undefined
  namespace: string
}): ProjectId {
  const { type, primarySource, dataSource, namespace } = parts
  if (dataSource === undefined) return parseProjectId(`${type}:${namespace}`)
  const source = primarySource === undefined ? dataSource : `${primarySource}_${dataSource}`
  return parseProjectId(`${type}:${source.toLowerCase()}:${namespace}`)
}

/** Id of the aggregate over one base project: it takes over the part before the namespace. Throws `ID_MALFORMED`. */
export function singleAggregateProjectId(options: { type: string; baseProjectId: ProjectId; namespace: string }): ProjectId {
  return parseProjectId(`${options.type}:${options.baseProjectId.split(':').at(-2)}:${options.namespace}`)
}

/** Id of the aggregate over many base projects: their ids, sorted and joined without separator, under FIPS-202 SHA3-256 (not keccak). Throws `ID_MALFORMED`. */
export function multiAggregateProjectId(options: { type: string; baseProjectIds: readonly ProjectId[]; namespace: string }): ProjectId {
  const joined = options.baseProjectIds.toSorted(byCodeUnit).join('')
  return parseProjectId(`${options.type}:${bytesToHex(sha3_256(utf8ToBytes(joined)))}:${options.namespace}`)
}
