import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { weft } from './cli.test-world.ts'
import { findingInWords } from './doctor.ts'
import { paintFor } from './paint.ts'

const folder = mkdtempSync(join(tmpdir(), 'weft-cli-doctor-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a finding is a line, and what mends it another: neither is broken, and nothing moves the cursor', () => {
  const mend = `\`./weft slots assign 1=0x${'ab'.repeat(20)}\`, by the owner of the slot, whoever that is`
  expect(findingInWords({ check: 'slot 1', state: 'bad', detail: 'it\u001b[2J', mend })).toBe(
    `✘ slot 1             it\\u001b[2J\n                     → ${mend}`,
  )
  expect(findingInWords({ check: 'disk', state: 'good', detail: 'fine' })).toBe('✔ disk               fine')
  const terminal = paintFor({ stdout: { isTTY: true }, env: {} })
  expect(findingInWords({ check: 'disk', state: 'bad', detail: 'full' }, terminal)).toBe('\u001b[31m✘\u001b[39m disk               full')
})

test('the command takes flags and variables as the role does, and ends with 1 when something must be mended', async () => {
  const relay = await weft({ WEFT_DATA_DIR: join(folder, 'relay') }, 'doctor', 'relay', '--p2p-listen', '/ip4/127.0.0.1/tcp/0')
  expect([relay.exitCode, relay.out]).toEqual([0, expect.stringMatching(/^✔ settings .*\n✔ disk /)])
  const { exitCode, out } = await weft({ WEFT_RELAYS: 'nowhere' }, 'doctor', 'sequencer', '--json')
  const { isWell, findings } = JSON.parse(out) as { isWell: boolean; findings: { detail: string }[] }
  expect([exitCode, isWell]).toEqual([1, false])
  expect(findings.map(({ detail }) => detail).join()).toMatch(/--data-dir.*--relays/)
  expect((await weft({}, 'doctor', 'relais')).err).toContain("no role 'relais'; did you mean relay?")
  expect((await weft({}, 'doctor', 'weft.json')).err, 'who names the file of a node').toMatch(
    /no role 'weft\.json'\. There are .*, api, node/,
  )
  expect((await weft({}, 'doctor', 'relay', '--config', 'weft.json')).err).toContain('--config: is of `./weft doctor node`')
})

test('of a node all parts are looked at, each below its name; a file that is not there is what is wrong', async () => {
  const config = join(folder, 'weft.json')
  const relay = { healthListen: 'off', p2pListen: ['/ip4/127.0.0.1/tcp/0'] }
  writeFileSync(config, JSON.stringify({ dataDir: 'data', parts: { relay, other: { role: 'relay', ...relay } } }))
  const { exitCode, out } = await weft({}, 'doctor', 'node', '--config', config)
  expect([exitCode, out]).toEqual([0, expect.stringMatching(/^relay\n✔ settings [^\n]*\n✔ disk (?:.*\n)*other\n/)])
  expect(out.split('other\n')[1], 'what is told already is named').toMatch(/^(?:. .*\n)* {2}as above +settings, .*open files.*\n$/)
  const { findings } = JSON.parse((await weft({}, 'doctor', '--config', config, '--json')).out) as { findings: { part: string }[] }
  expect(findings.filter(({ part }) => part === 'other').length).toBe(findings.filter(({ part }) => part === 'relay').length)
  expect((await weft({}, 'doctor', '--config', config)).out, 'who names nothing means the node').toMatch(/^relay\n✔ settings /)
  const missing = await weft({}, 'doctor', 'node', '--config', join(folder, 'nowhere.json'))
  expect([missing.exitCode, missing.out]).toEqual([1, expect.stringMatching(/^✘ settings +there is no file .*nowhere\.json/)])
})
