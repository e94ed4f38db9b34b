import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { buildApplication, run } from '@stricli/core'
import { afterAll, expect, test, vi } from 'vitest'
import { weft } from './cli.test-world.ts'
import { keysRoutes } from './keys.ts'

/** Keystores that cost nothing to open. */
vi.mock('#io/keys/keystore.ts', async (original) => {
  const real = await original<typeof import('#io/keys/keystore.ts')>()
  const encrypt = (key: never, options: object) =>
    real.encryptKeystore(key, { ...(options as { password: never }), cost: { n: 2, r: 1, p: 1 } })
  return { ...real, encryptKeystore: encrypt }
})

const folder = mkdtempSync(join(tmpdir(), 'weft-keys-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string): string => join(folder, name)
const KEY = '7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d'
const ADDRESS = '0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b'
writeFileSync(at('password'), 'correct horse\n', { mode: 0o600 })
writeFileSync(at('bare'), KEY, { mode: 0o600 })

/** A person at a terminal who types these lines. */
async function atTerminal(lines: readonly string[], ...args: string[]) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true })
  const told: string[] = []
  const waiting = [...lines]
  const write = (text: string): boolean => {
    told.push(text)
    if (/\[y\/N\] $/.test(text)) stdin.write(`${waiting.shift() ?? ''}\n`)
    return true
  }
  const stream = Object.assign(new PassThrough(), { write })
  const process = { env: {}, exitCode: undefined as number | undefined, stdin, stdout: { write }, stderr: stream }
  const application = buildApplication(keysRoutes, {
    name: 'weft keys',
    scanner: { caseStyle: 'allow-kebab-for-camel' },
    documentation: { caseStyle: 'convert-camel-to-kebab' },
  })
  await run(application, args, { process: process as never })
  return { told: told.join(''), exitCode: process.exitCode ?? 0, unread: waiting }
}

test('a key goes in from a file, is listed, and goes out after two questions; neither it nor the password is ever printed', async () => {
  chmodSync(at('bare'), 0o644)
  const taken = await weft({}, 'keys', 'import', at('bare'), '--out', at('keys'), '--password-file', at('password'))
  const keystore = at(`keys/${ADDRESS}.json`)
  expect([taken.exitCode, taken.out]).toEqual([0, expect.stringContaining(`address   ${ADDRESS}\nkeystore  ${keystore}`)])
  expect(taken.err).toContain(`chmod 600 ${at('bare')}`)
  const listed = await weft({}, 'keys', 'list', at('keys'), '--json')
  expect(JSON.parse(listed.out)).toEqual([{ path: keystore, address: ADDRESS }])
  const exporting = ['export', keystore, '--out', at('out'), '--password-file', at('password')]
  for (const answers of [['n'], ['y', 'n']]) {
    const refused = await atTerminal(answers, ...exporting)
    expect([refused.exitCode === 0, refused.unread, refused.told]).toEqual([false, [], expect.stringContaining('EXPORT_UNCONFIRMED')])
  }
  expect((await weft({}, 'keys', ...exporting)).err).toContain('EXPORT_UNCONFIRMED')
  const given = await atTerminal(['y', 'yes'], ...exporting)
  expect([given.exitCode, readFileSync(at('out'), 'utf8')]).toEqual([0, `${KEY}\n`])
  for (const { out, err } of [taken, listed, { out: given.told, err: '' }])
    expect(out + err).not.toMatch(new RegExp(`${KEY}|correct horse`))
})

test('a key among the arguments is refused with the reason, and is not repeated', async () => {
  for (const args of [
    ['keys', 'import', KEY],
    ['keys', 'import', `0x${KEY}`],
    ['keys', 'export', KEY, '--out', at('never')],
    ['snapshotter', '--signer-key', KEY],
    ['validator', `--signer-key=${KEY}`],
  ]) {
    const { out, err, exitCode } = await weft({}, ...args)
    expect([exitCode === 0, err]).toEqual([false, expect.stringContaining('not taken as an argument: whoever lists the processes')])
    expect(out + err).not.toContain(KEY.slice(0, 8))
  }
})

test('without a password nothing is written, and an empty one is none', async () => {
  const { err } = await weft({}, 'keys', 'new', '--out', at('none'))
  expect(err).toContain('--password-file or WEFT_KEYSTORE_PASSWORD is needed')
  expect((await weft({ WEFT_KEYSTORE_PASSWORD: '' }, 'keys', 'new', '--out', at('none'))).err).toContain('the password is empty')
  expect((await weft({}, 'keys', 'list', at('none'))).out).toContain('no keystores')
})

test('without a folder both are listed: the one of `keys new`, and the one beside weft.json, where `init` puts them', async () => {
  const here = process.cwd()
  process.chdir(mkdtempSync(join(folder, 'here-')))
  try {
    const none = await weft({}, 'keys', 'list')
    expect(none.out).toContain('no keystores in .weft/keys or keys;')
    for (const out of ['.weft/keys', 'keys'])
      await weft({ WEFT_KEYSTORE_PASSWORD: 'correct horse' }, 'keys', 'new', '--out', `${out}/one.json`)
    expect((await weft({}, 'keys', 'list')).out).toMatch(/ {2}\.weft\/keys\/one\.json\n.* {2}keys\/one\.json\n$/)
  } finally {
    process.chdir(here)
  }
})
