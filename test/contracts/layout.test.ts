// New code must find what deployed proxies have stored: the layout of the sources against the committed one.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compiledLayouts, incompatibilities, layoutPath, type StorageLayout, UPGRADEABLE } from '../../tools/contracts/layout.ts'

const ROOT = join(import.meta.dirname, '../..')
const committed = (contract: string) => JSON.parse(readFileSync(join(ROOT, layoutPath(contract)), 'utf8')) as StorageLayout

/** solc is loaded and asked twice, on a machine that may be busy. */
const TIMEOUT_MS = 120_000

test('the sources keep every value where the committed layout has it', { timeout: TIMEOUT_MS }, () => {
  const compiled = compiledLayouts()
  expect(compiled.map(({ contract }) => contract)).toEqual(Object.keys(UPGRADEABLE))
  for (const layout of compiled) expect(incompatibilities(committed(layout.contract), layout)).toEqual([])
})

test('a committed layout has all state: variables, and the namespaces of what is inherited', () => {
  expect(Object.keys(committed('PowerloomNodes').namespaces)).toEqual([
    'erc7201:openzeppelin.storage.ERC1155',
    'erc7201:openzeppelin.storage.Initializable',
    'erc7201:openzeppelin.storage.Ownable',
    'erc7201:openzeppelin.storage.Ownable2Step',
    'erc7201:openzeppelin.storage.Pausable',
  ])
  for (const contract of Object.keys(UPGRADEABLE)) {
    const { variables, namespaces, structs } = committed(contract)
    const named = [...Object.values(namespaces), ...[variables, ...Object.values(structs).map((s) => s.members)].flat().map((v) => v.type)]
    const mentioned = named.flatMap((type) => type.match(/struct [\w.]+/g) ?? [])
    expect(new Set(mentioned)).toEqual(new Set(Object.keys(structs)))
  }
  // Places chosen by hand would escape solc's layout; there are none.
  for (const file of globSync('contracts/src/**/*.sol', { cwd: ROOT })) {
    expect(readFileSync(join(ROOT, file), 'utf8'), file).not.toMatch(/\b(sload|sstore|tload|tstore)\(|\.slot\s*:?=|:=\s*\w+\.slot\b/)
  }
})

test('tools that validate upgrades are told that the market is set up by its desk', () => {
  // upgrades-core 1.46 looks for the parents' initializers in `initialize` itself, and refuses the market without this.
  const source = readFileSync(join(ROOT, 'contracts/src/DataMarket.sol'), 'utf8')
  expect(source).toMatch(/@custom:oz-upgrades-unsafe-allow missing-initializer-call\n {4}function initialize\(/)
})

test('the desk and the market agree on the state that they share', () => {
  const [market, desk] = [committed('PowerloomDataMarket'), committed('MarketDesk')]
  expect({ ...desk, contract: market.contract }).toEqual(market)
})

/** Views that only implementations answer, or that the code says and not the state: each version creates its own desk. */
const NOT_STATE = ['proxiableUUID', 'UPGRADE_INTERFACE_VERSION', 'marketDesk']

test.each([
  ['PowerloomProtocolState', 'state'],
  ['PowerloomDataMarket', 'market'],
  ['PowerloomNodes', 'nodes'],
])('every getter of %s is compared across an upgrade', (contract, instance) => {
  const { abi } = JSON.parse(readFileSync(join(ROOT, `contracts/artifacts/${contract}.json`), 'utf8')) as {
    abi: { type: string; name: string; stateMutability?: string }[]
  }
  const views = abi.filter(({ type, stateMutability }) => type === 'function' && (stateMutability === 'view' || stateMutability === 'pure'))
  const solidity = readFileSync(join(ROOT, 'contracts/test/Upgrades.t.sol'), 'utf8')
  const asked = new RegExp(`_ask\\(\\s*address\\(${instance}\\),\\s*abi\\.encode(?:Call\\(${instance}\\.|WithSignature\\(")(\\w+)`, 'g')
  const names = new Set([...solidity.matchAll(asked)].map((match) => match[1]))
  expect(views.map(({ name }) => name).filter((name) => !names.has(name) && !NOT_STATE.includes(name))).toEqual([])
})

const value = (label: string, slot: number, offset: number, type: string) => ({ label, slot, offset, type })

const BEFORE: StorageLayout = {
  contract: 'Shop',
  variables: [
    value('owner', 0, 0, 'address'),
    value('open', 0, 20, 'bool'),
    value('orders', 1, 0, 'mapping(uint256 => struct Shop.Order)'),
    value('queue', 2, 0, 'struct Shop.Ticket[]'),
  ],
  namespaces: { 'erc7201:shop.storage.Prices': 'struct Shop.Prices' },
  structs: {
    'struct Shop.Order': { bytes: 32, members: [value('buyer', 0, 0, 'address'), value('amount', 0, 20, 'uint64')] },
    'struct Shop.Prices': { bytes: 32, members: [value('tea', 0, 0, 'uint256')] },
    'struct Shop.Ticket': { bytes: 32, members: [value('number', 0, 0, 'uint256')] },
  },
}

/** The layout above after a change. */
function changed(change: (layout: StorageLayout) => unknown): StorageLayout {
  const layout = structuredClone(BEFORE)
  change(layout)
  return layout
}

const struct = (layout: StorageLayout, name: string) => layout.structs[`struct Shop.${name}`] ?? { bytes: 0, members: [] }

describe('the comparison', () => {
  test.each<[string, (layout: StorageLayout) => unknown]>([
    ['no change', (l) => l],
    ['a variable at the end', (l) => l.variables.push(value('closedAt', 3, 0, 'uint256'))],
    ['a member at the end of a struct in a mapping', (l) => struct(l, 'Order').members.push(value('paid', 0, 28, 'bool'))],
    [
      'another slot for a struct in a mapping',
      (l) => {
        struct(l, 'Order').members.push(value('note', 1, 0, 'bytes32'))
        struct(l, 'Order').bytes = 64
      },
    ],
    [
      'more in a namespace',
      (l) => {
        struct(l, 'Prices').members.push(value('cake', 1, 0, 'uint256'))
        struct(l, 'Prices').bytes = 64
      },
    ],
    [
      'another namespace',
      (l) => {
        l.namespaces['erc7201:shop.storage.Staff'] = 'struct Shop.Staff'
        l.structs['struct Shop.Staff'] = { bytes: 32, members: [value('count', 0, 0, 'uint256')] }
      },
    ],
  ])('allows %s', (_, change) => {
    expect(incompatibilities(BEFORE, changed(change))).toEqual([])
  })

  test.each<[string, (layout: StorageLayout) => unknown, RegExp]>([
    ['a variable removed', (l) => l.variables.pop(), /queue is gone/],
    [
      'two variables exchanged',
      (l) =>
        l.variables.splice(
          2,
          2,
          value('queue', 1, 0, 'struct Shop.Ticket[]'),
          value('orders', 2, 0, 'mapping(uint256 => struct Shop.Order)'),
        ),
      /orders .* became queue/,
    ],
    [
      'a variable put in front',
      (l) => {
        l.variables.unshift(value('version', 0, 0, 'uint256'))
        for (const old of l.variables.slice(1)) old.slot += 1
      },
      /owner .* became version/,
    ],
    ['a variable in a hole between others', (l) => l.variables.push(value('late', 0, 21, 'bool')), /late .* not behind/],
    [
      'another type in the same place',
      (l) => l.variables.splice(0, 1, value('owner', 0, 0, 'contract IOwner')),
      /owner \(address.* became/,
    ],
    ['a variable renamed', (l) => l.variables.splice(1, 1, value('closed', 0, 20, 'bool')), /open .* became closed/],
    ['a member widened', (l) => struct(l, 'Order').members.splice(1, 1, value('amount', 0, 20, 'uint96')), /amount \(uint64/],
    ['a member removed', (l) => struct(l, 'Order').members.pop(), /amount is gone/],
    ['a struct removed', (l) => delete l.structs['struct Shop.Ticket'], /Ticket is gone/],
    [
      'a struct grown in an array',
      (l) => {
        struct(l, 'Ticket').members.push(value('holder', 1, 0, 'address'))
        struct(l, 'Ticket').bytes = 64
      },
      /32 bytes became 64, and arrays hold it/,
    ],
    ['a namespace removed', (l) => delete l.namespaces['erc7201:shop.storage.Prices'], /holds nothing/],
    [
      'a namespace with something else',
      (l) => {
        l.namespaces['erc7201:shop.storage.Prices'] = 'struct Shop.Ticket'
      },
      /holds struct Shop.Ticket/,
    ],
  ])('refuses %s', (_, change, reason) => {
    expect(incompatibilities(BEFORE, changed(change)).join('\n')).toMatch(reason)
  })

  test('refuses an exchange of two members in the real market', () => {
    const market = committed('PowerloomDataMarket')
    const planted = structuredClone(market)
    const layout = planted.structs['struct MarketStorage.Layout']
    const [day, quota] = ['dayCounter', 'dailySnapshotQuota'].map((label) => layout?.members.find((member) => member.label === label))
    if (day === undefined || quota === undefined) throw new Error('the market keeps its day elsewhere now')
    ;[day.slot, quota.slot] = [quota.slot, day.slot]
    expect(incompatibilities(market, planted)).toHaveLength(2)
  })
})
