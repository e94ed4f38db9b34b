import { type ComputeSetModule, configOf, int, list, object, text } from 'weft/compute'

const config = configOf(object({ token: text(), wallets: list(text()) }))
const TRANSFER = 'event Transfer(address indexed from, address indexed to, uint256 value)'

/** What of one token came to each wallet and went from it in an epoch. */
export default {
  name: 'NAME',
  version: '0.1.0',
  config,
  create: ({ token, wallets }) => ({
    preloads: [],
    snapshots: [
      {
        projectType: 'NAME',
        description: 'Transfers of the token to and from a wallet',
        schema: object({ wallet: text(), came: int(), went: int(), transfers: int() }),
        dataSources: wallets,
        preloads: [],
        async compute({ epoch, dataSource, source }) {
          const wallet = String(dataSource).toLowerCase()
          // Every wallet asks the same question: it costs one request.
          const events = await source.events({ address: token, events: [TRANSFER], fromBlock: epoch.begin, toBlock: epoch.end })
          const amounts = (side: 'from' | 'to') =>
            events.filter(({ args }) => args[side] === wallet).map(({ args }) => args['value'] as bigint)
          const [came, went] = [amounts('to'), amounts('from')]
          const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n)
          return { wallet, came: sum(came), went: sum(went), transfers: BigInt(came.length + went.length) }
        },
      },
    ],
    aggregates: [],
  }),
} satisfies ComputeSetModule<{ readonly token: string; readonly wallets: readonly string[] }>
