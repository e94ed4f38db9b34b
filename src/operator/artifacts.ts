import { readFile } from 'node:fs/promises'
import type { Abi } from 'viem'

/** The contracts that a network is made of. */
export const CONTRACTS = ['PowerloomNodes', 'PowerloomProtocolState', 'DataMarketFactory', 'ERC1967Proxy'] as const
export type ContractName = (typeof CONTRACTS)[number]

export interface Artifact {
  readonly abi: Abi
  /** Creation code, constructor arguments not included. */
  readonly bytecode: `0x${string}`
  /** Code as it lies on chain, immutables left zero. */
  readonly deployedBytecode: `0x${string}`
}
export type Artifacts = Readonly<Record<ContractName, Artifact>>

/** Compiled contracts, as committed. */
export async function readArtifacts(): Promise<Artifacts> {
  const entries = CONTRACTS.map(async (name) => {
    const path = new URL(`../../contracts/artifacts/${name}.json`, import.meta.url)
    return [name, JSON.parse(await readFile(path, 'utf8')) as Artifact] as const
  })
  return Object.fromEntries(await Promise.all(entries)) as Artifacts
}
