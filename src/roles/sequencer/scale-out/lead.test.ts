import { expect, test } from 'vitest'
import type { Cid, EpochId, Hash } from '#domain/ids.ts'
import type { CallOutcome, ProtocolCall, ProtocolSender } from '#io/chain/port.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createFakeServers } from '#io/log/fake.ts'
import { createLeading } from './lead.ts'

/** Two sealers of one account, and what of their calls goes out. */

const epochId = 7 as EpochId
const batchCid = 'bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri' as Cid
const batch: ProtocolCall = { kind: 'submitSubmissionBatch', epochId, batchCid, projectIds: [], snapshotCids: [], rootHash: '0x' as Hash }
const end: ProtocolCall = { kind: 'endBatchSubmissions', epochId }
const done = { kind: 'done', transactionHash: '0x', blockNumber: 1 } as unknown as CallOutcome

function openStage() {
  const clock = createVirtualClock()
  const servers = createFakeServers({ clock, leaseMs: 2_000 })
  const there = new Set<Cid>()
  const sent: string[] = []
  const stopping = new AbortController()

  function sealer(name: string, how: { isSettled?(): boolean; mined?: Promise<void> } = {}) {
    const shared = servers.connect(name)
    const events: string[] = []
    const sender: ProtocolSender = {
      address: '0x' as never,
      hasSigned: () => true,
      gasMax: async () => 1,
      send: async () => done,
      async sendInOrder(intents, signal) {
        sent.push(...intents.map(({ intentId }) => `${name} ${intentId}`))
        if (how.mined === undefined) return intents.map(() => done)
        return new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true })
          void how.mined?.then(() => resolve(intents.map(() => done)))
        })
      },
    }
    const leading = createLeading(sender, {
      shared,
      chain: { batchCids: async () => [...there], isEpochEnded: async () => there.size > 0 },
      clock,
      random: { fraction: () => 1 },
      report: (event) => void events.push(event),
      isSettled: async () => how.isSettled?.() ?? true,
    })
    const ended = leading.run(stopping.signal)
    ended.catch(() => undefined)
    return { leading, shared, events, send: (call: ProtocolCall) => leading.sender.send(call.kind, call, stopping.signal) }
  }
  const until = (goal: () => boolean) => clock.runUntil(goal, { limitMs: 60_000 })
  return { clock, there, sent, sealer, until, stop: () => stopping.abort(new Error('test is over')) }
}

test('S28: of two sealers one sends; the other waits, and has its outcome when the chain has the batch', async () => {
  const stage = openStage()
  const first = stage.sealer('first')
  await stage.until(() => first.leading.isLeading())
  const second = stage.sealer('second')
  const waiting = second.send(batch)
  const waitingToo = second.send(end)
  await stage.clock.advance(5_000)
  expect(stage.sent).toEqual([])
  expect(await stage.clock.runUntil(first.send(batch), { limitMs: 1_000 })).toEqual(done)
  stage.there.add(batchCid)
  expect(await stage.clock.runUntil(waiting, { limitMs: 5_000 })).toEqual({ kind: 'refused', reason: 'E25' })
  expect((await stage.clock.runUntil(waitingToo, { limitMs: 5_000 })).kind).toBe('refused')
  expect(stage.sent).toEqual(['first submitSubmissionBatch'])
  stage.stop()
})

test('S28: when the leader is gone the other sends what the chain has not, once all that was sent is mined', async () => {
  const stage = openStage()
  let isSettled = false
  const first = stage.sealer('first')
  await stage.until(() => first.leading.isLeading())
  const second = stage.sealer('second', { isSettled: () => isSettled })
  const waiting = second.send(batch)
  first.shared.crash()
  await stage.clock.advance(10_000)
  expect([second.leading.isLeading(), stage.sent]).toEqual([false, []])
  isSettled = true
  expect(await stage.clock.runUntil(waiting, { limitMs: 10_000 })).toEqual(done)
  expect([stage.sent, second.events]).toEqual([['second submitSubmissionBatch'], ['leading']])
  stage.stop()
})

test('S28: a leader that slept over its lease sends nothing, and gives up what it waits for', async () => {
  const stage = openStage()
  const mined = Promise.withResolvers<void>()
  const first = stage.sealer('first', { mined: mined.promise })
  await stage.until(() => first.leading.isLeading())
  const underWay = first.send(batch)
  await stage.until(() => stage.sent.length === 1)
  // Its machine does not run it: no renewal goes out.
  first.shared.crash()
  const second = stage.sealer('second')
  await stage.until(() => second.leading.isLeading())
  const late = first.send(end)
  await stage.clock.advance(5_000)
  expect(stage.sent).toEqual(['first submitSubmissionBatch'])
  void underWay.catch(() => undefined)
  void late.catch(() => undefined)
  stage.stop()
})

test('a call of which the chain shows nothing waits for the lead, whatever the chain has', async () => {
  const stage = openStage()
  stage.there.add(batchCid)
  const first = stage.sealer('first')
  await stage.until(() => first.leading.isLeading())
  const second = stage.sealer('second')
  const waiting = second.send({ kind: 'updateRewards', day: 1, slotIds: [], submissions: [], eligibleNodes: 0 })
  await stage.clock.advance(5_000)
  expect(stage.sent).toEqual([])
  first.shared.crash()
  expect(await stage.clock.runUntil(waiting, { limitMs: 10_000 })).toEqual(done)
  stage.stop()
})
