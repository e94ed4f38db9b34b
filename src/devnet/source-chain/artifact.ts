import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Abi } from 'viem'
import { encodeDeployData, getContractAddress } from 'viem/utils'
import { GAS_CREATE, type Hex, type Transaction } from './transactions.ts'

/** A compiled contract, as npm packages publish them. */
export interface Artifact {
  readonly abi: Abi
  readonly bytecode: Hex
  /** Where in the bytecode the addresses of libraries go, by source file and library, in bytes. */
  readonly linkReferences?: Readonly<
    Record<string, Readonly<Record<string, readonly { readonly start: number; readonly length: number }[]>>>
  >
}

const require = createRequire(import.meta.url)

/** A file, or one of an installed package. */
export async function readArtifact(place: URL | string): Promise<Artifact> {
  const { bytecode, ...rest } = JSON.parse(await readFile(typeof place === 'string' ? require.resolve(place) : place, 'utf8')) as Artifact
  return { ...rest, bytecode: (bytecode.startsWith('0x') ? bytecode : `0x${bytecode}`) as Hex }
}

export interface Creations {
  readonly transactions: readonly Transaction[]
  /** Other transactions of the account, in between. */
  add(...others: readonly Transaction[]): void
  /** Adds the contract's creation, and answers where it will be. */
  create(artifact: Artifact, args?: readonly unknown[], libraries?: Readonly<Record<string, Hex>>): Hex
}

/** Contracts that one account creates one after the other, in transactions that nothing of another sender's comes between. */
export function createCreations(from: Hex, firstNonce: number): Creations {
  const transactions: Transaction[] = []
  return {
    transactions,
    add: (...others) => void transactions.push(...others),
    create(artifact, args = [], libraries = {}) {
      const address = addressOf(from, firstNonce + transactions.length)
      const bytecode = linked(artifact, libraries)
      transactions.push({ from, gas: GAS_CREATE, data: encodeDeployData({ abi: artifact.abi, bytecode, args }) })
      return address
    },
  }
}

/** Of the contract that an account creates with that nonce. */
export function addressOf(creator: Hex, nonce: number): Hex {
  return getContractAddress({ from: creator, nonce: BigInt(nonce) }).toLowerCase() as Hex
}

function linked({ bytecode, linkReferences = {} }: Artifact, libraries: Readonly<Record<string, Hex>>): Hex {
  let code: string = bytecode
  for (const references of Object.values(linkReferences)) {
    for (const [library, places] of Object.entries(references)) {
      const address = libraries[library]
      if (address === undefined) throw new TypeError(`the library ${library} is not linked`)
      for (const { start, length } of places)
        code = `${code.slice(0, 2 + start * 2)}${address.slice(2)}${code.slice(2 + (start + length) * 2)}`
    }
  }
  return code as Hex
}
