import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** Answers made smaller on the way, for who says that they may be. */

const gzipped = promisify(gzip)

/** Below it a packet is a packet. */
const BYTES_MIN = 1_400
/** A third of the time of the usual level, for a tenth more bytes. */
const LEVEL = 3

export interface Encoded {
  readonly bytes: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

/** Other bytes have another strong tag: what is encoded keeps its own as a weak one, which is enough to be known again. */
export async function encodedFor(
  { headers }: Pick<IncomingMessage, 'headers'>,
  { type, bytes, etag }: { readonly type: string; readonly bytes: Uint8Array; readonly etag: string | undefined },
): Promise<Encoded> {
  const isWorth = bytes.length >= BYTES_MIN && /^(text\/|application\/(json|javascript)|image\/svg)/.test(type)
  if (!isWorth || !takesGzip(headers['accept-encoding'])) return { bytes, headers: {} }
  const weak = etag === undefined || etag.startsWith('W/') ? {} : { etag: `W/${etag}` }
  return { bytes: await gzipped(bytes, { level: LEVEL }), headers: { ...weak, 'content-encoding': 'gzip' } }
}

const takesGzip = (header: unknown): boolean =>
  String(header ?? '')
    .split(',')
    .some((each) => /^\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(each))
