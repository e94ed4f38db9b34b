import { parseAddress } from '#domain/ids.ts'
import type { Address } from '#domain/ids.ts'
import { parseAnswer } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { createdAddress } from './account.ts'

/** A contract that an account created, known by its code. */
export interface Creation {
  readonly name: string
  readonly address: Address
}

/** Transactions of an account that are looked at, the newest: a deployment takes five creations, and asking for code is dear. */
const TRANSACTIONS_MAX = 128
/** ERC-1967: keccak256('eip1967.proxy.implementation') - 1. */
const IMPLEMENTATION_SLOT = '0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc'

async function readCodes(rpc: Rpc, addresses: readonly Address[]): Promise<string[]> {
  const answers = await rpc.all(addresses.map((address) => ({ method: 'eth_getCode', params: [address, 'latest'] })))
  return answers.map((answer) => parseAnswer(rpc, 'eth_getCode', () => String(answer).toLowerCase()))
}

/** Whether there is a contract at each address. */
export async function haveCode(rpc: Rpc, addresses: readonly Address[]): Promise<readonly boolean[]> {
  return (await readCodes(rpc, addresses)).map((code) => code.length > '0x'.length)
}

/** What a proxy passes its calls on to. */
export async function implementationOf(rpc: Rpc, proxy: Address): Promise<Address> {
  const word = await rpc.call('eth_getStorageAt', [proxy, IMPLEMENTATION_SLOT, 'latest'])
  return parseAnswer(rpc, 'eth_getStorageAt', () => parseAddress(`0x${String(word).slice(-40)}`))
}

/** Whether `code` is what was compiled: equal but for immutables, for which the compiler leaves zeros. */
function isCompiledAs(code: string, compiled: string): boolean {
  if (code.length !== compiled.length) return false
  for (let index = 0; index < code.length; index += 1) if (code[index] !== compiled[index] && compiled[index] !== '0') return false
  return true
}

/** The contracts among `compiled` (name to runtime code) that the account created, oldest first. */
export async function findCreations(
  rpc: Rpc,
  account: { readonly address: Address; readonly nonce: number },
  compiled: Readonly<Record<string, string>>,
): Promise<readonly Creation[]> {
  const first = Math.max(0, account.nonce - TRANSACTIONS_MAX)
  const addresses = Array.from({ length: account.nonce - first }, (_, index) => createdAddress(account.address, first + index))
  const codes = await readCodes(rpc, addresses)
  return addresses.flatMap((address, index) => {
    const name = Object.keys(compiled).find((candidate) => isCompiledAs(codes[index] ?? '', compiled[candidate] ?? ''))
    return name === undefined ? [] : [{ name, address }]
  })
}
