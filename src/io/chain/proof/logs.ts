import type { Objection } from '#io/chain/rpc/judge.ts'
import { isMatch, type LogBody, type LogFilter } from './filter.ts'
import { logsOf } from './receipts.ts'

/** A log as `eth_getLogs` gives it. */
export interface GivenLog extends LogBody {
  readonly blockNumber?: unknown
  readonly blockHash?: unknown
  readonly logIndex?: unknown
}

const is = (form: RegExp, value: unknown): boolean => typeof value === 'string' && form.test(value)
const HASH = /^0x[0-9a-f]{64}$/i
const QUANTITY = /^0x[0-9a-f]{1,13}$/i

/** Whether it has the form of one. */
export function isLog(raw: unknown): raw is GivenLog {
  if (typeof raw !== 'object' || raw === null) return false
  const { address, topics, data, blockNumber, blockHash, logIndex, transactionHash } = raw as Record<string, unknown>
  if (!is(/^0x[0-9a-f]{40}$/i, address) || !is(/^0x(?:[0-9a-f]{2})*$/i, data)) return false
  if (!Array.isArray(topics) || !topics.every((topic) => is(HASH, topic))) return false
  return [blockNumber, logIndex].every((each) => is(QUANTITY, each)) && [blockHash, transactionHash].every((each) => is(HASH, each))
}

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
