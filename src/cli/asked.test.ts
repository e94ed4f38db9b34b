import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type AskedFlags, openAsked } from './asked.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-asked-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ADDRESS = `0x${'0b'.repeat(20)}`
const put = (name: string, content: object): string => {
  writeFileSync(join(folder, name), JSON.stringify(content))
  return join(folder, name)
}
const network = (chainId: number) => ({
  chainId,
  protocolState: ADDRESS,
  dataMarket: ADDRESS,
  nodes: ADDRESS,
  factory: ADDRESS,
  deploymentBlock: 1,
})
put('net.json', network(7))
const other = put('other.json', network(8))
const settings = { network: 'net.json', anchorRpcUrl: 'http://node.example', gateways: ['http://gateway.example'] }
const file = put('weft.json', { dataDir: 'data', settings, parts: {} })

const told: string[] = []

async function asked(flags: Partial<AskedFlags> = {}, env: object = {}, from = file) {
  told.length = 0
  const stderr = { write: (line: string) => told.push(line) }
  const { places, gateways } = await openAsked({ env, stderr } as unknown as NodeJS.Process, { json: false, ...flags }, from)
  return [places.anchorRpcUrl, places.anchorChainId, gateways]
}

test('whoever asks a network where the file of a node lies means the one of that node; flags and variables win', async () => {
  expect(await asked()).toEqual(['http://node.example', 7, ['http://gateway.example']])
  expect(await asked({ rpc: 'http://flag.example' })).toEqual(['http://flag.example', 7, ['http://gateway.example']])
  expect(await asked({ gateway: ['http://mine.example'] })).toEqual(['http://node.example', 7, ['http://mine.example']])
  expect(await asked({}, { WEFT_NETWORK: other, WEFT_ANCHOR_RPC_URL: 'http://env.example' })).toEqual([
    'http://env.example',
    8,
    ['http://gateway.example'],
  ])
})

test('a gateway that is no URL is told of as such, and hinders nobody who names another one', async () => {
  const wrong = put('wrong.json', { dataDir: 'data', settings: { ...settings, gateways: ['gateway.example'] }, parts: {} })
  await expect(asked({}, {}, wrong)).rejects.toMatchObject({
    code: 'SETTINGS_INVALID',
    facts: { problems: [`${wrong}: settings.gateways: URL 1 is not an http(s) URL`] },
  })
  expect(await asked({ gateway: ['http://mine.example'] }, {}, wrong)).toEqual(['http://node.example', 7, ['http://mine.example']])
})

test('a data directory is that of a devnet, whatever lies here', async () => {
  const dataDir = join(folder, 'nowhere')
  await expect(asked({ dataDir })).rejects.toMatchObject({ code: 'DATA_DIR_UNKNOWN' })
  await expect(asked({}, { WEFT_DATA_DIR: dataDir })).rejects.toMatchObject({ code: 'DATA_DIR_UNKNOWN' })
})

test('behind the gateways that the file names those of its parts are asked, as far as they have been started', async () => {
  const home = join(folder, 'data', 'snapshotter')
  mkdirSync(home, { recursive: true })
  expect(await asked()).toEqual(['http://node.example', 7, ['http://gateway.example']])
  writeFileSync(join(home, 'state.sqlite'), '')
  put('data/snapshotter/endpoints.json', { gateway: ['http://127.0.0.1:4'], ipfs: ['/ip4/127.0.0.1/tcp/5'] })
  expect(await asked()).toEqual(['http://node.example', 7, ['http://gateway.example', 'http://127.0.0.1:4']])
  expect(await asked({ gateway: ['http://mine.example'] })).toEqual(['http://node.example', 7, ['http://mine.example']])
  rmSync(join(folder, 'data'), { recursive: true })
})

test('what is taken from the file that lies here, whoever wrote it, is told, and nothing else is', async () => {
  const [net, gateway] = [join(folder, 'net.json'), 'http://gateway.example']
  await asked()
  expect(told).toEqual([`as ${file} says: network ${net}; endpoint http://node.example; gateways ${gateway}\n`])
  await asked({ rpc: 'http://flag.example' })
  expect(told).toEqual([`as ${file} says: network ${net}; gateways ${gateway}\n`])
  await asked({ gateway: ['http://mine.example'] }, { WEFT_NETWORK: other })
  expect(told).toEqual([`as ${file} says: endpoint http://node.example\n`])
  await asked({ rpc: 'http://flag.example', network: other, gateway: ['http://mine.example'] })
  expect(told).toEqual([])
})

test('of what is told a name and a password are not, and what would move the cursor is shown', async () => {
  const from = put('strange.json', {
    dataDir: 'data',
    settings: { ...settings, anchorRpcUrl: 'http://me:pass@node.example/key' },
    parts: {},
  })
  await asked({}, {}, from)
  expect(told[0]).toContain('endpoint http://node.example; ')
  const escaping = put('\u001b[2Jweft.json', { dataDir: 'data', settings, parts: {} })
  await asked({}, {}, escaping)
  expect(told.join('')).not.toContain('\u001b')
})

test.each([
  [{ gateways: ['http://a.example', 'nonsense'] }, 'settings.gateways: URL 2 is not an http(s) URL'],
  [{ gateways: ['http://me:pass@a.example'] }, 'settings.gateways: URL 1 has a name, a password'],
  [{ anchorRpcUrl: 'ftp://me:pass@a.example' }, 'settings.anchorRpcUrl: '],
])('a file here with %j is refused in words that do not repeat it', async (broken, words) => {
  const from = put('broken.json', { dataDir: 'data', settings: { ...settings, ...broken }, parts: {} })
  const failure: Error = await asked({}, {}, from).then(
    () => new Error('taken'),
    (thrown) => thrown,
  )
  expect(failure).toMatchObject({ code: 'SETTINGS_INVALID', facts: { problems: [expect.stringContaining(`${from}: ${words}`)] } })
  expect(failure.message).not.toContain('pass@')
})
