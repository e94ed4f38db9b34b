import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { keccak256 } from '#wire/keccak.ts'
import { decodeRlp } from '#wire/rlp.ts'
import { trieValue } from '#wire/trie.ts'

/** What contracts hold as of one block, as far as nodes of its tries prove it. Every method throws `STATE_UNPROVED` where they do not. */
export interface State {
  /** keccak256 of its code, hex; `undefined` of an account that is not there. */
  codeHash(address: Address): Promise<string | undefined>
  /** One slot of its storage: 0 of what was never written. */
  word(address: Address, slot: bigint): Promise<bigint>
}

/** Which account, and which slot of it, a node is lacking for. */
export interface Lacking {
  readonly address: Address
  readonly slot: bigint | undefined
}

interface Account {
  readonly storageRoot: string
  readonly codeHash: string
}

/** Finds a node by its hash, hex without `0x`. */
export type NodeOf = (hash: string) => Uint8Array | undefined

export const wordBytes = (value: bigint): Uint8Array => Uint8Array.fromHex(value.toString(16).padStart(64, '0'))
export const wordOf = (bytes: Uint8Array): bigint => BigInt(`0x0${bytes.toHex()}`)

/** Nodes as they are found: by what they hash to, whatever the one who sent them says. */
export function nodesByHash(nodes: Iterable<Uint8Array>): Map<string, Uint8Array> {
  return new Map([...nodes].map((node) => [keccak256(node).toHex(), node]))
}

/**
 * The state under the root `stateRoot`, hex. Where a node is lacking, `fetchLacking` may bring more before it is looked for once again.
 */
export function createState(stateRoot: string, nodeOf: NodeOf, fetchLacking?: (lacking: Lacking) => Promise<void>): State {
  const accounts = new Map<Address, Account | undefined>()

  async function valueUnder(root: string, key: Uint8Array, wanted: Lacking): Promise<Uint8Array | undefined> {
    let found = trieValue(root, keccak256(key), nodeOf)
    if ('lacking' in found && fetchLacking !== undefined) {
      await fetchLacking(wanted)
      found = trieValue(root, keccak256(key), nodeOf)
    }
    if ('value' in found) return found.value
    const what = wanted.slot === undefined ? `account ${wanted.address}` : `slot 0x${wanted.slot.toString(16)} of ${wanted.address}`
    throw new WeftError('STATE_UNPROVED', { what, detail: `there is no node with hash 0x${found.lacking}` })
  }

  async function account(address: Address): Promise<Account | undefined> {
    if (!accounts.has(address)) {
      const value = await valueUnder(stateRoot, Uint8Array.fromHex(address.slice(2)), { address, slot: undefined })
      accounts.set(address, value && accountIn(value, address))
    }
    return accounts.get(address)
  }

  return {
    codeHash: async (address) => (await account(address))?.codeHash,
    async word(address, slot) {
      const held = await account(address)
      const value = held && (await valueUnder(held.storageRoot, wordBytes(slot), { address, slot }))
      const word = value && decodeRlp(value)
      if (word === undefined && value === undefined) return 0n
      if (word instanceof Uint8Array && word.length <= 32) return wordOf(word)
      throw new WeftError('STATE_UNPROVED', { what: `slot 0x${slot.toString(16)} of ${address}`, detail: 'it holds no word' })
    },
  }
}

/** Nonce, balance, root of the storage, hash of the code. */
function accountIn(value: Uint8Array, address: Address): Account {
  const fields = decodeRlp(value)
  const [, , storageRoot, codeHash] = fields instanceof Uint8Array || fields === undefined ? [] : fields
  if (storageRoot instanceof Uint8Array && codeHash instanceof Uint8Array && fields?.length === 4)
    return { storageRoot: storageRoot.toHex(), codeHash: codeHash.toHex() }
  throw new WeftError('STATE_UNPROVED', { what: `account ${address}`, detail: 'it does not have the form of one' })
}
