import { describe, expect, test } from 'vitest'
import type { Address, BlockNumber } from '#domain/ids.ts'
import type { StateProver } from '#io/chain/port.ts'
import { keccak256 } from '#wire/keccak.ts'
import { decodeRlp, type Rlp } from '#wire/rlp.ts'
import { trieValue } from '#wire/trie.ts'

/** A chain on which `account` has `code`, 7 in slot 1, 300 in the slot with the highest number, and nothing in slot 2. */
export interface StatesWorld {
  readonly states: StateProver
  readonly account: Address
  readonly code: Uint8Array
  /** Goes on, to a block with 8 in slot 1. */
  next(): Promise<void>
  /** From now on nobody answers. */
  goAway(): Promise<void>
}

/** For accounts of worlds to hold something in. */
export const SLOTS = { first: 1n, empty: 2n, last: 2n ** 256n - 1n } as const
const NOBODY = `0x${'0f'.repeat(20)}` as Address
const [STATE_ROOT, STORAGE_ROOT, CODE_HASH] = [3, 2, 3]

const listOf = (bytes: Uint8Array): readonly Rlp[] => {
  const item = decodeRlp(bytes)
  return item === undefined || item instanceof Uint8Array ? expect.fail('no list in RLP') : item
}
const hexOf = (item: Rlp | undefined): string => (item instanceof Uint8Array ? item.toHex() : expect.fail('no bytes in RLP'))
const key = (address: Address): Uint8Array => keccak256(Uint8Array.fromHex(address.slice(2)))
const keyOfSlot = (slot: bigint): Uint8Array => keccak256(Uint8Array.fromHex(slot.toString(16).padStart(64, '0')))

/** What the nodes prove to whoever knows the header's hash, and nothing else. */
async function proved(states: StateProver, address: Address, slots: readonly bigint[]) {
  const header = await states.header()
  const nodes = await states.nodes(address, slots, header.number)
  const byHash = new Map(nodes.map((node) => [keccak256(node).toHex(), node]))
  const valueUnder = (root: string, under: Uint8Array): Uint8Array | undefined => {
    const found = trieValue(root, under, (hash) => byHash.get(hash))
    return 'value' in found ? found.value : expect.fail(`there is no node ${found.lacking}`)
  }
  const held = valueUnder(hexOf(listOf(header.bytes)[STATE_ROOT]), key(address))
  const account = held && listOf(held)
  const words = slots.map((slot) => {
    const value = account && valueUnder(hexOf(account[STORAGE_ROOT]), keyOfSlot(slot))
    return value && BigInt(`0x${hexOf(decodeRlp(value))}`)
  })
  return { codeHash: account && hexOf(account[CODE_HASH]), words }
}

/** What every prover keeps. */
export function statesSuite(name: string, open: () => Promise<StatesWorld>): void {
  describe(`state prover: ${name}`, () => {
    test('the bytes of the newest header hash to its hash, and the next block has another', async () => {
      const { states, next } = await open()
      const header = await states.header()
      expect(`0x${keccak256(header.bytes).toHex()}`).toBe(header.hash)
      await next()
      const later = await states.header()
      expect([later.number > header.number, later.hash === header.hash]).toEqual([true, false])
    })

    test('the nodes lead from the header to an account and to each of its slots, also to where there is nothing', async () => {
      const { states, account, code } = await open()
      expect(await proved(states, account, [SLOTS.first, SLOTS.empty, SLOTS.last])).toEqual({
        codeHash: keccak256(code).toHex(),
        words: [7n, undefined, 300n],
      })
      expect((await proved(states, account, [])).words).toEqual([])
      expect(await proved(states, NOBODY, [SLOTS.first])).toEqual({ codeHash: undefined, words: [undefined] })
    })

    test('the code is that of the account as of the block; an account without has none', async () => {
      const { states, account, code } = await open()
      const { number } = await states.header()
      expect([await states.code(account, number), await states.code(NOBODY, number)]).toEqual([code, new Uint8Array()])
    })

    test('what an account held in an earlier block is proved as of that block', async () => {
      const { states, account, next } = await open()
      const before = await states.header()
      const nodes = await states.nodes(account, [SLOTS.first], before.number)
      await next()
      expect(await states.nodes(account, [SLOTS.first], before.number)).toEqual(nodes)
      expect((await proved(states, account, [SLOTS.first])).words).toEqual([8n])
    })

    test('a block that is not there, and an endpoint that does not answer, are told', async () => {
      const { states, account, goAway } = await open()
      const beyond = ((await states.header()).number + 100) as BlockNumber
      await expect(states.nodes(account, [SLOTS.first], beyond)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
      await expect(states.code(account, beyond)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
      await goAway()
      await expect(states.header()).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
      await expect(states.nodes(account, [], beyond)).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
      await expect(states.code(account, beyond)).rejects.toMatchObject({ code: 'CHAIN_UNREACHABLE' })
    })
  })
}
