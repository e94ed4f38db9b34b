import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Secret } from '#domain/secret.ts'
import { serveKubo } from '#io/ipfs/kubo.test-server.ts'
import { servePinningService } from '#io/ipfs/pinning-service.test-server.ts'
import { lookAtPlaces } from './places.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-doctor-places-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a Kubo node keeps what is pinned and gives it back, or is named; nothing stays pinned there', async () => {
  const kubo = await serveKubo()
  const look = () => lookAtPlaces({ pinPlaces: [{ kind: 'kubo', url: kubo.url }] })
  try {
    expect(await look()).toEqual([{ check: 'pin place', state: 'good', detail: expect.stringMatching(/^kubo:127.*was read back$/) }])
    expect(kubo.calls.some((call) => call.includes('pin/ls'))).toBe(true)
    kubo.lie('does not pin')
    expect(await look()).toEqual([
      { check: 'pin place', state: 'bad', detail: expect.stringContaining('PLACE_FAILED'), mend: expect.stringContaining('--pin-places') },
    ])
    expect(kubo.pins.size).toBe(0)
  } finally {
    await kubo.close()
  }
  expect(await look()).toMatchObject([{ state: 'bad', detail: expect.stringContaining('ECONNREFUSED') }])
})

test('what was pinned is let go of also where it is not read back in time', async () => {
  const kubo = await serveKubo()
  const late = new AbortController()
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValueOnce(late.signal)
  try {
    kubo.lie('never says what it pins')
    const looking = lookAtPlaces({ pinPlaces: [{ kind: 'kubo', url: kubo.url }] })
    await expect.poll(() => kubo.calls.some((call) => call.includes('pin/ls'))).toBe(true)
    expect(kubo.pins.size).toBe(1)
    late.abort(new DOMException('late', 'TimeoutError'))
    expect(await looking).toMatchObject([{ check: 'pin place', state: 'bad' }])
    expect(kubo.pins.size).toBe(0)
  } finally {
    timeout.mockRestore()
    await kubo.close()
  }
})

test('a pinning service is asked whether it knows the token, and for nothing else', async () => {
  const service = await servePinningService({ block: async () => undefined } as never)
  const look = (token: string) =>
    lookAtPlaces({ pinPlaces: [{ kind: 'service', url: service.url }], pinToken: new Secret(token), pinGateways: [service.gatewayUrl] })
  try {
    expect(await look('the-token')).toMatchObject([{ state: 'good', detail: expect.stringContaining('answers') }])
    expect(await look('another')).toMatchObject([{ state: 'bad', detail: expect.stringContaining('HTTP 401') }])
    expect([service.asked, service.requests.size]).toEqual([[], 0])
  } finally {
    await service.close()
  }
})

test('a folder for CAR files can be written to, and nothing is written', async () => {
  const directory = join(folder, 'cars')
  expect(await lookAtPlaces({ pinPlaces: [{ kind: 'car', directory }] })).toEqual([
    { check: 'pin place', state: 'good', detail: `car:${directory} can be written to` },
  ])
  expect(readdirSync(folder)).toEqual([])
  const file = join(folder, 'file')
  writeFileSync(file, '')
  expect(await lookAtPlaces({ pinPlaces: [{ kind: 'car', directory: file }] })).toMatchObject([
    { state: 'bad', detail: `car:${file}: ${file} is no folder`, mend: expect.stringContaining('--pin-places') },
  ])
  expect(await lookAtPlaces({})).toEqual([])
})
