import { describe, expect, test } from 'vitest'
import { createFakeStore } from './fake.ts'
import type { FakeStore } from './fake.ts'
import { storeSuite } from './suite.ts'

storeSuite('fake', {
  open: async () => createFakeStore(),
  async reopen(store) {
    await store.close()
    return (store as FakeStore).crash()
  },
  breakDisk: (store) => (store as FakeStore).breakDisk(),
  setRoom: (store, hasRoom) => (store as FakeStore).setRoom(hasRoom),
})

describe('fake store', () => {
  test('G1: a crash keeps what was durable and loses the rest', async () => {
    const store = createFakeStore()
    await store.commit([{ key: 'durable', value: new Uint8Array([1]) }])
    let isAcknowledged = false
    void store.commit([{ key: 'pending', value: new Uint8Array([2]) }]).then(() => {
      isAcknowledged = true
    })
    const after = store.crash()
    await after.commit([{ key: 'later', value: new Uint8Array([3]) }])
    expect(after.scan('').map(({ key }) => key)).toEqual(['durable', 'later'])
    expect(isAcknowledged).toBe(false)
    expect(() => store.get('durable')).toThrow('STOPPED')
  })

  test('what a crash would keep is seen before it, and a backup holds no more', async () => {
    const store = createFakeStore()
    await store.commit([{ key: 'durable', value: new Uint8Array([1]) }])
    const pending = store.commit([{ key: 'pending', value: new Uint8Array([2]) }])
    expect([store.durable('durable'), store.durable('pending')]).toEqual([new Uint8Array([1]), undefined])
    const backup = store.copy()
    await pending
    expect(store.durable('pending')).toEqual(new Uint8Array([2]))
    expect(backup.scan('').map(({ key }) => key)).toEqual(['durable'])
    await backup.commit([{ key: 'durable' }])
    expect(store.get('durable')).toEqual(new Uint8Array([1]))
  })
})
