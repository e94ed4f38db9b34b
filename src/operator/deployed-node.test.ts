import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { readDeployedNode } from './deployed-node.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-deployed-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const KEY = 'ab'.repeat(32)
function file(name: string, content: string | object): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}
const outcomes = (rows: ReturnType<typeof readDeployedNode>['rows']) => Object.fromEntries(rows.map(({ from, outcome }) => [from, outcome]))

/** As the set-up script of deployed nodes writes one (spec/09 §1). */
const ENV = `
# a comment
SOURCE_RPC_URL=https://eth.example/v2/apikey
export SIGNER_ACCOUNT_ADDRESS="0x${'0a'.repeat(20)}"
SIGNER_ACCOUNT_PRIVATE_KEY='${KEY}'
SLOT_ID=17  # mine
POWERLOOM_RPC_URL=https://rpc.powerloom.example
PROTOCOL_STATE_CONTRACT=0x${'01'.repeat(20)}
DATA_MARKET_CONTRACT=0x${'02'.repeat(20)}
NAMESPACE=UNISWAPV2
LOCAL_COLLECTOR_PORT=50051
LOCAL_COLLECTOR_IMAGE_TAG=latest
SNAPSHOT_CONFIG_REPO_BRANCH=main
DOCKER_NETWORK_NAME=snapshotter
IPFS_URL=
TELEGRAM_CHAT_ID=12
SOMETHING_ELSE=1
`

test('of the variables of a deployed node what means something here is taken, and of each it is said what became of it', () => {
  const node = readDeployedNode([file('.env-mainnet-UNISWAPV2-ETH', ENV)])
  expect(node.settings).toEqual({
    sourceRpcUrl: 'https://eth.example/v2/apikey',
    anchorRpcUrl: 'https://rpc.powerloom.example',
    protocolState: `0x${'01'.repeat(20)}`,
    dataMarket: `0x${'02'.repeat(20)}`,
    namespace: 'UNISWAPV2',
    slots: '17',
    grpcListen: '127.0.0.1:50051',
  })
  expect([node.key?.reveal(), node.signer, node.wallet]).toEqual([KEY, `0x${'0a'.repeat(20)}`, undefined])
  expect(outcomes(node.rows)).toMatchObject({
    SOURCE_RPC_URL: 'taken',
    SIGNER_ACCOUNT_PRIVATE_KEY: 'taken',
    LOCAL_COLLECTOR_IMAGE_TAG: 'left',
    SNAPSHOT_CONFIG_REPO_BRANCH: 'left',
    IPFS_URL: 'left',
    SOMETHING_ELSE: 'left',
  })
  expect(node.rows.find(({ from }) => from === 'SOMETHING_ELSE')?.words).toBe('not known here')
  expect(node.rows.filter(({ words }) => words === 'not known here')).toHaveLength(1)
})

test('files of several slots of one wallet come to one node, and the names of older documents are known', () => {
  const second = `SLOT_ID=18\nSOURCE_RPC_URL=https://other.example\nSIGNER_PRIVATE_KEY=${'cd'.repeat(32)}\nWALLET_HOLDER_ADDRESS=0x${'0b'.repeat(20)}\nSLOT_ID=17`
  const node = readDeployedNode([file('.env-1', ENV), file('.env-2', second)])
  expect(node.settings).toMatchObject({ slots: '17,18', sourceRpcUrl: 'https://eth.example/v2/apikey,https://other.example' })
  expect([node.key?.reveal(), node.wallet]).toEqual([KEY, `0x${'0b'.repeat(20)}`])
})

test('settings.json is read as well, leaf by leaf', () => {
  const node = readDeployedNode([
    file('settings.json', {
      namespace: 'AAVEV3',
      slot_id: 3,
      signer_private_key: KEY,
      rpc: {
        full_nodes: [{ url: 'https://a.example' }, { url: 'https://b.example' }],
        retry: 5,
        connection_limits: { max_connections: 100 },
      },
      powerloom_chain_rpc: { full_nodes: [{ url: 'https://p.example' }], polling_interval: 3 },
      protocol_state: { address: `0x${'01'.repeat(20)}`, deadline_buffer: 500 },
      reporting: { slack_url: '' },
      ipfs: { write_rate_limit: { burst: 10 } },
    }),
  ])
  expect(node.settings).toMatchObject({
    slots: '3',
    sourceRpcUrl: 'https://a.example,https://b.example',
    anchorRpcUrl: 'https://p.example',
  })
  expect(outcomes(node.rows)).toMatchObject({
    'rpc.full_nodes[1].url': 'taken',
    'rpc.retry': 'left',
    'protocol_state.deadline_buffer': 'left',
    'ipfs.write_rate_limit.burst': 'left',
  })
  expect(node.rows.filter(({ words }) => words === 'not known here')).toEqual([])
})

test('whom it told of what goes wrong is told here too, and how rarely', () => {
  const telegram = 'TELEGRAM_REPORTING_URL=https://tg.example\nTELEGRAM_CHAT_ID=-5\n'
  const slack = 'LOCAL_COLLECTOR_SLACK_WEBHOOK_URL=https://hooks.example/T/secret\n'
  const node = readDeployedNode([
    file('.env-a', `${telegram}TELEGRAM_MESSAGE_THREAD_ID=9\nTELEGRAM_NOTIFICATION_COOLDOWN=600\n${slack}`),
    file('a.json', {
      reporting: { slack_url: 'https://hooks.example/T/secret', service_url: 'http://issues.example:9030', failure_report_frequency: 5 },
    }),
  ])
  expect(node.alertTo?.reveal()).toBe(
    'telegram:https://tg.example;chat=-5;thread=9,slack:https://hooks.example/T/secret,issues:http://issues.example:9030',
  )
  expect(node.settings).toEqual({ alertCooldown: '600' })
  expect(node.rows.filter(({ outcome }) => outcome === 'left')).toEqual([
    { from: 'reporting.failure_report_frequency', outcome: 'left', words: expect.stringContaining('alertCooldown') },
  ])
  expect(inspect(node, { depth: 10 })).not.toMatch(/hooks|tg\.example/)
})

test.each([
  ['TELEGRAM_CHAT_ID=12', 'Telegram needs a URL and a chat'],
  ['LOCAL_COLLECTOR_SLACK_WEBHOOK_URL=ftp://there', 'no http(s) URL'],
  ['LOCAL_COLLECTOR_SLACK_WEBHOOK_URL=https://a,webhook:https://b', 'no http(s) URL'],
  ['TELEGRAM_NOTIFICATION_COOLDOWN=1', 'from 10 to 86400 seconds'],
])('%s tells nobody, and why is said', (line, words) => {
  const { alertTo, settings, rows } = readDeployedNode([file('.env-b', line)])
  expect([alertTo, settings, rows]).toEqual([
    undefined,
    {},
    [{ from: line.replace(/=.*/, ''), outcome: 'left', words: expect.stringContaining(words) }],
  ])
})

test('a key is told by nothing: neither by the rows nor when its file is broken', () => {
  expect(inspect(readDeployedNode([file('.env-3', ENV)]), { depth: 10 })).not.toContain(KEY.slice(0, 8))
  expect(() => readDeployedNode([file('broken.json', `{"signer_private_key": ${KEY}`)])).toThrow(
    expect.objectContaining({ facts: { problems: [`--from: ${join(folder, 'broken.json')} is no JSON`] } }),
  )
})

test('a file that somebody made for it holds nobody up', () => {
  const beganMs = performance.now()
  const blanks = ' '.repeat(60_000)
  expect(readDeployedNode([file('.env-4', `NAMESPACE=a${blanks}b # of mine`)]).settings).toEqual({ namespace: `a${blanks}b` })
  expect(() => readDeployedNode([file('long.json', `[${'"http://a",'.repeat(10_000)}""]`)])).toThrow(/more than 65536 characters/)
  expect(performance.now() - beganMs).toBeLessThan(1_000)
})
