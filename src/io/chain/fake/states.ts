import { toRlp } from 'viem/utils'
import { WeftError } from '#domain/errors.ts'
import type { Address, BlockNumber, Hash } from '#domain/ids.ts'
import type { StateProver } from '#io/chain/port.ts'
import { trieOf } from '#io/chain/proof/trie.ts'
import { keccak256 } from '#wire/keccak.ts'

export interface FakeAccount {
  readonly code: Uint8Array
  /** What is 0 is not there. */
  readonly slots: ReadonlyMap<bigint, bigint>
}
type Accounts = ReadonlyMap<Address, FakeAccount>

/** State in memory whose blocks are headers and tries, as those of a chain are; it begins with an empty block 0. */
export interface FakeStates extends StateProver {
  /** One more block, in which these accounts are so and the others as before. */
  mine(changes?: Accounts): void
  /** While unreachable every read throws `CHAIN_UNREACHABLE`. */
  setReachable(isReachable: boolean): void
}

interface Block {
  readonly hash: Hash
  readonly bytes: Uint8Array
  readonly accounts: Accounts
}

const FIELDS_BEFORE_STATE = 3
const EMPTY = new Uint8Array()
const rlp = (item: readonly Uint8Array[] | Uint8Array): Uint8Array => toRlp(item as Uint8Array[], 'bytes')
/** Without leading zeros, as RLP has numbers. */
const numberBytes = (value: bigint): Uint8Array => {
  const digits = value.toString(16)
  return value === 0n ? EMPTY : Uint8Array.fromHex(digits.padStart(digits.length + (digits.length % 2), '0'))
}
const hashOf = (digits: string): Uint8Array => keccak256(Uint8Array.fromHex(digits))

const storageOf = ({ slots }: FakeAccount) =>
  trieOf([...slots].map(([slot, value]) => ({ key: hashOf(slot.toString(16).padStart(64, '0')), value: rlp(numberBytes(value)) })))

function stateOf(accounts: Accounts) {
  return trieOf(
    [...accounts].map(([address, account]) => ({
      key: hashOf(address.slice(2)),
      value: rlp([EMPTY, EMPTY, storageOf(account).root, keccak256(account.code)]),
    })),
  )
}

export function createFakeStates(): FakeStates {
  const blocks: Block[] = []
  let isReachable = true

  function answered(method: string): void {
    if (!isReachable) throw new WeftError('CHAIN_UNREACHABLE', { endpoint: 'fake', method })
  }
  function blockAt(at: BlockNumber, method: string): Block {
    answered(method)
    const block = blocks[at]
    if (block === undefined) throw new WeftError('CHAIN_ANSWER_INVALID', { endpoint: 'fake', method, detail: `there is no block ${at}` })
    return block
  }
  function mine(changes: Accounts = new Map()): void {
    const accounts = new Map([...(blocks.at(-1)?.accounts ?? []), ...changes])
    const before = Array.from({ length: FIELDS_BEFORE_STATE }, () => EMPTY)
    // Of the other fields that make a hash, the number is enough.
    const bytes = rlp([...before, stateOf(accounts).root, numberBytes(BigInt(blocks.length))])
    blocks.push({ hash: `0x${keccak256(bytes).toHex()}` as Hash, bytes, accounts })
  }
  mine()

  return {
    mine,
    setReachable(is) {
      isReachable = is
    },
    async header() {
      answered('eth_getBlockByNumber')
      const { hash, bytes } = blocks.at(-1) as Block
      return { number: (blocks.length - 1) as BlockNumber, hash, bytes }
    },
    async nodes(address, _slots, at) {
      const { accounts } = blockAt(at, 'eth_getProof')
      const account = accounts.get(address)
      // All of them lead there, and elsewhere too.
      return [...stateOf(accounts).nodes, ...(account === undefined ? [] : storageOf(account).nodes)]
    },
    async code(address, at) {
      return blockAt(at, 'eth_getCode').accounts.get(address)?.code ?? EMPTY
    },
  }
}
