import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createFaring, type Faring } from './faring.ts'
import { createNotes, type Notes } from './notes.ts'

let directory: string
let notes: Notes
let faring: Faring
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-faring-'))
  notes = createNotes(() => Date.now())
  faring = createFaring('snapshotter', { notes, directory })
})
afterEach(() => {
  vi.useRealTimers()
  faring.stop()
  rmSync(directory, { recursive: true, force: true })
})

test('a chain that takes every question and answers none keeps nobody from hearing what is wrong', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const never = () => new Promise<never>(() => undefined)
  faring.begin({
    unready: () => [{ reason: 'anchor_unreachable' }],
    readings: () => [],
    slots: never,
    money: { ask: never, readings: () => [] },
  })
  const status = faring.status()
  await vi.advanceTimersByTimeAsync(3_000)
  expect(await status).toMatchObject({ isReady: false, unready: [{ reason: 'anchor_unreachable' }] })
  faring.begin({ unready: () => [], readings: () => [], slots: async () => [] })
  expect(vi.getTimerCount()).toBe(0)
})

test('the balance is asked for each minute, whether anybody wants to know or not', async () => {
  faring.stop()
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  faring = createFaring('sequencer', { notes, directory })
  let asked = 0
  const ask = async () => {
    asked += 1
    return undefined
  }
  faring.begin({ unready: () => [], readings: () => [], money: { ask, readings: () => [] } })
  await vi.advanceTimersByTimeAsync(180_000)
  expect(asked).toBe(3)
  faring.stop()
  await vi.advanceTimersByTimeAsync(180_000)
  expect(asked).toBe(3)
})

test('the balance of an account that cannot pay is not that of a minute ago', async () => {
  const asked: unknown[] = []
  const ask = async (isUrgent?: boolean) => {
    asked.push(isUrgent)
    return undefined
  }
  faring.begin({ unready: () => [], readings: () => [], money: { ask, readings: () => [] } })
  await faring.status()
  notes.event('call_needs_person', { code: 'CALL_UNFUNDED', account: '0x1', call: 'attest/1' })
  await faring.status()
  expect(asked).toEqual([false, true])
})

test('what to do about a trouble is what to do about its code, too, or about the word that says what an endpoint does', async () => {
  notes.event('will_try_again', { doing: 'hand_over', code: 'CALL_UNFUNDED', pauseMs: 1 })
  notes.event('endpoint_trouble', { chain: 'anchor', endpoint: 'http://a', trouble: 'forges' })
  notes.event('dial_failed', { address: '/a', detail: 'x' })
  const { troubles } = await faring.status()
  expect(troubles.map(({ help }) => help)).toEqual([
    expect.stringMatching(/^A step failed .* Send it ether/),
    expect.stringMatching(/^An RPC endpoint .* A header has not its hash/),
    expect.not.stringContaining('undefined'),
  ])
})

test('a role whose signer gives no signature is not ready until it has not failed for a minute', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  faring.begin(undefined)
  notes.event('receipts_unsigned', { code: 'SIGNER_FAILED', receipts: 3 })
  expect(faring.unready(), 'receipts go out without one').toEqual([])
  notes.event('will_try_again', { code: 'SIGNER_FAILED', account: '0x1', doing: 'hand_over', pauseMs: 1 })
  expect(faring.unready()).toEqual([{ reason: 'signer_failed', detail: 'SIGNER_FAILED' }])
  notes.event('will_try_again', { code: 'SIGNER_LIED', account: '0x1', doing: 'hand_over', pauseMs: 1 })
  expect(faring.unready()).toEqual([{ reason: 'signer_failed', detail: 'SIGNER_LIED' }])
  vi.setSystemTime(Date.now() + 60_000)
  expect(faring.unready()).toEqual([])
})

test('a role that was restored waits until the next epoch is released, and says so', async () => {
  faring.begin(undefined)
  notes.event('restored', { upTo: 7 })
  expect(await faring.status()).toMatchObject({
    unready: [{ reason: 'restored', help: expect.stringContaining('waits for the next epoch') }],
    troubles: [{ event: 'restored', facts: { upTo: 7 } }],
  })
  notes.event('restored_over', { epochId: 8 })
  expect(await faring.status()).toMatchObject({ isReady: true, troubles: [] })
})
