import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { weft, weftAt } from './cli.test-world.ts'
import { isFed, lineIn } from './logs.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'weft-cli-logs-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))
mkdirSync(join(dataDir, 'logs'))
const at = (time: number, msg: string, facts: object = {}): string => JSON.stringify({ level: 30, time, role: 'validator', ...facts, msg })
writeFileSync(join(dataDir, 'logs/validator-1.log'), `${at(1_000, 'starting')}\n${at(3_000, 'failed', { detail: 'a\nb' })}\nno line\n`)
writeFileSync(join(dataDir, 'logs/relay.log'), `${at(2_000, 'started', { p2p: ['/a'] })}\n${at(4_000, 'no_event')}\n{"level":30,"ti`)
/** Local time of day and padding are not what is meant here. */
const shown = async (...args: string[]) =>
  (await weft({}, 'logs', '--data-dir', dataDir, ...args)).out
    .replace(/^\d\d:\d\d:/gm, '')
    .replace(/ +/g, ' ')
    .trimEnd()
    .split('\n')

test('lines of all roles in the order of time, as on a terminal, by the name of their folder; what is no line is left out', async () => {
  expect(await shown()).toEqual([
    '01 info validator-1 starting',
    '02 info relay started p2p=["/a"]',
    '03 error validator-1 failed detail="a\\nb"',
  ])
})

test.each([
  ['/dev/null', false],
  [join(dataDir, 'logs/relay.log'), true],
])('what stands in for the input is %s: it is read %s', (path, expected) => {
  const fd = openSync(path, 'r')
  expect(isFed(fd)).toBe(expected)
  closeSync(fd)
  expect(isFed(-1)).toBe(false)
})

test('on a terminal the level has its colour', async () => {
  const levels = async (env: Readonly<Record<string, string>>) =>
    [...(await weftAt({ env, isTTY: true }, 'logs', '--data-dir', dataDir)).out.matchAll(/^\S+ (\S+) +/gm)].map(([, level]) => level)
  expect(await levels({})).toEqual(['info', 'info', '\u001b[31merror\u001b[39m'])
  expect(await levels({ NO_COLOR: '1' })).toEqual(['info', 'info', 'error'])
})

test('only the loud ones, only those of one role, and as they are', async () => {
  expect(await shown('--level', 'warn')).toEqual(['03 error validator-1 failed detail="a\\nb"'])
  expect(await shown('--role', 'relay')).toEqual(['02 info relay started p2p=["/a"]'])
  expect(await shown('--json', '--role', 'relay')).toEqual([at(2_000, 'started', { p2p: ['/a'] })])
})

test('only the newest, of those that are asked for', async () => {
  expect(await shown('--lines', '2')).toEqual(['02 info relay started p2p=["/a"]', '03 error validator-1 failed detail="a\\nb"'])
  expect(await shown('--lines', '1', '--role', 'validator-1', '--level', 'info')).toEqual(['03 error validator-1 failed detail="a\\nb"'])
  expect((await weft({}, 'logs', '--data-dir', dataDir, '--lines', '0')).exitCode).not.toBe(0)
})

describe('of a node', () => {
  const node = join(dataDir, 'node')
  const line = (time: number, role: string, msg: string, facts: object = {}) => JSON.stringify({ level: 30, time, role, ...facts, msg })
  const keep = (folder: string, name: string, ...lines: string[]): void => {
    mkdirSync(join(node, folder), { recursive: true })
    writeFileSync(join(node, folder, name), `${lines.join('\n')}\n`)
  }
  const shownOf = async (folder: string, ...args: string[]) =>
    (await weft({}, 'logs', '--data-dir', folder, ...args)).out
      .replace(/^\d\d:\d\d:/gm, '')
      .replace(/ +/g, ' ')
      .trimEnd()
      .split('\n')
  for (const part of ['aave', 'collector', 'logs']) keep(part, 'state.sqlite')
  keep('aave', 'log.old.jsonl', line(1_000, 'snapshotter', 'starting', { part: 'aave' }))
  keep('aave', 'log.jsonl', line(4_000, 'snapshotter', 'epoch_done', { part: 'aave', epochId: 7 }))
  keep('collector', 'log.jsonl', line(2_000, 'collector', 'starting'))
  keep('', 'log.jsonl', line(3_000, 'node', 'part_again', { part: 'relay', code: 'LISTEN_FAILED' }))

  test('the logs of its parts and its own are one, in the order of time, each line with its part', async () => {
    expect(await shownOf(node)).toEqual([
      '01 info aave starting',
      '02 info collector starting',
      '03 warn node part_again part=relay code=LISTEN_FAILED',
      '04 info aave epoch_done epochId=7',
    ])
    expect(await shownOf(node, '--role', 'snapshotter', '--lines', '1')).toEqual(['04 info aave epoch_done epochId=7'])
    expect(await shownOf(node, '--role', 'node')).toHaveLength(1)
  })

  test('of one part they are its own', async () => {
    expect(await shownOf(join(node, 'aave'), '--role', 'aave')).toEqual(['01 info aave starting', '04 info aave epoch_done epochId=7'])
  })

  test('where nothing is of what was asked for that is said, and of whom there is something', async () => {
    const { out, err, exitCode } = await weft({}, 'logs', '--data-dir', node, '--role', 'nobody')
    expect([out, exitCode]).toEqual(['', 0])
    expect(err).toBe(`no line of this is kept in ${node}: there are those of aave, collector, node, snapshotter\n`)
    expect((await weft({}, 'logs', '--data-dir', node, '--level', 'error')).err).toBe(`no line of this is kept in ${node}\n`)
  })

  test('where none was kept that is said: somebody else has what was told', async () => {
    expect((await weft({}, 'logs', '--data-dir', join(node, 'logs'))).err).toContain('LOG_NOT_KEPT')
  })
})

test('a folder without logs is told of', async () => {
  expect((await weft({}, 'logs', '--data-dir', join(dataDir, 'nowhere'))).err).toContain('DATA_DIR_EMPTY')
})

test('a line of a node is of the part that it names; what the node tells of a part is a fact', () => {
  expect(lineIn('{"time":1,"role":"snapshotter","part":"aave","msg":"started"}')).toMatchObject({ part: 'aave', facts: {} })
  expect(lineIn('{"time":1,"role":"node","part":"aave","msg":"part_back"}')).toMatchObject({ part: 'node', facts: { part: 'aave' } })
})

test.each(['', 'null', '[]', '{}', '{"time":1,"role":"relay","msg":"constructor"}', '{"time":"1","role":"relay","msg":"started"}'])(
  '%j is no line of a role',
  (text) => {
    expect(lineIn(text)).toBeUndefined()
  },
)
