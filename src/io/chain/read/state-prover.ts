import { type BlockNumber, parseHash } from '#domain/ids.ts'
import type { StateProver } from '#io/chain/port.ts'
import { headerBytes } from '#io/chain/proof/header.ts'
import { quantity } from '#io/chain/rpc/block.ts'
import { parseAnswer, parseQuantity, type Rpc } from '#io/chain/rpc/rpc.ts'

const SLOT_DIGITS = 64

/** Asks endpoints for proofs of their state. */
export function createStateProver(rpc: Rpc): StateProver {
  return {
    async header() {
      const method = 'eth_getBlockByNumber'
      const raw = (await rpc.call(method, ['latest', false])) as Readonly<Record<string, unknown>>
      return parseAnswer(rpc, method, () => ({
        number: parseQuantity(raw['number']) as BlockNumber,
        hash: parseHash(String(raw['hash'])),
        bytes: headerBytes(raw),
      }))
    },

    async nodes(address, slots, at) {
      const method = 'eth_getProof'
      const keys = slots.map((slot) => `0x${slot.toString(16).padStart(SLOT_DIGITS, '0')}`)
      const answer = await rpc.call(method, [address, keys, quantity(at)])
      return parseAnswer(rpc, method, () => {
        const { accountProof, storageProof } = answer as { accountProof: string[]; storageProof: { proof: string[] }[] }
        return [accountProof, ...storageProof.map(({ proof }) => proof)].flat().map(bytesOf)
      })
    },

    async code(address, at) {
      const method = 'eth_getCode'
      const answer = await rpc.call(method, [address, quantity(at)])
      return parseAnswer(rpc, method, () => bytesOf(answer))
    },
  }
}

/** Throws for what is not `0x` and hex digits. */
function bytesOf(text: unknown): Uint8Array {
  if (typeof text !== 'string' || !text.startsWith('0x')) throw new SyntaxError('no bytes in hex')
  return Uint8Array.fromHex(text.slice(2))
}
