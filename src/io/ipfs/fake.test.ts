import { expect, test } from 'vitest'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeIpfsNetwork } from './fake.ts'
import { describeIpfs, hastyMs } from './suite.ts'
import { wait } from './unixfs.ts'

describeIpfs('fake', async () => {
  const network = createFakeIpfsNetwork({ clock: { sleep: (ms, signal) => wait(hastyMs(ms), signal ?? new AbortController().signal) } })
  const left = network.node('left')
  return { left, right: network.node('right'), corruptLeft: async (cid) => left.corrupt(cid), close: async () => undefined }
})

const bytes = new TextEncoder().encode('{"a":1}')
const LIMITS = { bytesMax: 100, timeoutMs: 60_000 }

test('withheld content is not found until another node has it', async () => {
  const clock = createVirtualClock()
  const network = createFakeIpfsNetwork({ clock })
  const cid = await network.node('a').add(bytes)
  network.node('a').withhold(cid)
  await expect(clock.runUntil(network.node('b').get(cid, LIMITS), { limitMs: 60_000 })).rejects.toMatchObject({ code: 'IPFS_NOT_FOUND' })
  const waiting = network.node('b').get(cid, LIMITS)
  await network.node('c').add(bytes)
  expect(await waiting).toEqual(bytes)
})

test('a node that is cut off finds what the others have as soon as it is back', async () => {
  const network = createFakeIpfsNetwork()
  const cid = await network.node('a').add(bytes)
  network.node('b').setConnected(false)
  const waiting = network.node('b').get(cid, LIMITS)
  network.node('b').setConnected(true)
  expect(await waiting).toEqual(bytes)
})
