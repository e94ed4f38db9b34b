import { expect, test } from 'vitest'
import { addressBlock, addressOwner, blockOf, isOwnMachine } from './address-block.ts'

test.each([
  ['/ip4/203.0.113.7/tcp/4001', '203.0.113.7'],
  ['/ip6/2001:db8:1:2:3:4:5:6/tcp/4001', '2001:db8:1:2'],
  ['/ip6/2001:DB8:0001:2::9/tcp/4001/p2p/12D3', '2001:db8:1:2'],
  ['/ip6/2001:db8::1/tcp/4001', '2001:db8:0:0'],
  ['/ip6/::ffff:203.0.113.7/tcp/4001', '203.0.113.7'],
  ['/ip6/::1/tcp/4001', '::1'],
  ['/ip4/203.0.113.7/tcp/4001/p2p/12D3/p2p-circuit/p2p/12D4', undefined],
  ['/dns4/example.org/tcp/4001', undefined],
])('the block of %s is %s', (multiaddr, block) => {
  expect(addressBlock(multiaddr)).toBe(block)
})

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['', ''],
])('the block of a socket’s %s is %s', (address, block) => {
  expect(blockOf(address)).toBe(block)
})

test('this machine is known by its loopback addresses', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1', '10.0.0.1', '12.7.0.1'].map(isOwnMachine)).toEqual([true, true, true, false, false])
})

test.each([
  ['/ip4/203.0.113.7/tcp/4001', '203.0.113.7'],
  ['/ip6/2001:db8:1:2:3:4:5:6/tcp/4001', '2001:db8:1::'],
  ['/ip6/::1/tcp/4001', '::1'],
  ['/ip4/203.0.113.7/tcp/4001/p2p/12D3/p2p-circuit/p2p/12D4', '203.0.113.7'],
  ['/dns4/example.org/tcp/4001/p2p/12D3/p2p-circuit/p2p/12D4', '/dns4/example.org/tcp/4001/p2p/12D3'],
])('what comes from %s is answered for by %s', (multiaddr, owner) => {
  expect(addressOwner(multiaddr)).toBe(owner)
})
