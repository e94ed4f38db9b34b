import type { CID } from 'multiformats/cid'
import { WeftError } from '#domain/errors.ts'
import { type Answer, ask, jsonOf, type Question, unexpected } from './ask.ts'
import { encodeCar } from './car.ts'
import type { PlaceAdapter } from './place.ts'
import { BLOCK_BYTES_MAX } from './port.ts'
import { readContent } from './unixfs.ts'

/** What Kubo answers to calls that move no content. */
const ANSWER_BYTES_MAX = 65_536

/**
 * A Kubo node by its RPC (https://docs.ipfs.tech/reference/kubo/rpc/). Content goes there as a CAR file, so that no setting of the node can
 * cut it otherwise; it is read back block by block, and offline: what the node would have to fetch, perhaps from us, it does not have.
 */
export function kuboPlace({ url }: { readonly url: string }): PlaceAdapter {
  const name = `kubo:${new URL(url).host}`

  function call(path: string, args: Readonly<Record<string, string>>, rest: Partial<Question>, signal: AbortSignal): Promise<Answer> {
    const target = `${url.replace(/\/+$/, '')}/api/v0/${path}?${new URLSearchParams(args)}`
    return ask({ place: name, url: target, method: 'POST', bytesMax: ANSWER_BYTES_MAX, ...rest }, signal)
  }

  async function block(cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    const answer = await call('block/get', { arg: cid.toString(), offline: 'true' }, { bytesMax: BLOCK_BYTES_MAX }, signal)
    // Whatever it calls the reason: it does not have what it said it has.
    if (answer.status !== 200) throw new WeftError('IPFS_NOT_FOUND', { cid: cid.toString(), waitedMs: 0 }, unexpected(name, answer))
    return answer.bytes
  }

  return {
    name,
    async put({ root, blocks }, signal) {
      const body = new FormData()
      body.append('file', new Blob([encodeCar(root, blocks) as Uint8Array<ArrayBuffer>]), 'content.car')
      const imported = jsonOf(
        name,
        await call('dag/import', { 'pin-roots': 'true', stats: 'false' }, { body }, signal),
      ) as ImportedRoot | null
      const got = imported?.Root?.Cid?.['/']
      if (got !== root.toString()) throw new WeftError('IPFS_CONTENT_WRONG', { cid: root.toString(), got: String(got).slice(0, 80) })
      if (imported?.Root?.PinErrorMsg) throw new WeftError('PLACE_FAILED', { place: name, detail: 'imported, but not pinned' })
    },
    async read(root, limits) {
      const answer = await call('pin/ls', { arg: root.toString(), type: 'recursive' }, {}, limits.signal)
      const pins = answer.status === 200 ? (jsonOf(name, answer) as PinList | null) : undefined
      if (pins?.Keys?.[root.toString()]?.Type !== 'recursive') throw new WeftError('PLACE_FAILED', { place: name, detail: 'not pinned' })
      return readContent(root, limits, block)
    },
    async remove(root, signal) {
      const answer = await call('pin/rm', { arg: root.toString() }, {}, signal)
      if (answer.status !== 200 && !isNotPinned(answer)) throw unexpected(name, answer)
    },
  }
}

/** Of a request with one root there is one line. */
interface ImportedRoot {
  readonly Root?: { readonly Cid?: { readonly '/'?: unknown }; readonly PinErrorMsg?: string }
}

interface PinList {
  readonly Keys?: Readonly<Record<string, { readonly Type?: string }>>
}

/** Kubo has one code for all failures, so the text has to say it: "not pinned or pinned indirectly". */
function isNotPinned(answer: Answer): boolean {
  return answer.status === 500 && new TextDecoder().decode(answer.bytes).includes('not pinned')
}
