import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { diskOf, filesOf, mendUnwritable, placeIn, portsOf } from './machine.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-doctor-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each([
  ['127.0.0.1:50051', { host: '127.0.0.1', port: 50_051 }],
  ['[::1]:9', { host: '::1', port: 9 }],
  ['/ip4/0.0.0.0/tcp/9100', { host: '0.0.0.0', port: 9_100 }],
  [8_080, { host: '127.0.0.1', port: 8_080 }],
  ['127.0.0.1:0', undefined],
  ['/ip4/127.0.0.1/tcp/0', undefined],
  ['auto', undefined],
  ['off', undefined],
  ['', undefined],
  [0, undefined],
  [undefined, undefined],
])('%j listens at %j', (value, place) => {
  expect(placeIn(value)).toEqual(place)
})

test('a file where the data directory is to be is told of', () => {
  const dataDir = join(folder, 'file')
  writeFileSync(dataDir, '')
  expect(diskOf({ dataDir })).toEqual([expect.objectContaining({ state: 'bad', detail: `${dataDir} is no folder` })])
})

test('a folder that cannot be written to is given to whoever runs Weft, unless its file system is read-only', () => {
  const failing = (code: string) => () => {
    throw Object.assign(new Error(code), { code })
  }
  expect(mendUnwritable(folder)).toBeUndefined()
  expect(mendUnwritable('/srv/weft', failing('EACCES'))).toBe('`chown -R $(id -u) /srv/weft`')
  expect(mendUnwritable('/srv/weft', failing('EROFS'))).toMatch(/read-only: mount/)
})

test('a port that is taken is found with the setting that wants it, one that is free is good', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const settings = { grpcListen: `127.0.0.1:${port}`, healthListen: 'auto', p2pListen: ['/ip4/127.0.0.1/tcp/1'] }
  expect(await portsOf('collector', settings)).toEqual([
    {
      check: `port ${port}`,
      state: 'bad',
      detail: 'taken by another process; --grpc-listen needs it',
      mend: `\`ss -ltnp sport = :${port}\` says by whom; or another --grpc-listen`,
    },
  ])
  await new Promise((resolve) => server.close(resolve))
  expect(await portsOf('collector', settings)).toMatchObject([{ state: 'good', detail: 'free for --grpc-listen' }])
})

test('an address that is not of this machine is no place to listen', async () => {
  expect(await portsOf('collector', { grpcListen: '192.0.2.1:50051' })).toMatchObject([
    { state: 'bad', detail: expect.stringContaining('EADDRNOTAVAIL') },
  ])
})

test('open files: a system that says nothing is not told of', () => {
  const limits = (soft: string) =>
    `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${soft}                 1048576              files\n`
  expect(filesOf(limits('1024'))).toMatchObject([{ state: 'doubtful', mend: expect.stringContaining('ulimit -n') }])
  expect(filesOf(limits('65536'))).toMatchObject([{ state: 'good' }])
  expect(filesOf(limits('unlimited'))).toMatchObject([{ state: 'good' }])
  expect(filesOf('')).toEqual([])
})

test('the disk is that of the nearest folder that there is: nothing is made', () => {
  const [finding] = diskOf({ dataDir: join(folder, 'not/yet') })
  expect(finding).toMatchObject({ check: 'disk', detail: expect.stringMatching(new RegExp(`^[0-9.]+ GB free at ${folder}$`)) })
})
