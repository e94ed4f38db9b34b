import { headerHash } from '#io/chain/proof/header.ts'
import type { Answer, Call, Exchange } from './proxy.ts'

/** A node on a fork of its own, made from one that is not: the newest blocks have the same in them and other hashes, which are those of their fields. */

/** So deep it begins below the head of the first moment. */
const DEPTH_BLOCKS = 3

type Raw = Readonly<Record<string, unknown>> & { readonly number: string; readonly hash: string; readonly parentHash: string }

const hex = (value: number): string => `0x${value.toString(16)}`
const header = (number: number): Call => ({ id: 0, method: 'eth_getBlockByNumber', params: [hex(number), false] })

/** The hashes that differ, both ways, and the headers that have them. */
interface Fork {
  first: number
  readonly headers: Raw[]
  readonly toOwn: Map<string, string>
  readonly toReal: Map<string, string>
}

/** Comes as far as the node behind has come. */
async function grown({ ask, memory }: Exchange): Promise<Fork> {
  const [answer] = await ask([{ id: 0, method: 'eth_blockNumber', params: [] }])
  const head = Number(answer?.result)
  const fork = (memory.get('fork') ?? {
    first: Math.max(1, head - DEPTH_BLOCKS + 1),
    headers: [],
    toOwn: new Map(),
    toReal: new Map(),
  }) as Fork
  memory.set('fork', fork)
  const missing = Array.from({ length: Math.max(0, head - fork.first + 1) }, (_, index) => fork.first + index)
  for (const { result } of await ask(missing.map(header))) {
    const real = result as Raw
    if (fork.toOwn.has(real.hash)) continue
    const fields = { ...real, extraData: '0xf0', parentHash: fork.toOwn.get(real.parentHash) ?? real.parentHash }
    const own = { ...fields, hash: headerHash(fields) }
    fork.headers.push(own)
    fork.toOwn.set(real.hash, own.hash)
    fork.toReal.set(own.hash, real.hash)
  }
  return fork
}

/** All hashes in it that the other side has, as that has them. */
function translated<Value>(value: Value, hashes: ReadonlyMap<string, string>): Value {
  return JSON.parse(JSON.stringify(value), (_, item: unknown) => (typeof item === 'string' ? (hashes.get(item) ?? item) : item)) as Value
}

/** What a node says that is on the fork. Of blocks that are on the other one it knows nothing. */
export async function answersForked(exchange: Exchange): Promise<Answer[]> {
  const fork = await grown(exchange)
  const isOfOthers = ({ params }: Call): boolean => [...fork.toOwn.keys()].some((hash) => JSON.stringify(params).includes(hash))
  const calls = exchange.calls
  const known = calls.filter((call) => !isOfOthers(call))
  const answers = await exchange.ask(translated(known, fork.toReal))
  const byCall = new Map(known.map((call, index) => [call, answers[index] as Answer]))
  return calls.map((call) => {
    const answer = byCall.get(call)
    if (answer === undefined)
      return call.method.startsWith('eth_getBlock')
        ? { id: call.id, result: null }
        : { id: call.id, error: { code: -32_000, message: 'unknown block' } }
    if (!call.method.startsWith('eth_getBlockBy') || answer.result == null) return translated(answer, fork.toOwn)
    const own = fork.headers.find(({ number }) => number === (answer.result as Raw).number)
    return own === undefined ? answer : { ...answer, result: { ...(answer.result as object), ...own } }
  })
}
