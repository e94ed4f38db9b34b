import type { IntentJournal } from '#io/chain/port.ts'
import { readHeader } from '#io/chain/rpc/block.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { least } from './fees.ts'

/** What EIP-7825 allows a transaction: 2^24. Taken for every chain, unless a setting says that one allows more. */
export const TRANSACTION_GAS_MAX = 16_777_216n

/** What a chain was found to allow, in the journal: of an account there is one, of an account one chain. */
const LIMIT_KEY = 'gas/max'
/** A smaller number in a refusal is something else: no chain has transactions so small. */
const LIMIT_MIN = 1_000_000n

export interface GasLimitOptions {
  readonly rpc: Rpc
  readonly journal: IntentJournal
  readonly gasPerTransactionMax?: bigint | undefined
}

/** How much gas one transaction may have on this chain, as far as that is known: less than the setting, where blocks or a refusal say so. */
export function createGasLimit({ rpc, journal, gasPerTransactionMax = TRANSACTION_GAS_MAX }: GasLimitOptions) {
  function found(): bigint {
    const value = journal.get(LIMIT_KEY)
    return value === undefined ? gasPerTransactionMax : least(gasPerTransactionMax, BigInt(new TextDecoder().decode(value)))
  }

  return {
    /** Throws `CHAIN_UNREACHABLE`, `CHAIN_ANSWER_INVALID`. */
    async now(): Promise<bigint> {
      const header = await readHeader(rpc, 'latest')
      return header?.gasLimit === undefined ? found() : least(found(), header.gasLimit)
    },

    /** Remembers what a node says when it refuses `gas` for being too much: the number that it names, or else the limit that everybody has. */
    async learn(message: string, gas: bigint): Promise<void> {
      const numbers = [...message.matchAll(/(?<![\w.])\d+/g)].map(([digits]) => BigInt(digits))
      const named = numbers.filter((number) => number >= LIMIT_MIN && number < gas)
      const limit = named.length > 0 ? named.reduce(least) : TRANSACTION_GAS_MAX
      if (limit >= least(found(), gas)) return
      await journal.commit([{ key: LIMIT_KEY, value: new TextEncoder().encode(String(limit)) }])
    },
  }
}
export type GasLimit = ReturnType<typeof createGasLimit>
