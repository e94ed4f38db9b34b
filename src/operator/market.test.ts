import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Address, SlotId } from '#domain/ids.ts'
import type { MarketSettings } from '#io/chain/read/market.ts'
import type { NodesSettings, SlotRecord } from '#io/chain/read/slots.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import type { Account, AccountTransaction } from '#io/chain/send/account.ts'
import type { Conduct } from './carry-out.ts'
import { addressesOf, FORM } from './deploy.test-world.ts'
import { freshMarket } from './market-plan.ts'
import { changeMarket, createMarket, type MarketChange, readMarket } from './market.ts'
import type { Session } from './session.ts'
import { assignSlots, mintSlots } from './slots.ts'

const [protocolState, dataMarket, me, a, b, nodes] = addressesOf('01', '02', '03', '0a', '0b', '0c')

/** What the chain says; a test changes it when something is sent. */
const chain = vi.hoisted(() => ({ markets: new Map<string, unknown>(), slots: [] as unknown[] }))
vi.mock('#io/chain/read/market.ts', () => ({
  readMarketAddresses: async () => [...chain.markets.keys()],
  readMarketSettings: async (_rpc: unknown, _state: unknown, address: string) => chain.markets.get(address),
}))
vi.mock('#io/chain/read/slots.ts', () => ({
  readNodesSettings: async (): Promise<NodesSettings> => ({
    address: nodes,
    name: '',
    owner: me,
    admins: [],
    priceWei: 1n,
    mintStartTime: 1,
    slots: [...chain.slots] as SlotRecord[],
  }),
}))
vi.mock('#io/chain/rpc/block.ts', () => ({ readHead: async () => ({ timestamp: 1_000 }) }))

const signal = new AbortController().signal
const NO_CHANGE: MarketChange = {
  addSequencers: [],
  removeSequencers: [],
  addValidators: [],
  removeValidators: [],
  addAdmins: [],
  removeAdmins: [],
}
let sent: string[]
let asked: (readonly string[])[]
let settled: number
let onSend: (transactions: readonly AccountTransaction[]) => void

const operator: Account = {
  address: me,
  nextNonce: async () => 0,
  async settleEarlier() {
    settled += 1
    return 0
  },
  check: async () => undefined,
  async send(transactions) {
    sent.push(transactions.map(({ call }) => call).join('+'))
    onSend(transactions)
    return 'done'
  },
}
const session: Session = { rpc: {} as Rpc, chainId: 1, operator, stop: async () => undefined }
const conduct: Conduct = {
  isDryRun: false,
  async confirm(steps) {
    asked.push(steps)
    return true
  },
  done: () => undefined,
}
const settings = (): MarketSettings => chain.markets.get(dataMarket) as MarketSettings
const become = (changes: Partial<MarketSettings>): void => void chain.markets.set(dataMarket, { ...settings(), ...changes })

beforeEach(() => {
  chain.markets.clear()
  chain.markets.set(dataMarket, freshMarket(dataMarket, me, FORM))
  chain.slots = []
  sent = []
  asked = []
  settled = 0
  onSend = () => undefined
})

test('a market that its ProtocolState does not know is refused before anything is read of it', async () => {
  await expect(readMarket(session.rpc, { protocolState, dataMarket: a })).rejects.toMatchObject({
    code: 'CONTRACT_UNKNOWN',
    facts: { address: a },
  })
  await expect(
    changeMarket(session, { place: { protocolState, dataMarket: a }, change: NO_CHANGE }, conduct, signal),
  ).rejects.toMatchObject({
    code: 'CONTRACT_UNKNOWN',
  })
  expect(sent).toEqual([])
})

describe('a market that is changed', () => {
  const change = (changes: Partial<MarketChange>) =>
    changeMarket(session, { place: { protocolState, dataMarket }, change: { ...NO_CHANGE, ...changes } }, conduct, signal)

  test('gains and loses members, and keeps the others', async () => {
    become({ sequencers: [a, b], validators: [a], admins: [b] })
    onSend = () => become({ sequencers: [b, me], validators: [a, b], admins: [] })
    expect(await change({ addSequencers: [me, b], removeSequencers: [a], addValidators: [b, b], removeAdmins: [b] })).toMatchObject({
      outcome: 'changed',
      changed: 3,
    })
    expect(asked).toEqual([[`add sequencer ${me}, remove sequencer ${a}`, `add validator ${b}`, `remove admin ${b}`]])
  })

  test('whoever is added and removed at once is removed', async () => {
    become({ validators: [a] })
    onSend = () => become({ validators: [] })
    await change({ addValidators: [a], removeValidators: [a] })
    expect(asked).toEqual([[`remove validator ${a}`]])
  })

  test('is left alone where it is so already', async () => {
    become({ validators: [a], dailySnapshotQuota: 7n })
    expect(await change({ addValidators: [a], removeValidators: [b], dailySnapshotQuota: 7n })).toMatchObject({ outcome: 'unchanged' })
    expect(sent).toEqual([])
  })

  test('gets an allowance once: what was credited meanwhile is not granted again', async () => {
    onSend = () => become({ rewardAllowanceWei: 300n })
    expect(await change({ rewardAllowanceWei: 700n })).toMatchObject({ outcome: 'changed', changed: 1 })
    expect(sent).toEqual(['setRewardAllowance'])
  })
})

describe('a market that is created', () => {
  const create = (owner?: Address) => createMarket(session, { protocolState, owner, form: FORM }, conduct, signal)

  test('is another one, whatever there is, and is told by its address', async () => {
    onSend = () => void chain.markets.set(a, freshMarket(a, me, FORM))
    expect(await create()).toMatchObject({ outcome: 'changed', changed: 1, dataMarket: a })
    expect(sent).toEqual(['createDataMarket'])
    expect(asked[0]?.[0]).toContain(`of ${me}`)
  })

  test('belongs to whom it is created for', async () => {
    onSend = () => void chain.markets.set(a, freshMarket(a, b, FORM))
    await create(b)
    expect(asked[0]?.[0]).toContain(`create a data market of ${b}`)
  })

  test('G4: an earlier creation that is still under way is settled first, and does not count as this one', async () => {
    const slow: Account = {
      ...operator,
      async settleEarlier() {
        chain.markets.set(b, freshMarket(b, me, FORM))
        return 1
      },
    }
    onSend = () => void chain.markets.set(a, freshMarket(a, me, FORM))
    const created = await createMarket({ ...session, operator: slow }, { protocolState, form: FORM }, conduct, signal)
    expect(created).toMatchObject({ changed: 1, dataMarket: a })
  })

  test('has no address when it was declined', async () => {
    const declined = await createMarket(session, { protocolState, form: FORM }, { ...conduct, confirm: async () => false }, signal)
    expect(declined).toMatchObject({ outcome: 'declined', dataMarket: undefined })
  })
})

describe('slots that are minted', () => {
  const slot = (slotId: number, owner: Address, signer: Address): SlotRecord => ({
    slotId: slotId as SlotId,
    owner,
    signer,
    isActive: true,
    isBurned: false,
  })
  const mint = (count: number, signer?: Address) => mintSlots(session, { nodes, count, signer }, conduct, signal)

  test('are those of this account that came since, whoever else mints meanwhile', async () => {
    chain.slots = [slot(1, me, a), slot(2, b, b)]
    onSend = () => chain.slots.push(slot(3, b, b), slot(4, me, a), slot(5, me, a))
    expect(await mint(2)).toMatchObject({ outcome: 'changed', changed: 1, slotIds: [4, 5], steps: ['mint 2 slots for 2 wei'] })
    expect(sent).toEqual(['mintNode'])
  })

  test('get their signer when they are there, which is asked for before', async () => {
    onSend = ([first]) => {
      if (first?.call === 'mintNode') chain.slots.push(slot(1, b, b), slot(2, me, me), slot(3, me, me))
      else chain.slots = [slot(1, b, b), slot(2, me, a), slot(3, me, a)]
    }
    expect(await mint(2, a)).toMatchObject({ changed: 2, slotIds: [2, 3] })
    expect(sent).toEqual(['mintNode', 'assignSnapshotterToNodeBulkAdmin'])
    expect(asked).toEqual([['mint 2 slots for 2 wei', `assign the minted slots to ${a}`]])
  })

  test('G4: an earlier mint that is still under way is settled before slots are counted', async () => {
    const slow: Account = {
      ...operator,
      async settleEarlier() {
        if (chain.slots.length === 0) chain.slots.push(slot(1, me, a))
        return 1
      },
    }
    onSend = () => chain.slots.push(slot(2, me, a))
    expect(await mintSlots({ ...session, operator: slow }, { nodes, count: 1 }, conduct, signal)).toMatchObject({
      changed: 1,
      slotIds: [2],
    })
  })

  test('no more are told than were asked for', async () => {
    onSend = () => chain.slots.push(slot(1, me, a), slot(2, me, a))
    expect(await mint(1)).toMatchObject({ slotIds: [1] })
  })

  test('are assigned only where they have another signer', async () => {
    chain.slots = [slot(1, me, a), slot(2, me, b)]
    onSend = () => {
      chain.slots = [slot(1, me, a), slot(2, me, a)]
    }
    const assignments = [1, 2].map((slotId) => ({ slotId: slotId as SlotId, signer: a }))
    expect(await assignSlots(session, { nodes, assignments }, conduct, signal)).toMatchObject({ outcome: 'changed', changed: 1 })
    expect(asked).toEqual([[`assign slot 2 to ${a}`]])
    expect(settled).toBe(1)
  })
})
