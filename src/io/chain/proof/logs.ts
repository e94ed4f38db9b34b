import type { Objection } from '#io/chain/rpc/judge.ts'
import { isMatch, type LogBody, type LogFilter } from './filter.ts'
import { logsOf } from './receipts.ts'

/** A log as `eth_getLogs` gives it. */
export interface GivenLog extends LogBody {
  readonly blockNumber?: unknown
  readonly blockHash?: unknown
  readonly logIndex?: unknown
}

/** Whether it has the form of one. */
export function isLog(raw: unknown): raw is GivenLog {
  if (typeof raw !== 'object' || raw === null) return false
  const { address, topics, data } = raw as Record<string, unknown>
  return [address, data].every(isText) && Array.isArray(topics) && topics.every(isText)
}
const isText = (value: unknown): boolean => typeof value === 'string'

/** What of a log its receipt proves, and its place in the block. */
const written = (index: number, { address, topics, data }: LogBody): string => JSON.stringify([index, address, topics, data]).toLowerCase()

/** What is wrong with the logs of a block, beside its receipts. */
export function compareLogs(
  block: number,
  given: readonly GivenLog[],
  { filter, receipts }: { readonly filter: LogFilter; readonly receipts: readonly unknown[] },
): Objection | undefined {
  const there = logsOf(receipts).flatMap((log, index) => (isMatch(filter, log) ? [written(index, log)] : []))
  const got = new Set(given.map((log) => written(Number(log.logIndex), log)))
  const missing = there.filter((log) => !got.has(log)).length
  const method = 'eth_getLogs'
  // One that differs, or comes twice, is an invention.
  if (given.length + missing > there.length) return { word: 'invents', method, detail: `a log of block ${block} that no receipt has` }
  return missing === 0 ? undefined : { word: 'omits', method, detail: `${missing} of ${there.length} logs of block ${block}` }
}
