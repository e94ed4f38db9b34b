import { encodeAbiParameters, toFunctionSelector } from 'viem'
import { expect, test } from 'vitest'
import { CONTRACT_ERRORS, meaningOf } from '#domain/contract-codes.ts'
import { dataMarketAbi } from '#wire/abi/data-market.ts'
import { nodesAbi } from '#wire/abi/nodes.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'
import { isCodeFault, isRevert, revertReason } from './revert.ts'

type Parameter = { readonly type: string; readonly name: string }
interface ErrorEntry {
  readonly name: string
  readonly inputs: readonly Parameter[]
}

const declared: readonly ErrorEntry[] = [...protocolStateAbi, ...dataMarketAbi, ...nodesAbi].filter((entry) => entry.type === 'error')
const VALUES: Readonly<Record<string, unknown>> = {
  address: `0x${'5'.repeat(40)}`,
  uint256: 7n,
  bytes31: `0x${'0'.repeat(62)}`,
  bytes32: `0x${'0'.repeat(64)}`,
}

/** What the library of the contracts raises in places that no caller reaches: proxies, tokens that cannot move, reentrancy. */
const LIBRARY = /^(AddressEmptyCode|ERC1155|ERC1967|FailedCall|NotInitializing|ReentrancyGuard|UUPS)/

function refusalOf({ name, inputs }: ErrorEntry): { code: number; message: string; data: string } {
  const selector = toFunctionSelector(`${name}(${inputs.map(({ type }) => type).join()})`)
  const args = encodeAbiParameters(inputs, inputs.map(({ type }) => VALUES[type]) as never)
  return { code: 3, message: 'execution reverted', data: `${selector}${args.slice(2)}` }
}

test('every custom error of the contracts is told by name, with its arguments', () => {
  expect(declared.length).toBeGreaterThan(30)
  for (const error of declared) {
    const told = error.inputs.map(({ name, type }) => `${name}=${VALUES[type]}`)
    expect(revertReason(refusalOf(error))).toBe([error.name, ...told].join(' '))
  }
})

test('every one that a caller can meet has a meaning', () => {
  const met = new Set(declared.map(({ name }) => name).filter((name) => !LIBRARY.test(name)))
  expect([...met].sort()).toEqual(Object.keys(CONTRACT_ERRORS).sort())
  for (const error of declared) if (met.has(error.name)) expect(meaningOf(revertReason(refusalOf(error)))).toMatch(/\.$/)
})

test.each([
  ['a short code', `0x08c379a0${'20'.padStart(64, '0')}${'3'.padStart(64, '0')}${'453235'.padEnd(64, '0')}`, 'E25'],
  ['a panic', `0x4e487b71${'11'.padStart(64, '0')}`, 'Panic code=17'],
  ['nothing', '0x', 'reverted without a reason'],
  ['an error of somebody else', '0x12345678', '0x12345678 (AbiErrorSignatureNotFoundError)'],
])('%s', (_, data, reason) => {
  expect(revertReason({ code: 3, message: 'execution reverted', data })).toBe(reason)
})

test.each([
  [{ code: 3, data: undefined }, true],
  [{ code: 3, data: '0x' }, true],
  [{ code: -32_000, data: '0x08c379a0' }, true],
  [{ code: -32_015, data: '0x' }, true],
  [{ code: -32_000, data: undefined }, true],
  [{ code: -32_000, data: '0x' }, true],
  [{ code: -32_601, data: undefined }, false],
  [{ code: -32_005, data: '0x' }, false],
  [{ code: 3, data: undefined, message: 'too many requests' }, true],
])('a refusal of %j: the contract refused it: %s', (refusal, isOfContract) => {
  expect(isRevert({ message: 'execution reverted', ...refusal })).toBe(isOfContract)
})

test.each([
  ['geth of before 1.9.15', -32_000, 'execution reverted'],
  ['Erigon', -32_000, 'execution reverted: no liquidity'],
  ['Besu', -32_000, 'Execution reverted'],
  ['Nethermind', -32_015, 'VM execution error.'],
  ['OpenEthereum', -32_015, 'VM execution error: reverted'],
  ['Nitro', -32_000, 'execution reverted: rate limit exceeded'],
  ['Ganache', -32_000, 'VM Exception while processing transaction: revert no liquidity'],
  ['Hardhat', -32_603, "Error: VM Exception while processing transaction: reverted with reason string 'no liquidity'"],
  ['Hardhat, with an error of its own', -32_603, "reverted with custom error 'Empty()'"],
  ['Frontier', -32_603, 'VM Exception while processing transaction: revert'],
  ['Hedera', -32_008, '[Request ID: 1] CONTRACT_REVERT_EXECUTED'],
  ['Lotus', 11, 'message execution failed: exit 33, revert reason: [0x], vm error: [none]'],
])('a revert in the words of %s', (_of, code, message) => {
  expect(isRevert({ code, message, data: code === -32_015 ? '0x' : undefined })).toBe(true)
})

test.each([
  [-32_000, 'insufficient funds for gas * price + value', '0x'],
  [-32_000, 'header not found', undefined],
  [-32_000, 'cannot revert to snapshot 7', undefined],
  [-32_005, 'execution reverted', undefined],
  [-32_602, 'invalid argument 0: reverted hex', undefined],
  [0, 'null is no answer to a call', undefined],
])('a refusal %i of %j is none', (code, message, data) => {
  expect(isRevert({ code, message, data })).toBe(false)
})

test.each([
  ['invalid opcode: INVALID', true],
  ['invalid jump destination', true],
  ['stack underflow (0 <=> 1)', true],
  ['EVM error InvalidFEOpcode', true],
  ['EVM error: InvalidJump', true],
  ['EVM error StackOverflow', true],
  ['EVM error: OutOfOffset', true],
  ['EVM error MemoryOOG', true],
  ['EVM error: OutOfGas(Basic)', true],
  ['BadInstruction', true],
  ['AccessViolation', true],
  ['stack limit reached 1024 (1023)', true],
  ['return data out of bounds', true],
  ['gas uint64 overflow', true],
  ['out of gas', true],
  ['Out of gas: gas required exceeds allowance: 16777216', true],
  ['OutOfGas', true],
  ['execution aborted (timeout = 5s)', false],
  ['Your app has exceeded its capacity', false],
  ['header not found', false],
  ['missing trie node', false],
  ['the method is an invalid opcode', false],
])('%j is the fault of the code that was run: %j', (message, isOfCode) => {
  expect(isCodeFault({ code: -32_000, message, data: undefined })).toBe(isOfCode)
})
