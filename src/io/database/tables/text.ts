import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Row } from './sql.ts'

/** Shorter texts gain less than reading them costs. */
const DEFLATE_BYTES_MIN = 1_024

/** How a snapshot's text lies in a table: as it is or deflated, whatever is shorter. */
export function packed(text: string): { readonly form: 'plain' | 'deflated'; readonly body: Uint8Array } {
  const plain = Buffer.from(text)
  if (plain.length >= DEFLATE_BYTES_MIN) {
    const deflated = deflateRawSync(plain, { level: constants.Z_BEST_SPEED })
    if (deflated.length < plain.length) return { form: 'deflated', body: deflated }
  }
  return { form: 'plain', body: plain }
}

export function unpacked({ form, body }: Row): string | undefined {
  if (!(body instanceof Uint8Array)) return undefined
  return Buffer.from(form === 'deflated' ? inflateRawSync(body) : body).toString()
}
