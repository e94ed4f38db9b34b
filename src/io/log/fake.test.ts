import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeServers, type FakeShared } from './fake.ts'
import { logSuite, WAITING_BYTES_MAX } from './suite.ts'

const clock = createVirtualClock()

logSuite('fake', {
  async open() {
    const servers = createFakeServers({ clock, waitingBytesMax: WAITING_BYTES_MAX })
    return async (holder) => servers.connect(holder)
  },
  until: (work) => clock.runUntil(work, { limitMs: 60_000 }),
  async crash(shared) {
    ;(shared as FakeShared).crash()
  },
  leaseOver: () => clock.advance(10_000),
})
