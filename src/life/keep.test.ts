import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeIpfsNetwork } from '#io/ipfs/fake.ts'
import type { Ipfs } from '#io/ipfs/port.ts'
import { keepSnapshot, SNAPSHOT_BYTES_MAX } from './keep.ts'

const CONTENT = new TextEncoder().encode('{"a":1}')
const EPOCH = 7 as EpochId

function open() {
  const clock = createVirtualClock()
  const network = createFakeIpfsNetwork({ clock })
  const stopping = new AbortController()
  const [here, peer] = [network.node('here'), network.node('peer')]
  const keep = (cid: Cid, ipfs: Ipfs = here) =>
    clock.runUntil(keepSnapshot(cid, { epochId: EPOCH, timeoutMs: 1_000, signal: stopping.signal }, ipfs), { limitMs: 5_000 })
  return { here, peer, stopping, keep }
}

test('G10: what a peer has is here afterwards, as long as its epoch is kept', async () => {
  const { here, peer, keep } = open()
  const cid = await peer.add(CONTENT, EPOCH)
  expect(await keep(cid)).toBe(CONTENT.length)
  peer.setConnected(false)
  expect(await here.letGo(EPOCH, 10)).toBe(0)
  expect(await here.has(cid)).toBe(true)
  expect(await here.letGo((EPOCH + 1) as EpochId, 10)).toBe(1)
})

test('G7: what nobody has, is too large, or is no CID, is not kept, and ends nothing', async () => {
  const { peer, keep, here } = open()
  const cid = await peer.add(CONTENT)
  peer.withhold(cid)
  expect(await keep(cid)).toBeUndefined()
  expect(await keep(await peer.add(new Uint8Array(SNAPSHOT_BYTES_MAX + 1)))).toBeUndefined()
  expect(await keep('no CID' as Cid)).toBeUndefined()
  expect(await here.has(cid)).toBe(false)
})

test('for what a full disk has no room now, and later', async () => {
  const { peer, here, keep } = open()
  const cid = await peer.add(CONTENT)
  const full = new WeftError('STORE_FULL', { path: 'x', doing: 'writing a block' })
  expect(await keep(cid, { ...here, pin: () => Promise.reject(full) })).toBe('no room')
  expect(await keep(cid, { ...here, get: () => Promise.reject(full) })).toBe('no room')
  expect(await keep(cid)).toBe(CONTENT.length)
})

test('a broken disk is heard, and a stop is no answer', async () => {
  const { here, stopping, keep } = open()
  const cid = await here.add(CONTENT)
  const broken = new WeftError('STORE_FAILED', { path: 'x', operation: 'write' } as never)
  const pin = async (): Promise<never> => {
    throw broken
  }
  await expect(keep(cid, { ...here, pin })).rejects.toBe(broken)
  stopping.abort(new Error('over'))
  await expect(keep('no CID' as Cid)).rejects.toThrow('over')
})
