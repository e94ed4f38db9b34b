import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Address } from '#domain/ids.ts'
import { trustedSequencers } from './trusted-sequencers.ts'

const [PEER, OTHER, RELAY] = ['V', 'W', 'X'].map((last) => `12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASu${last}`) as [
  string,
  string,
  string,
]
const MARKET = `0x${'ab'.repeat(20)}` as Address
const CHECKSUMMED = `0x${'aB'.repeat(20)}`
const at = (peer: string) => `/dns/sequencer.example/tcp/9100/p2p/${peer}`
const entry = (peer: string, dataMarketAddress = CHECKSUMMED, maddr = at(peer)) => ({
  id: peer,
  maddr,
  dataMarketAddress,
  environment: 'x',
})
const LIST = [
  entry(PEER),
  entry(OTHER, `0x${'cd'.repeat(20)}`),
  entry(OTHER),
  entry(PEER, CHECKSUMMED, `/ip4/1.2.3.4/tcp/4001/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`),
  // Entries of no use: another id than that of its address, no address, none at all.
  entry(PEER, CHECKSUMMED, at(OTHER)),
  entry(PEER, CHECKSUMMED, 'somewhere'),
  7,
]
const OF_PEER = [at(PEER), `/ip4/1.2.3.4/tcp/4001/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`]

let directory: string
let served: Readonly<Record<string, string>> = {}
let server: Server
let url: string
const events: string[] = []
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weft-trusted-'))
  events.length = 0
  served = { '/list.json': JSON.stringify(LIST) }
  server = createServer(({ url: path = '' }, response) => {
    response.statusCode = served[path] === undefined ? 404 : 200
    response.end(served[path])
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/list.json`
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
  rmSync(directory, { recursive: true })
})

const read = (pin = '', sequencerId = '', place = url) =>
  trustedSequencers(
    { trustedSequencers: place, trustedSequencersPin: pin },
    { dataMarket: MARKET, sequencerId },
    { home: { directory, report: (event) => events.push(event) }, signal: new AbortController().signal },
  )
const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`

test('all entries of the market, whatever the case of its address, in the order of the list', async () => {
  expect(await read()).toEqual([at(PEER), at(OTHER), OF_PEER[1]])
})

test('the same from a file', async () => {
  const path = join(directory, 'mine.json')
  writeFileSync(path, JSON.stringify(LIST))
  expect(await read('', '', path)).toContain(at(PEER))
})

describe('the peer id on chain beats the file', () => {
  test.each([PEER, at(PEER)])('%s: only its entries are used', async (sequencerId) => {
    expect(await read('', sequencerId)).toEqual(OF_PEER)
  })

  test('a file that lists others only is no list for this market', async () => {
    await expect(read('', RELAY)).rejects.toMatchObject({ code: 'SEQUENCERS_UNKNOWN', facts: { detail: expect.stringContaining(RELAY) } })
  })

  test.each(['', 'sequencer-of-ours'])('%j is no peer id, and decides nothing', async (sequencerId) => {
    expect(await read('', sequencerId)).toHaveLength(3)
  })
})

describe('the pin', () => {
  test('a hash: another list is refused', async () => {
    const pin = sha256(served['/list.json'] ?? '')
    expect(await read(pin)).toHaveLength(3)
    rmSync(join(directory, 'trusted-sequencers.json'))
    served = { '/list.json': `${served['/list.json']} ` }
    await expect(read(pin)).rejects.toMatchObject({ code: 'SEQUENCERS_UNKNOWN' })
  })

  test('a signature: of the very list, by the very key, or it is refused', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const pin = `ed25519:${publicKey.export({ format: 'der', type: 'spki' }).subarray(12).toString('hex')}`
    const signed = (text: string) => sign(null, Buffer.from(text), privateKey).toString('hex')
    const list = served['/list.json'] ?? ''
    served = { '/list.json': list, '/list.json.sig': `${signed(list)}\n` }
    expect(await read(pin)).toHaveLength(3)
    const copy = join(directory, 'trusted-sequencers.json')
    rmSync(copy)
    for (const signature of [signed(`${list} `), signed(list).replace(/^../, '00'), '', undefined]) {
      served = { '/list.json': list, ...(signature !== undefined && { '/list.json.sig': signature }) }
      await expect(read(pin)).rejects.toMatchObject({ code: 'SEQUENCERS_UNKNOWN' })
    }
    expect(existsSync(copy)).toBe(false)
  })
})

describe('the copy on disk', () => {
  test('is used while the list cannot be had, and said to be', async () => {
    await read()
    served = {}
    expect(await read()).toHaveLength(3)
    expect(events).toEqual(['sequencers_from_copy'])
  })

  test('is held to the pin too', async () => {
    const pin = sha256(served['/list.json'] ?? '')
    await read(pin)
    served = {}
    expect(await read(pin)).toHaveLength(3)
    await expect(read(sha256('another'))).rejects.toMatchObject({ code: 'SEQUENCERS_UNKNOWN' })
  })

  test.each(['not json', '{}', ''])('%j takes the place of no copy', async (garbage) => {
    await read()
    served = { '/list.json': garbage }
    expect(await read()).toHaveLength(3)
    expect(JSON.parse(readFileSync(join(directory, 'trusted-sequencers.json'), 'utf8'))).toEqual(LIST)
  })

  test('without one, a list that cannot be had is a failure that may pass', async () => {
    served = {}
    await expect(read()).rejects.toMatchObject({ code: 'SEQUENCERS_UNKNOWN', kind: 'transient', facts: { place: url } })
  })
})
