import { decode } from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { WeftError } from '#domain/errors.ts'

/** A block of dag-cbor as people read it: DAG-JSON (https://ipld.io/specs/codecs/dag-json/spec/). */

/** Half of the largest block: a byte of it may become a value of many, and takes its time. */
const DAG_JSON_BYTES_MAX = 2 * 1024 * 1024

/** Throws `IPFS_CONTENT_TOO_LARGE`, and `IPFS_CONTENT_WRONG` when the block is no dag-cbor, or nested deeper than anybody writes. */
export function dagJsonOf(cid: CID, block: Uint8Array): string {
  if (block.length > DAG_JSON_BYTES_MAX)
    throw new WeftError('IPFS_CONTENT_TOO_LARGE', { cid: cid.toString(), bytesMax: DAG_JSON_BYTES_MAX })
  try {
    return textOf(decode(block))
  } catch (failure) {
    throw new WeftError('IPFS_CONTENT_WRONG', { cid: cid.toString(), got: 'no dag-cbor that can be read' }, failure)
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'bigint') return String(value)
  // A number with a fraction stays one: 1.0 is no integer.
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (value instanceof Uint8Array) return `{"/":{"bytes":${JSON.stringify(value.toBase64({ omitPadding: true }))}}}`
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`
  const cid = CID.asCID(value)
  if (cid !== null) return `{"/":${JSON.stringify(cid.toString())}}`
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${textOf(field)}`).join(',')}}`
}
