import type { IncomingMessage } from 'node:http'

/** Which bytes of an answer are asked for, both ends included. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** `undefined`: all of them, as also where several parts are asked for, or of another version of what is there (RFC 9110 §14.2). */
export function rangeOf(
  { headers: { range, 'if-range': version } }: Pick<IncomingMessage, 'headers'>,
  { length, etag }: { readonly length: number; readonly etag: string | undefined },
): Range | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (version !== undefined && version !== etag) return undefined
  const from = first === '' ? Math.max(0, length - Number(last)) : Number(first)
  const to = first === '' || last === '' ? length - 1 : Math.min(Number(last), length - 1)
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  return from > to ? 'unsatisfiable' : { from, to }
}
