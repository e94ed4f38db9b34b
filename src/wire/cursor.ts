import { unlessThrown } from './untrusted.ts'

/** Where a list goes on: a place in it, in letters that say nothing to a reader and survive a URL. */

/** Characters of a cursor: those of the longest place, a project id of 256 and a slot, and some more. */
export const CURSOR_LENGTH_MAX = 512

const encoder = new TextEncoder()

export function encodeCursor(place: string): string {
  return encoder.encode(place).toBase64({ alphabet: 'base64url', omitPadding: true })
}

/** `undefined` when it is no cursor. The place may be one that no list has. */
export function decodeCursor(cursor: string): string | undefined {
  if (cursor.length > CURSOR_LENGTH_MAX || !/^[\w-]*$/.test(cursor)) return undefined
  return unlessThrown(() =>
    new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.fromBase64(cursor, { alphabet: 'base64url', lastChunkHandling: 'loose' })),
  )
}
