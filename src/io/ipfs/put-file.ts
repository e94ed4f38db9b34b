import type { Cid } from '#domain/ids.ts'
import type { Block } from './car.ts'
import type { PlaceAdapter } from './place.ts'
import { importContent, parseCid } from './unixfs.ts'

/** Brings a file to a place, without a node of one's own. Throws as the place does. */
export async function putFile(place: Pick<PlaceAdapter, 'put'>, bytes: Uint8Array, signal: AbortSignal): Promise<Cid> {
  const blocks: Block[] = []
  const cid = await importContent(bytes, async (id, block) => void blocks.push({ cid: id, bytes: block }))
  // The importer brings the root last.
  await place.put({ root: parseCid(cid), blocks: blocks.reverse() }, signal)
  return cid
}
