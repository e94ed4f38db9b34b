import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { weft } from './cli.test-world.ts'

const PAIR = 'pair:0x0a:READ'
const point = (epochId: number) =>
  epochId > 3
    ? {
        projectId: PAIR,
        epochId,
        status: 'absent',
        reason: {
          code: 'epoch_not_released',
          message: '`newestEpochId` is the newest, `untilBlock` untold, alike `nearest`',
          newestEpochId: 3,
          nearest: [],
        },
      }
    : { projectId: PAIR, epochId, status: 'finalized', snapshotCid: 'bafk', text: `{"price":${epochId}}` }
const project = (projectId: string) => ({
  projectId,
  projectType: 'pair',
  namespace: 'READ',
  kind: 'single',
  firstEpochId: 1,
  lastEpochId: 3,
})
const epoch = { epochId: 3, begin: 30, end: 39, releasedBlock: 1, releasedAt: 1_700_000_000, status: 'finalized', batches: 1 }
const counts = { projects: 2, finalizedProjects: 2, submissions: 2, slots: 2, outvotedSlots: 0 }

/** An api, as far as these commands ask it. */
function answer(url: URL): unknown {
  const { pathname, searchParams } = url
  const one = /^\/v1\/projects\/[^/]+\/epochs\/(\d+)$/.exec(pathname)
  if (one !== null) return point(Number(one[1]))
  if (pathname.endsWith('/latest')) return point(3)
  if (pathname === '/v1/epochs') return { items: [{ ...epoch, ...counts }] }
  const ids = [PAIR, 'pair:0x0b:READ'].filter((id) => id.includes(searchParams.get('search') ?? ''))
  if (pathname === '/v1/projects')
    return searchParams.has('cursor') || ids.length < 2
      ? { items: ids.slice(-1).map(project) }
      : { items: ids.map(project).slice(0, Number(searchParams.get('limit')) > 100 ? 1 : 2), nextCursor: 'eA' }
  return { code: 'REQUEST_INVALID', message: 'there is no such route' }
}

let server: Server
let api: readonly [string, string]
beforeAll(async () => {
  server = createServer((request, response) => response.end(JSON.stringify(answer(new URL(request.url ?? '', 'http://api')))))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  api = ['--api', `http://127.0.0.1:${(server.address() as AddressInfo).port}`]
})
afterAll(() => void server.close())

describe('from an api', () => {
  test.each([['latest'], ['3']])('get %s prints the data, and their status beside them', async (epochs) => {
    const { out, err, exitCode } = await weft({}, 'get', PAIR, epochs, ...api)
    expect([out, err, exitCode]).toEqual(['{"price":3}\n', `${PAIR}, epoch 3: finalized\n`, 0])
  })

  test('a range is printed epoch by epoch, and one without data says why, with what the reason holds, and exits with 1', async () => {
    const { out, exitCode } = await weft({}, 'get', PAIR, '2..4', '--json', ...api)
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(rows.map(({ epochId, text, why }) => [epochId, text ?? why])).toEqual([
      [2, '{"price":2}'],
      [3, '{"price":3}'],
      [4, '3 is the newest, `untilBlock` untold, alike none'],
    ])
    expect(exitCode).toBe(1)
  })

  test('a part of an id is enough when no other project has it', async () => {
    expect((await weft({}, 'get', '0x0a', '1', ...api)).out).toBe('{"price":1}\n')
    expect((await weft({}, 'get', '0x0', '1', ...api)).err).toContain('PROJECT_AMBIGUOUS')
    expect((await weft({}, 'get', 'none', '1', ...api)).err).toContain('PROJECT_UNKNOWN (projectId: none)')
  })

  test.each([['9..2'], ['1..1001'], ['x'], ['1..2..3']])('%s names no epochs', async (epochs) => {
    const { err, exitCode } = await weft({}, 'get', PAIR, epochs, ...api)
    expect(exitCode).not.toBe(0)
    expect(err).toMatch(/SETTINGS_INVALID|ID_MALFORMED/)
  })

  test('projects are listed, page by page', async () => {
    expect((await weft({}, 'projects', ...api)).out).toBe(`${PAIR}\npair:0x0b:READ\n`)
    expect(JSON.parse((await weft({}, 'projects', '0x0b', '--json', ...api)).out)).toEqual({ projects: ['pair:0x0b:READ'] })
    expect(await weft({}, 'projects', 'none', ...api)).toMatchObject({ exitCode: 1, err: 'no project has this in its id\n' })
  })

  test('epochs are listed', async () => {
    const { out } = await weft({}, 'released', ...api)
    expect(out).toMatch(/^ +3 {2}2023-11-14T22:13:20.000Z {2}to block 39 +1 batch +finalized\n$/)
  })

  test('an api that says something else is told of', async () => {
    const { err, exitCode } = await weft({}, 'projects', '--api', `${api[1]}/elsewhere`)
    expect(exitCode).not.toBe(0)
    expect(err).toMatch(/LINK_FAILED .*there is no such route/)
  })
})
