import { expect, test } from 'vitest'
import type { Address } from '#domain/ids.ts'
import { createScriptedNode } from '#io/chain/rpc/scripted.test-node.ts'
import { findCreations, haveCode, implementationOf } from './creations.ts'
import { createdAddress } from './account.ts'

const ACCOUNT = `0x${'11'.repeat(20)}` as Address
const created = (nonce: number) => createdAddress(ACCOUNT, nonce)

/** A node with this code at these addresses. */
const nodeWith = (codes: Readonly<Record<string, string>>) =>
  createScriptedNode({
    eth_getCode: (address: string) => codes[address] ?? '0x',
    eth_getStorageAt: () => `0x${'00'.repeat(12)}${'Ab'.repeat(20)}`,
  })

test('creations are found by their code, oldest first, whatever their immutables', async () => {
  const node = nodeWith({ [created(1)]: '0x60FF2233', [created(3)]: '0x7000', [created(4)]: '0x60ff9933', [created(5)]: '0x70ff0033' })
  expect(await findCreations(node.rpc, { address: ACCOUNT, nonce: 6 }, { A: '0x60ff0033', B: '0x7000', C: '0x700000' })).toEqual([
    { name: 'A', address: created(1) },
    { name: 'B', address: created(3) },
    { name: 'A', address: created(4) },
  ])
})

test('only the newest 128 transactions of the account are looked at', async () => {
  const node = nodeWith({ [created(71)]: '0x7000', [created(72)]: '0x7000', [created(199)]: '0x7000' })
  const found = await findCreations(node.rpc, { address: ACCOUNT, nonce: 200 }, { B: '0x7000' })
  expect(found.map(({ address }) => address)).toEqual([created(72), created(199)])
  expect(node.calls).toHaveLength(128)
})

test('there is a contract where there is code, and a proxy says what is behind it', async () => {
  const node = nodeWith({ [created(1)]: '0x60' })
  expect(await haveCode(node.rpc, [created(0), created(1)])).toEqual([false, true])
  expect(await implementationOf(node.rpc, created(1))).toBe(`0x${'ab'.repeat(20)}`)
})
