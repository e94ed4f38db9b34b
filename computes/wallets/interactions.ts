import { bulk, type ChainTransaction, checksummed, object, preloadedBy, type SnapshotCompute, text } from 'weft/compute'
import { BLOCK_TRANSACTIONS } from './block-transactions.ts'

const SCHEMA = object({
  wallet_address: text({ description: 'Who sent a transaction, with EIP-55 capitals' }),
  contract_address: text({ description: 'To whom, with EIP-55 capitals' }),
})

/** Of which wallet and which contract: the primary source, then the data source (spec/03 §5). */
const sourceOf = ({ wallet, contract }: { readonly wallet: string; readonly contract: string }): string => `${wallet}_${contract}`

/** Whether a wallet sent a transaction to a contract within the epoch: a snapshot says that it did, also when the transaction reverted. */
export function interactions(pairs: readonly { readonly wallet: string; readonly contract: string }[]): SnapshotCompute {
  const bySource = new Map(pairs.map((pair) => [sourceOf(pair), pair]))
  return bulk({
    projectType: 'eth:tracking_wallet_interaction',
    schema: SCHEMA,
    description: 'That a wallet sent a transaction to a contract',
    dataSources: [...bySource.keys()],
    preloads: [BLOCK_TRANSACTIONS],
    async all({ preloaded }) {
      const transactions = [...preloadedBy<readonly ChainTransaction[]>(preloaded, BLOCK_TRANSACTIONS).values()].flat()
      const seen = new Set(transactions.flatMap(({ from, to }) => (to === undefined ? [] : [sourceOf({ wallet: from, contract: to })])))
      return new Map(
        [...bySource].flatMap(([source, { wallet, contract }]) =>
          seen.has(source) ? [[source, { wallet_address: checksummed(wallet), contract_address: checksummed(contract) }] as const] : [],
        ),
      )
    },
  })
}
