import type { Address } from '#domain/ids.ts'
import { rangesOf } from '#domain/ranges.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { holdersOf } from '#node/hold.ts'
import type { Run } from '#node/run-file.ts'
import type { Role } from '#node/settings/roles.ts'
import type { Settings } from '#node/settings/settings.ts'
import { unlessThrown } from '#wire/untrusted.ts'
import { bad, doubtful, type Finding, good } from './finding.ts'

/** Whether somebody else signs with the key of the role: on this machine, or, of an account that sends transactions, anywhere. */

const CHECK = 'key elsewhere'
/** Nodes that are not archives keep the state of some 128 blocks. */
const WORK_BLOCKS = 50

interface Look {
  readonly role: Role
  readonly account: Address
  /** For which the role signs votes, if it does. */
  readonly slots: Settings['slots'] | undefined
  readonly chain: AnchorChain
  readonly rpc: Pick<Rpc, 'ask'>
  /** The process that works on the data directory, which is none of the others. */
  readonly run: Run | undefined
  readonly sends: boolean
}

export async function lookElsewhere({ role, account, slots, chain, rpc, run, sends }: Look): Promise<readonly Finding[]> {
  if (!sends && slots === undefined) return []
  const held = await holdersOf({ slotIds: slots ?? [], validator: role === 'validator' ? account : undefined }, chain)
  const others = held.filter(({ processId }) => processId !== String(run?.processId))
  const found = [...Map.groupBy(others, ({ processId }) => processId)].map(([processId, theirs]) => {
    const ids = rangesOf(theirs.flatMap(({ slotId }) => slotId ?? []))
    const what = ids.length > 0 ? `slots ${ids.join(',')}` : `validator ${account}`
    return bad(
      CHECK,
      `process ${processId} of this machine signs for ${what} already, and works on ${theirs[0]?.dataDir}`,
      `stop it, or start nothing here: \`./weft status --data-dir ${theirs[0]?.dataDir}\` says how it fares`,
    )
  })
  if (sends && run === undefined) found.push(...(await atWork(account, { chain, rpc })))
  return found.length === 0 ? [good(CHECK, 'nobody else was seen to sign with it')] : found
}

/** By what the account has sent lately: nobody works on its data directory. Nothing is said where the endpoint has no state of then. */
async function atWork(account: Address, { chain, rpc }: Pick<Look, 'chain' | 'rpc'>): Promise<readonly Finding[]> {
  const head = await chain.head()
  const then = Math.max(0, head.number - WORK_BLOCKS)
  const countAt = async (block: string): Promise<number | undefined> => {
    const answer = await rpc.ask('eth_getTransactionCount', [account, block])
    return answer.isOk ? unlessThrown(() => Number(BigInt(answer.result as string))) : undefined
  }
  const [before, now] = await Promise.all([countAt(`0x${then.toString(16)}`), countAt('latest')])
  if (before === undefined || now === undefined || now <= before) return []
  return [
    doubtful(
      CHECK,
      `${account} has sent ${now - before} transactions within the last ${head.number - then} blocks, and nobody works here`,
      'unless you have just stopped it here: find who signs with the same key, on this machine or another, and stop one of the two',
    ),
  ]
}

interface PartAccount {
  readonly name: string
  readonly account: Address
  /** On which chain. */
  readonly chainId: number | undefined
}

/** Of the parts of a node: those that send transactions with one account take each other's nonces. */
export function sharedAccounts(parts: readonly PartAccount[]): readonly Finding[] {
  return [...Map.groupBy(parts, ({ account, chainId }) => `${chainId} ${account}`).values()].flatMap(([first, ...others]) =>
    others.map(({ name, account }) => ({
      ...bad(
        CHECK,
        `${account} is the account of ${first?.name} too: the two hold each other up`,
        'give each part that sends transactions an account of its own: `./weft keys new`',
      ),
      part: name,
    })),
  )
}
