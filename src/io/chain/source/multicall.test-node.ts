import type { View } from './multicall.ts'

const hex4 = (value: number): string => value.toString(16).padStart(8, '0')

/** What a node makes of a call of several views, each answered by `answer`: hex, or `undefined` when it fails. */
export function runMulticall(data: string, answer: (view: Pick<View, 'to' | 'data'>) => string | undefined): string {
  let [at, result] = [2, '0x']
  while (at < data.length) {
    const to = `0x${data.slice(at, at + 40)}`
    const end = at + 48 + 2 * Number.parseInt(data.slice(at + 40, at + 48), 16)
    const returned = answer({ to, data: `0x${data.slice(at + 48, end)}` })
    result += returned === undefined ? `00${hex4(0)}` : `01${hex4((returned.length - 2) / 2)}${returned.slice(2)}`
    at = end
  }
  return result
}
