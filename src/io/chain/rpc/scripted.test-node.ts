import { decodeFunctionData, encodeFunctionResult, parseTransaction } from 'viem'
import type { Abi } from 'viem'
import { WeftError } from '#domain/errors.ts'
import type { Hash } from '#domain/ids.ts'
import { keccak256 } from '#wire/keccak.ts'
import type { RpcAnswer, RpcCall } from './answer.ts'
import type { Rpc } from './rpc.ts'

/** Answers of one method; what it throws is the node out of reach. */
export type Script = (...params: never[]) => unknown

interface Refused {
  readonly refused: { readonly code: number; readonly message: string; readonly data?: string }
}

/** What a script returns to refuse its call. */
export const refuse = (code: number, message: string, data?: string): Refused => ({
  refused: data === undefined ? { code, message } : { code, message, data },
})
const isRefused = (answer: unknown): answer is Refused => typeof answer === 'object' && answer !== null && 'refused' in answer

/** A revert with a reason string, as nodes tell it. */
export function reverts(reason: string): Refused {
  const text = Buffer.from(reason).toString('hex')
  const word = (value: number) => value.toString(16).padStart(64, '0')
  return refuse(3, 'execution reverted', `0x08c379a0${word(32)}${word(reason.length)}${text.padEnd(64, '0')}`)
}

export const hex = (value: number | bigint): `0x${string}` => `0x${value.toString(16)}`
export const hashOf = (text: string): Hash => `0x${keccak256(new TextEncoder().encode(text)).toHex()}` as Hash

/** A JSON-RPC node in memory that says what its scripts say, and remembers what it was asked. */
export interface ScriptedNode {
  readonly calls: RpcCall[]
  readonly scripts: Record<string, Script>
  /** Without HTTP between. */
  readonly rpc: Rpc
  /** Stands in for the platform's `fetch`. */
  readonly fetch: typeof fetch
  asked(method: string): unknown[][]
}

export function createScriptedNode(scripts: Record<string, Script> = {}): ScriptedNode {
  const calls: RpcCall[] = []
  async function answer({ method, params }: RpcCall): Promise<unknown> {
    calls.push({ method, params })
    const script = scripts[method]
    if (script === undefined) return refuse(-32_601, `${method} is not scripted`)
    return script(...(params as never[]))
  }
  async function ask(method: string, params: readonly unknown[]): Promise<RpcAnswer> {
    const result = await answer({ method, params })
    if (!isRefused(result)) return { isOk: true, result: JSON.parse(JSON.stringify(result ?? null)) }
    return { isOk: false, refusal: { data: undefined, ...result.refused } }
  }
  async function call(method: string, params: readonly unknown[]): Promise<unknown> {
    const given = await ask(method, params)
    if (given.isOk) return given.result
    throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'scripted', method, detail: given.refusal.message })
  }
  return {
    calls,
    scripts,
    rpc: { endpoint: 'scripted', ask, call, all: (wanted) => Promise.all(wanted.map(({ method, params }) => call(method, params))) },
    async fetch(_url, init) {
      const wanted = JSON.parse(String(init?.body)) as (RpcCall & { readonly id: number })[]
      const answers = await Promise.all(
        wanted.map(async ({ id, method, params }) => {
          const result = await answer({ method, params })
          return isRefused(result) ? { id, error: result.refused } : { id, result: result ?? null }
        }),
      )
      return new Response(JSON.stringify(answers))
    },
    asked: (method) => calls.filter((made) => made.method === method).map(({ params }) => [...params]),
  }
}

/** Answers `eth_call` for contracts whose views are plain functions, by address; one that is missing reverts without data. */
export function viewScript(
  contracts: Readonly<Record<string, { readonly abi: Abi; readonly views: Readonly<Record<string, (...args: never[]) => unknown>> }>>,
): Script {
  return ({ to, data }: { readonly to: string; readonly data: `0x${string}` }) => {
    const contract = contracts[to.toLowerCase()]
    if (contract === undefined) return '0x'
    const { functionName, args = [] } = decodeFunctionData({ abi: contract.abi, data })
    const view = contract.views[functionName]
    if (view === undefined) return refuse(3, `${functionName} is not scripted`, '0x')
    const result = view(...(args as never[]))
    return isRefused(result) ? result : encodeFunctionResult({ abi: contract.abi, functionName, result } as never)
  }
}

interface Header {
  readonly number: string
  readonly hash: Hash
  readonly parentHash: Hash
  readonly timestamp: string
  readonly baseFeePerGas?: string
}

/** Headers from 0 to the head, each the child of the one before; `fork` names the branch that a block and all above it lie on. */
export function headerOf(number: number, fork = ''): Header {
  return {
    number: hex(number),
    hash: hashOf(`block ${number}${fork}`),
    parentHash: hashOf(`block ${number - 1}${fork}`),
    timestamp: hex(1_000 + number),
    baseFeePerGas: hex(10),
  }
}

interface Mined {
  readonly hash: string
  readonly block: number
  readonly status: number
}

/** A node with one account on it: what it broadcasts waits in the pool until `mine`, by nonce and by fee. */
export function createAccountNode(options: { readonly chainId?: number } = {}) {
  const broadcast: { readonly raw: `0x${string}`; readonly hash: string; readonly nonce: number }[] = []
  const mined: Mined[] = []
  let head = 100
  const countAt = (block: string): number => (block === 'latest' ? mined : mined.filter(({ block: at }) => at <= Number(block))).length
  const node = createScriptedNode({
    eth_chainId: () => hex(options.chainId ?? 1),
    eth_getBlockByNumber: (block: string) =>
      block !== 'latest' && Number(block) > head ? null : headerOf(block === 'latest' ? head : Number(block)),
    eth_getTransactionCount: (_address: string, block: string) =>
      block === 'finalized' ? refuse(-32_000, 'unsupported block tag') : hex(countAt(block)),
    eth_maxPriorityFeePerGas: () => hex(2),
    eth_estimateGas: () => hex(100_000),
    eth_getTransactionReceipt: (hash: string) => {
      const found = mined.find((one) => one.hash === hash)
      return found === undefined ? null : { status: hex(found.status), blockNumber: hex(found.block) }
    },
    eth_sendRawTransaction: (raw: `0x${string}`) => {
      const hash = `0x${keccak256(Uint8Array.fromHex(raw.slice(2))).toHex()}`
      broadcast.push({ raw, hash, nonce: parseTransaction(raw).nonce ?? 0 })
      return hash
    },
    eth_getBalance: () => hex(10n ** 18n),
  })
  return {
    ...node,
    /** Everything handed to the node, in order. */
    broadcast,
    head: () => head,
    /** Passes blocks without a transaction of the account. */
    pass(blocks: number): void {
      head += blocks
    },
    /** Puts the last transaction broadcast with the next nonce into a new block; `as` another one that took the nonce. */
    mine(how: { readonly status?: number; readonly as?: string } = {}): string {
      const next = broadcast.findLast(({ nonce }) => nonce === mined.length)
      const hash = how.as ?? next?.hash
      if (hash === undefined) throw new Error(`nothing was broadcast with nonce ${mined.length}`)
      head += 1
      mined.push({ hash, block: head, status: how.status ?? 1 })
      return hash
    },
    /** Takes the last transaction of the account back, with its block. */
    undo(): void {
      if (mined.pop() === undefined) throw new Error('nothing was mined')
    },
  }
}
export type AccountNode = ReturnType<typeof createAccountNode>
