import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import type { PlaceAdapter } from '#io/ipfs/place.ts'
import { importContent, parseCid } from '#io/ipfs/unixfs.ts'
import { pinPlaceOf } from '#node/adapters.ts'
import type { PlaceSetting } from '#node/pin-places.ts'
import type { Given } from './chains.ts'
import { bad, type Finding, good, orFailed } from './finding.ts'
import { mendUnwritable, nearestFolder } from './machine.ts'

/** Whether the places that are to keep copies do (docs/PINNING.md). */

const CHECK = 'pin place'
const TIMEOUT_MS = 10_000
const MEND = 'is it up, and is its URL right? --pin-places, --pin-token; docs/PINNING.md has what each place must allow'

/** Nobody reaches the doctor: a service that fetches from us is only asked whether it knows us. */
const NOBODY = { peerId: 'doctor', addresses: () => [] }

export async function lookAtPlaces({ pinPlaces = [], pinToken, pinGateways = [] }: Given): Promise<readonly Finding[]> {
  const look = (place: PlaceSetting): Promise<readonly Finding[]> => {
    if (place.kind === 'car') return Promise.resolve([folderOf(place.directory)])
    const adapter = pinPlaceOf(place, { pinToken, pinGateways }, NOBODY)
    return orFailed(CHECK, MEND, async () => [await (place.kind === 'kubo' ? keptAndReadBack(adapter) : known(adapter))])
  }
  return (await Promise.all(pinPlaces.map(look))).flat()
}

/** Bytes that nobody has are pinned, read back another way than they went, and let go. */
async function keptAndReadBack(place: PlaceAdapter): Promise<Finding> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const bytes = new Uint8Array(randomBytes(32))
  const blocks: Parameters<PlaceAdapter['put']>[0]['blocks'][number][] = []
  const root = parseCid(await importContent(bytes, async (cid, block) => void blocks.push({ cid, bytes: block })))
  try {
    await place.put({ root, blocks }, signal)
    await place.read(root, { bytesMax: bytes.length, signal })
  } finally {
    // It has time of its own: what was not read back in time is pinned all the same.
    await place.remove(root, AbortSignal.timeout(TIMEOUT_MS))
  }
  return good(CHECK, `${place.name}: what was pinned there was read back`)
}

/** Whether it takes our token: it is asked for what it has of bytes that nobody has. */
async function known(place: PlaceAdapter): Promise<Finding> {
  const root = parseCid(await importContent(new Uint8Array(randomBytes(32)), async () => undefined))
  await place.remove(root, AbortSignal.timeout(TIMEOUT_MS))
  return good(CHECK, `${place.name} answers; whether it reaches this node shows when it is to fetch`)
}

function folderOf(directory: string): Finding {
  const folder = nearestFolder(directory)
  if (!statSync(folder).isDirectory()) return bad(CHECK, `car:${directory}: ${folder} is no folder`, 'another folder in --pin-places')
  const mending = mendUnwritable(folder)
  if (mending === undefined) return good(CHECK, `car:${directory} can be written to`)
  return bad(CHECK, `car:${directory}: ${folder} cannot be written to`, `${mending}, or another folder in --pin-places`)
}
