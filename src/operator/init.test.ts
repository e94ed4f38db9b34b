import { expect, test } from 'vitest'
import type { Address, SlotId } from '#domain/ids.ts'
import type { SlotRecord } from '#io/chain/read/slots.ts'
import { type Answers, configOf, ownSlots } from './init.ts'

const [me, wallet, other] = ['0a', '0b', '0c'].map((byte) => `0x${byte.repeat(20)}`) as [Address, Address, Address]
const slot = (slotId: number, change: Partial<SlotRecord> = {}): SlotRecord => ({
  slotId: slotId as SlotId,
  owner: wallet,
  signer: me,
  isActive: true,
  isBurned: false,
  ...change,
})

test('slots are those that the key signs for; of the wallet the others are named, burned ones nowhere', () => {
  const slots = [
    slot(1),
    slot(2, { signer: other }),
    slot(3, { isBurned: true }),
    slot(4, { owner: other }),
    slot(5, { isActive: false }),
    slot(6, { owner: other, signer: other }),
  ]
  const own = ownSlots(slots, { wallet, signer: me })
  expect(own.ready).toEqual([1, 4])
  expect(own.others.map(({ slotId }) => slotId)).toEqual([2])
})

test('paths of the file lead from its folder, and what no role of it knows is not in it', () => {
  const answers: Answers = {
    config: '/home/me/node/weft.json',
    dataDir: '/home/me/node/data',
    roles: ['snapshotter', 'collector'],
    network: '/home/me/net/network.json',
    market: { chainId: 7, protocolState: me, dataMarket: other },
    anchorRpcUrl: 'http://a',
    sourceRpcUrl: 'http://b',
    keyPath: '/home/me/node/keys/signer.json',
    passwordPath: '/run/password',
    slots: ['1-3', '7'],
    sequencers: [],
    trustedSequencers: 'https://list.example',
    ipfsPeers: [],
  }
  expect(configOf(answers)).toEqual({
    dataDir: 'data',
    settings: {
      network: '../net/network.json',
      anchorRpcUrl: 'http://a',
      sourceRpcUrl: 'http://b',
      signerKey: 'file:keys/signer.json',
      signerPassword: 'file:../../../run/password',
    },
    parts: { snapshotter: { slots: ['1-3', 7] }, collector: { trustedSequencers: 'https://list.example' } },
  })
  const bare: Answers = {
    ...answers,
    roles: ['relay'],
    network: undefined,
    sourceRpcUrl: undefined,
    keyPath: undefined,
    passwordPath: undefined,
  }
  expect(configOf(bare)).toMatchObject({ settings: { anchorChainId: 7, protocolState: me, dataMarket: other }, parts: { relay: {} } })
})
