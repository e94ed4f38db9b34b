import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Secret } from '#domain/secret.ts'
import { openSession } from './session.ts'

const scratch = mkdtempSync(join(tmpdir(), 'weft-session-'))
/** Says its chain id, whatever it is asked. */
const node = createServer(async (request, response) => {
  const calls = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { id: number }[]
  response.end(JSON.stringify(calls.map(({ id }) => ({ jsonrpc: '2.0', id, result: '0x7a69' }))))
})

beforeAll(() => new Promise<void>((resolve) => void node.listen(0, '127.0.0.1', resolve)))
afterAll(() => {
  node.close()
  rmSync(scratch, { recursive: true, force: true })
})

test('a data directory that cannot be made is told in our words', async () => {
  const file = join(scratch, 'file')
  writeFileSync(file, '')
  const dataDir = join(file, 'below')
  const opened = openSession({
    rpcUrl: `http://127.0.0.1:${(node.address() as AddressInfo).port}`,
    key: { kind: 'key', text: new Secret('11'.repeat(32)) },
    dataDir,
    isDryRun: false,
  })
  await expect(opened).rejects.toMatchObject({ code: 'STORE_FAILED', facts: { path: dataDir, doing: 'creating it' } })
})
