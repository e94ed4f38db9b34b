import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Anvil, startAnvil } from '#devnet/anvil.ts'
import { createRpc, type Rpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'
import { answersIn, multicall } from './multicall.ts'

/** The code that calls others, on a real machine. */

const GAS = '0x1000000'
/** Contracts by what they do, in bytes. */
const CODES = {
  /** Returns who asks, in a word, and behind it what it was asked. */
  echo: '0x33600052366000602037366020016000f3',
  reverts: '0x60006000fd',
  /** Goes round for ever. */
  endless: '0x5b600056',
  /** Returns 16 KiB, and one byte more. */
  full: '0x6140006000f3',
  tooMuch: '0x6140016000f3',
  /** Calls the zero address with what could be an order, and returns the size of the answer. */
  zero: '0x60206000602060006000620f4240fa503d60005260206000f3',
} as const
type Name = keyof typeof CODES
const NAMES = Object.keys(CODES) as readonly Name[]
const addressOf = (name: Name | 'nobody') => `0x${(0xc0de00 + NAMES.indexOf(name as Name)).toString(16).padStart(40, '0')}`

let anvil: Anvil
let rpc: Rpc
beforeAll(async () => {
  anvil = await startAnvil({ chainId: 31_338 })
  rpc = createRpc({ rpcUrl: anvil.rpcUrl, pause: systemClock })
  for (const name of NAMES) await rpc.call('anvil_setCode', [addressOf(name), CODES[name]])
})
afterAll(() => anvil.stop())

async function asked(views: readonly (readonly [Name | 'nobody', string?])[]) {
  const { call, overrides } = multicall(views.map(([name, data = '0x']) => ({ to: addressOf(name), data, gas: GAS })))
  return answersIn(await rpc.call('eth_call', [call, 'latest', overrides]), views.length)
}
const word = (text = '') => text.padStart(64, '0')

test('each view is asked by the zero address, as in a call by itself, with its own data', async () => {
  const alone = await rpc.call('eth_call', [{ to: addressOf('echo'), data: '0xabcdef', gas: GAS }, 'latest'])
  expect(await asked([['echo', '0xabcdef'], ['echo'], ['echo', `0x${'12'.repeat(100)}`]])).toEqual([
    alone,
    `0x${word()}`,
    `0x${word()}${'12'.repeat(100)}`,
  ])
})

test('what fails, has no end, or returns too much, concerns itself alone; no code returns nothing', async () => {
  const found = await asked([['echo'], ['reverts'], ['endless'], ['tooMuch'], ['nobody'], ['full'], ['echo', '0x01']])
  expect(found).toEqual([`0x${word()}`, undefined, undefined, undefined, '0x', `0x${'00'.repeat(16_384)}`, `0x${word()}01`])
})

test('whoever else calls the zero address finds nothing there', async () => {
  expect(await asked([['zero'], ['zero']])).toEqual([`0x${word()}`, `0x${word()}`])
})

test('two hundred views that need some gas each are answered', async () => {
  expect(await asked(Array(200).fill(['echo', `0x${'ab'.repeat(64)}`]))).toEqual(Array(200).fill(`0x${word()}${'ab'.repeat(64)}`))
})

test.each([
  ['no text', null],
  ['no bytes', '0x0'],
  ['too few', `0x01${'0'.repeat(8)}`],
  ['too many', `0x${`01${'0'.repeat(8)}`.repeat(3)}`],
  ['cut', `0x01${'0'.repeat(8)}0100000002aa`],
  ['with something behind', `0x${`01${'0'.repeat(8)}`.repeat(2)}01`],
])('what is no answer to two views is none: %s', (_, result) => {
  expect(answersIn(result, 2)).toBeUndefined()
})
