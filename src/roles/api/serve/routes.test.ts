import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, EpochId, ContractNumber } from '#domain/ids.ts'
import { numberOf, project } from '#io/database/chain.test-world.ts'
import { API, type ApiRoute, type Point } from '#wire/api.ts'
import { decodeCursor, encodeCursor } from '#wire/cursor.ts'
import { multiAggregateProjectId } from '#wire/project-id.ts'
import { A, B, contentOf, firstEpoch, openWorld, served, TEXTS, told, type World } from './serve.test-world.ts'

let world: World
let server: Awaited<ReturnType<typeof served>>
beforeAll(async () => {
  world = await told()
  server = await served(world)
})
afterAll(async () => {
  await server.stop()
  await world.index.close()
  expect(server.told).toEqual([])
})

/** The answer, which has the form that the table says. */
async function ask<Value = never>(name: ApiRoute, path: string, status = 200): Promise<Value> {
  const response = await server.get(path)
  const body: unknown = await response.json()
  expect([path, response.status, body]).toEqual([path, status, expect.anything()])
  const parsed = API[name].output.safeParse(body)
  expect(parsed.error?.issues ?? []).toEqual([])
  return body as Value
}
const refusal = async (path: string) => {
  const response = await server.get(path)
  return [response.status, await response.json()]
}
const at = (projectId: string, more: string) => `/v1/projects/${encodeURIComponent(projectId)}/${more}`
type List<Item> = { readonly items: readonly Item[]; readonly nextCursor?: string }

describe('data points', () => {
  test('A9: one that is final comes with its snapshot, digit for digit, its status, votes and times', async () => {
    const response = await server.get(at(A, 'epochs/1'))
    const text = await response.text()
    expect(text).toContain(`"data":${TEXTS.a1}`)
    expect(await ask('point', at(A, 'epochs/1'))).toMatchObject({
      projectId: A,
      epochId: 1,
      status: 'finalized',
      begin: 10,
      end: 19,
      snapshotCid: world.cids.a1,
      votes: { winning: 2, total: 3 },
    })
    expect([response.headers.get('x-snapshot-status'), response.headers.get('x-snapshot-cid')]).toEqual(['finalized', world.cids.a1])
  })

  test('what Python writes and JSON has not is null, and only there', async () => {
    const { data, text } = await ask<Point>('point', at(B, 'epochs/1?text=true'))
    expect([data, text]).toEqual([{ name: 'b, "quoted"', value: null }, TEXTS.b1])
  })

  test('of a range come those there are, ascending, with values or without', async () => {
    expect((await ask<List<Point>>('points', at(A, 'epochs'))).items.map(({ epochId, status, data }) => [epochId, status, data])).toEqual([
      [1, 'finalized', expect.anything()],
      [2, 'pending', { value: 2 }],
    ])
    const bare = await ask<List<Point>>('points', at(A, 'epochs?data=false&to=1'))
    expect(bare.items.map(({ epochId, data }) => [epochId, data])).toEqual([[1, undefined]])
    expect((await ask<List<Point>>('points', at(A, 'epochs?last=1'))).items.map(({ epochId }) => epochId)).toEqual([2])
    expect((await ask<List<Point>>('points', at('none:0x:ns', 'epochs'))).items).toEqual([])
  })

  test('a page says where the next begins, and the next keeps to the range', async () => {
    const first = await ask<List<Point>>('points', at(A, 'epochs?last=2&limit=1'))
    expect([first.items.map(({ epochId }) => epochId), first.nextCursor]).toEqual([[1], expect.any(String)])
    const second = await ask<List<Point>>('points', at(A, `epochs?limit=1&cursor=${first.nextCursor}`))
    expect([second.items.map(({ epochId }) => epochId), second.nextCursor]).toEqual([[2], undefined])
  })

  test('the newest is the newest final one, or any that is on chain', async () => {
    expect(await ask<Point>('latest', at(A, 'latest'))).toMatchObject({ epochId: 1, status: 'finalized' })
    expect(await ask<Point>('latest', at(A, 'latest?status=any'))).toMatchObject({ epochId: 2, status: 'pending' })
  })
})

describe('A10: what is not there is told with why', () => {
  test.each([
    [
      'an unknown project, with those spelled alike',
      'reserves:0xab:ns',
      1,
      { code: 'project_unknown', nearest: expect.arrayContaining([A, B]) },
    ],
    ['an epoch to come', A, 9, { code: 'epoch_not_released', newestEpochId: 5 }],
    ['an epoch that was left out', A, 4, { code: 'epoch_skipped' }],
    ['an epoch whose batches may still come', A, 5, { code: 'epoch_open', untilBlock: expect.any(Number) }],
    ['a project that is in none of its batches', B, 2, { code: 'not_batched' }],
  ])('%s', async (_what, projectId, epochId, reason) => {
    const point = await ask<Point>('point', at(projectId, `epochs/${epochId}`), 404)
    expect(point).toMatchObject({ projectId, epochId, status: 'absent', reason })
    expect(point.reason?.message).not.toBe('')
  })

  test('an epoch of which the sequencer never says that it is done is over with its window', async () => {
    const own = await told()
    const one = await served(own)
    const read = async (path: string) => (await one.get(path)).json()
    expect(await read('/v1/epochs/5')).toMatchObject({ status: 'open' })
    for (let blocks = 0; blocks < 4; blocks += 1) await own.index.apply([own.chain.block()])
    await own.clock.advance(2_000)
    expect(await read('/v1/epochs/5')).toMatchObject({ status: 'open' })
    await own.index.apply([own.chain.block()])
    await own.clock.advance(2_000)
    expect(await read('/v1/epochs/5')).toMatchObject({ status: 'empty' })
    const items = ['empty', 'empty', 'pending', 'finalized'].map((status) => ({ status }))
    expect(await read('/v1/epochs')).toMatchObject({ items })
    expect(await read(at(A, 'epochs/5'))).toMatchObject({ status: 'absent', reason: { code: 'not_batched' } })
    await one.stop()
  })

  test('what is known only later, not final, not read, or beyond the index is told as such', async () => {
    const own = await openWorld()
    const { index, chain } = own
    const later = project('0xcc')
    await firstEpoch(own)
    await index.apply([chain.block(['EpochReleased', 2], ['SnapshotBatchSubmitted', 2, 'batch2'], ['BatchSubmissionsCompleted', 2])])
    await index.putBatch(await numberOf(index, 'batch2'), contentOf([[later, own.cids.a2]]))
    await index.apply([chain.block(['EpochReleased', 3], ['SnapshotBatchSubmitted', 3, 'batch3'], ['BatchSubmissionsCompleted', 3])])
    const epochInfo = async () => ({ timestamp: 0, contractNumber: 500 as ContractNumber, end: 0 as BlockNumber })
    const currentEpoch = async () => ({ epochId: 3 as EpochId, begin: 0 as BlockNumber, end: 0 as BlockNumber })
    const one = await served({ deps: { ...own.deps, chain: { ...own.deps.chain, epochInfo, currentEpoch } } })
    const reason = async (path: string) => ((await (await one.get(path)).json()) as Point).reason
    expect(await reason(at(later, 'epochs/1'))).toMatchObject({ code: 'project_later', firstEpochId: 2 })
    expect(await reason(at(later, 'latest'))).toMatchObject({ code: 'not_final', firstEpochId: 2 })
    expect(await reason(at(A, 'epochs/3'))).toMatchObject({ code: 'not_read' })
    expect(await reason(at(A, 'epochs/4'))).toMatchObject({ code: 'not_indexed', indexedBlock: chain.head?.number })
    expect(await reason(at(later, 'epochs/2'))).toMatchObject({ code: 'unavailable' })
    await one.stop()
  })

  test('an epoch that is older than what is kept was not skipped, and is not to come', async () => {
    const own = await told()
    await own.index.forgetBefore(2 as EpochId, 10)
    const released = { timestamp: 0, contractNumber: 7 as ContractNumber, end: 0 as BlockNumber }
    const dead = () => Promise.reject(new WeftError('CHAIN_UNREACHABLE', { detail: 'dead' } as never))
    for (const epochInfo of [async () => released, dead]) {
      const one = await served({ deps: { ...own.deps, chain: { ...own.deps.chain, epochInfo } } })
      expect(await (await one.get(at(A, 'epochs/1'))).json()).toMatchObject({ reason: { code: 'epoch_forgotten', oldestEpochId: 2 } })
      await one.stop()
    }
  })

  test('of an index that lacks epochs nobody knows what is in them: the latest is not unknown, nor not final', async () => {
    const own = await openWorld()
    const { index, chain, cids } = own
    await index.apply([chain.block(['EpochReleased', 1], ['SnapshotBatchSubmitted', 1, 'batch1'], ['BatchSubmissionsCompleted', 1])])
    await index.putBatch(await numberOf(index, 'batch1'), contentOf([[A, cids.a1]]))
    const dead = () => Promise.reject(new WeftError('CHAIN_UNREACHABLE', { detail: 'dead' } as never))
    const reasons = async (currentEpoch: World['deps']['chain']['currentEpoch']) => {
      const one = await served({ deps: { ...own.deps, chain: { ...own.deps.chain, currentEpoch } } })
      const latest = async (projectId: string) => ((await (await one.get(at(projectId, 'latest'))).json()) as Point).reason
      const told = [await latest('reserves:0xab:ns'), await latest(A)]
      await one.stop()
      return told
    }
    const newest = (epochId: number) => async () => ({ epochId: epochId as EpochId, begin: 0 as BlockNumber, end: 0 as BlockNumber })
    const behind = { code: 'not_indexed', indexedBlock: chain.head?.number }
    expect(await reasons(newest(2))).toMatchObject([{ ...behind, nearest: [A] }, behind])
    // Without an answer the index says what it knows.
    for (const known of [newest(1), dead])
      expect(await reasons(known)).toMatchObject([{ code: 'project_unknown', nearest: [A] }, { code: 'not_final' }])
  })

  test('nothing that is final, nothing at all', async () => {
    expect(await ask<Point>('latest', at('none:0x:ns', 'latest'), 404)).toMatchObject({
      status: 'absent',
      reason: { code: 'project_unknown' },
    })
  })
})

describe('what caches may do', () => {
  test('A8: the tag begins with the CID: who has it gets nothing twice', async () => {
    const first = await server.get(at(A, 'epochs/1'))
    const tag = first.headers.get('etag') ?? ''
    expect(tag).toMatch(new RegExp(`^W/"${world.cids.a1}\\.[0-9a-f]{16}"$`))
    const again = await server.get(at(A, 'epochs/1'), { headers: { 'if-none-match': tag } })
    expect([again.status, await again.text()]).toEqual([304, ''])
  })

  test('A8: whatever else is told of a snapshot is in its tag: a status, a vote, another epoch with the same bytes', async () => {
    const own = await told()
    const one = await served(own)
    const unless = async (path: string, tag = '') => {
      const { status, headers } = await one.get(at(A, path), { headers: { 'if-none-match': tag } })
      return { status, tag: headers.get('etag') ?? '' }
    }
    const pending = await unless('epochs/2')
    const latest = await unless('latest')
    await own.index.putBatch(await numberOf(own.index, 'batch2'), contentOf([[A, own.cids.a1]]))
    await own.index.apply([own.chain.block(['SnapshotBatchFinalized', 2, 'batch2'])])
    expect((await unless('latest', latest.tag)).status).toBe(200)
    await own.index.putBatch(await numberOf(own.index, 'batch2'), contentOf([[A, own.cids.a2]]))
    const final = await unless('epochs/2', pending.tag)
    expect(final.status).toBe(200)
    const votes = { winning: 3, total: 3 }
    const entries = [{ projectId: A, snapshotCid: own.cids.a2, votes }]
    await own.index.putBatch(await numberOf(own.index, 'batch2'), contentOf([[A, own.cids.a2]], { entries }))
    expect((await unless('epochs/2', final.tag)).status).toBe(200)
    await one.stop()
  })

  test('A8: what is final and lies deep enough may be kept for ever; nothing else may', async () => {
    const own = await told()
    const one = await served(own)
    const cacheControl = async (path: string) => (await one.get(path)).headers.get('cache-control')
    expect(await cacheControl(at(A, 'epochs/1'))).toBe('public, max-age=1, must-revalidate')
    for (let blocks = 0; blocks < 130; blocks += 1) await own.index.apply([own.chain.block()])
    await own.index.apply([own.chain.block(['EpochReleased', 6])])
    await own.clock.advance(2_000)
    expect(await cacheControl(at(A, 'epochs/1'))).toBe('public, max-age=31536000, immutable')
    expect(await cacheControl(at(A, 'latest'))).toBe('public, max-age=1, must-revalidate')
    expect(await cacheControl(at(A, 'epochs/2'))).toBe('public, max-age=1, must-revalidate')
    expect(await cacheControl(at(A, 'epochs'))).toBe('no-store')
    await one.stop()
  })
})

describe('a series', () => {
  const values = async (path: string) =>
    (await ask<List<{ value: unknown }>>('series', at(A, `series?path=${path}`))).items.map(({ value }) => value)
  test('A9: has a field of each epoch: large integers as text, the last block of a map, null where there is none', async () => {
    expect(await values('value')).toEqual([1, 2])
    expect(await values('reserves.*')).toEqual([2.5, null])
    expect(await values('big')).toEqual(['123456789012345678901234567890', null])
    expect(await values('constructor')).toEqual([null, null])
  })

  test('as CSV goes into a spreadsheet', async () => {
    const response = await server.get(at(B, 'series?path=name&format=csv'))
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(await response.text()).toBe('epochId,at,block,status,value\r\n1,1000,19,finalized,"b, ""quoted"""\r\n')
    const { headers } = await server.get(at(A, 'series?path=value&format=csv&limit=1'))
    expect(headers.get('x-next-cursor')).not.toBeNull()
    // A page of another origin may read it, too.
    expect(headers.get('access-control-expose-headers')).toContain('x-next-cursor')
  })

  test.each(['a..b', '.', `${'a.'.repeat(30)}a`])('a path that is none: %s', async (path) => {
    expect(await refusal(at(A, `series?path=${path}`))).toMatchObject([
      400,
      { code: 'REQUEST_INVALID', problems: [expect.stringMatching(/^path: /)] },
    ])
  })
})

describe('projects', () => {
  test('are found by a part of the id, by type and source in any case; a page goes on', async () => {
    const ids = async (query: string) =>
      (await ask<List<{ projectId: string }>>('projects', `/v1/projects?${query}`)).items.map((each) => each.projectId)
    expect(await ids('')).toEqual([A, B])
    expect(await ids('search=0XB')).toEqual([B])
    expect(await ids('type=Reserves&source=0XAA')).toEqual([A])
    const first = await ask<List<unknown>>('projects', '/v1/projects?limit=1')
    expect(await ids(`limit=1&cursor=${first.nextCursor}`)).toEqual([B])
  })

  test('one is told with its kind; another is unknown, with those spelled alike', async () => {
    expect(await ask('project', `/v1/projects/${A}`)).toEqual({
      projectId: A,
      projectType: 'reserves',
      dataSource: '0xaa',
      namespace: 'ns',
      kind: 'snapshot',
      description: 'What a pair holds.',
      schema: expect.objectContaining({ type: 'object', properties: { value: { type: 'integer' } } }),
      firstEpochId: 1,
      lastEpochId: 2,
      lastFinalizedEpochId: 1,
    })
    expect(await refusal('/v1/projects/reserves:0xac:ns')).toMatchObject([
      404,
      { code: 'PROJECT_UNKNOWN', message: expect.stringContaining(A) },
    ])
  })
})

test('what an aggregate is made from, one step down', async () => {
  const own = await told()
  const { sourcesOf } = await import('./lore.ts')
  const computes = (await own.deps.computes()) ?? expect.fail('computes are known')
  const day = (source: string) => `day:${source}:ns` as typeof A
  expect(sourcesOf(day('0xaa'), computes)).toEqual([A])
  expect(
    sourcesOf(multiAggregateProjectId({ type: 'top', baseProjectIds: [day('0xaa'), day('0xbb')], namespace: 'ns' }), computes),
  ).toEqual([day('0xaa'), day('0xbb')])
  expect([sourcesOf(A, computes), sourcesOf(day('0xcc'), computes)]).toEqual([[], []])
  expect(await ask('sources', at(A, 'epochs/1/sources'))).toEqual({ projectId: A, epochId: 1, sources: [] })
})

describe('epochs, batches and votes', () => {
  test('epochs come newest first; one with its batches', async () => {
    expect((await ask<List<{ epochId: number }>>('epochs', '/v1/epochs')).items.map(({ epochId }) => epochId)).toEqual([5, 3, 2, 1])
    const first = await ask<List<{ epochId: number }>>('epochs', '/v1/epochs?limit=2')
    expect(
      (await ask<List<{ epochId: number }>>('epochs', `/v1/epochs?cursor=${first.nextCursor}`)).items.map(({ epochId }) => epochId),
    ).toEqual([2, 1])
    expect(await ask('epoch', '/v1/epochs/1')).toMatchObject({
      status: 'finalized',
      batchList: [{ batchCid: 'bafybatch1', status: 'finalized' }],
    })
    expect(await refusal('/v1/epochs/4')).toMatchObject([404, { code: 'EPOCH_UNKNOWN' }])
  })

  test('points of an epoch come by project, with values when asked', async () => {
    const bare = await ask<List<Point>>('epochPoints', '/v1/epochs/1/projects')
    expect(bare.items.map(({ projectId, data }) => [projectId, data])).toEqual([
      [A, undefined],
      [B, undefined],
    ])
    const page = await ask<List<Point>>('epochPoints', '/v1/epochs/1/projects?data=true&limit=1')
    expect(page.items[0]?.data).toMatchObject({ value: 1 })
    expect((await ask<List<Point>>('epochPoints', `/v1/epochs/1/projects?limit=1&cursor=${page.nextCursor}`)).items[0]?.projectId).toBe(B)
  })

  test('who voted for what stands in the batch file, in pages', async () => {
    const slots = (votes: List<{ slotId: number; isWinning: boolean }>) => votes.items.map(({ slotId, isWinning }) => [slotId, isWinning])
    expect(slots(await ask('votes', at(B, 'epochs/1/votes')))).toEqual([
      [1, true],
      [2, true],
      [3, false],
    ])
    const first = await ask<List<never>>('votes', at(B, 'epochs/1/votes?limit=2'))
    expect(slots(await ask('votes', at(B, `epochs/1/votes?limit=2&cursor=${first.nextCursor}`)))).toEqual([[3, false]])
    expect(slots(await ask('epochOutvoted', '/v1/epochs/1/outvoted'))).toEqual([
      [3, false],
      [3, false],
    ])
    const lost = await ask<List<{ projectId: string }>>('epochOutvoted', '/v1/epochs/1/outvoted?limit=1')
    // A place in the epoch's batches, which every index has alike: whoever asks another one goes on there.
    expect([lost.items[0]?.projectId, decodeCursor(lost.nextCursor ?? '')]).toEqual([A, '0.2'])
    expect(
      (await ask<List<{ projectId: string }>>('epochOutvoted', `/v1/epochs/1/outvoted?cursor=${lost.nextCursor}`)).items,
    ).toMatchObject([{ projectId: B }])
    const submissions = await ask<List<{ signature: string }>>('batchSubmissions', '/v1/batches/bafybatch1/submissions?limit=4')
    expect([submissions.items.length, submissions.items[0]?.signature.length]).toEqual([4, 130])
    expect(
      (await ask<List<unknown>>('batchSubmissions', `/v1/batches/bafybatch1/submissions?cursor=${submissions.nextCursor}`)).items,
    ).toHaveLength(2)
    expect(await ask('votes', at('none:0x:ns', 'epochs/1/votes'))).toEqual({ items: [] })
  })

  test('a batch is told, or unknown; one whose file nobody serves says so', async () => {
    expect(await ask('batch', '/v1/batches/bafybatch1')).toMatchObject({ epochId: 1, index: 0, file: 'read' })
    expect(await refusal('/v1/batches/bafynone')).toMatchObject([404, { code: 'BATCH_UNKNOWN' }])
    expect(await refusal(at(A, 'epochs/2/votes'))).toMatchObject([503, { code: 'IPFS_NOT_FOUND' }])
  })
})

describe('A11: a cursor that nobody was given is no cursor, or one behind the end:', () => {
  const places = [
    '',
    '-1',
    '1e9',
    '0x10',
    ' 1',
    '1.',
    '.1',
    '1.2.3',
    '9'.repeat(15),
    '9'.repeat(16),
    "' OR 1=1 --",
    '%',
    '\0',
    '😀',
    'x'.repeat(380),
  ]
  const paths = [
    '/v1/projects',
    `/v1/projects/${A}/epochs`,
    `/v1/projects/${A}/series?path=value`,
    `/v1/projects/${A}/epochs/1/votes`,
    '/v1/epochs',
    '/v1/epochs/1/projects',
    '/v1/epochs/1/outvoted',
    '/v1/batches/bafybatch1/submissions',
    '/v1/slots',
    '/v1/slots/1/epochs',
  ]
  test.each(paths)('%s', async (path) => {
    for (const cursor of [...places.map(encodeCursor), '*', '=', 'A', 'x'.repeat(1_500), '..%2f']) {
      const response = await server.get(`${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`)
      const body = (await response.json()) as { items?: unknown; code?: unknown }
      expect([200, 400], cursor).toContain(response.status)
      // Projects go by name, all else by numbers.
      if (!/projects$/.test(path) && cursor !== encodeCursor('9'.repeat(15))) expect(response.status, cursor).toBe(400)
      expect(body, cursor).toMatchObject(response.status === 200 ? { items: expect.any(Array) } : { code: 'REQUEST_INVALID' })
    }
  })
})

describe('the network', () => {
  test('status and market', async () => {
    expect(await ask('status', '/v1/status')).toMatchObject({ newestEpochId: 5, projects: 2, points: 3, head: expect.any(Number) })
    expect(await ask('market', '/v1/market')).toMatchObject({ manifestCid: 'manifest', epochSize: 10 })
  })

  test('a manifest, which never changes under its CID, is fetched until it is there, and not again', async () => {
    const asked: string[] = []
    const answers: (Uint8Array | undefined)[] = [undefined, new TextEncoder().encode('{"form":1}')]
    const ipfs: World['deps']['ipfs'] = {
      async get(cid) {
        asked.push(cid)
        const bytes = answers.shift()
        if (bytes === undefined) throw new WeftError('IPFS_NOT_FOUND', { cid, waitedMs: 0 })
        return bytes
      },
    }
    const own = await served({ deps: { ...world.deps, ipfs } })
    const manifests: unknown[] = []
    for (let round = 0; round < 4; round += 1) {
      manifests.push(((await (await own.get('/v1/market')).json()) as { manifest?: unknown }).manifest)
      await world.clock.advance(5_000)
    }
    expect(manifests).toEqual([undefined, { form: 1 }, { form: 1 }, { form: 1 }])
    expect(asked).toEqual(['manifest', 'manifest'])
    await own.stop()
  })

  test('slots: what became of their votes', async () => {
    expect((await ask<List<{ slotId: number }>>('slots', '/v1/slots')).items.map(({ slotId }) => slotId)).toEqual([1, 2, 3])
    const first = await ask<List<unknown>>('slots', '/v1/slots?limit=2')
    expect(
      (await ask<List<{ slotId: number }>>('slots', `/v1/slots?cursor=${first.nextCursor}`)).items.map(({ slotId }) => slotId),
    ).toEqual([3])
    expect(await ask('slot', '/v1/slots/3')).toMatchObject({ isActive: false, day: { submissions: 7, quota: 10 } })
    expect(await ask<List<{ outvoted: string[] }>>('slotEpochs', '/v1/slots/3/epochs')).toMatchObject({
      items: [{ epochId: 2 }, { epochId: 1, outvoted: [A, B] }],
    })
    expect(await refusal('/v1/slots/99')).toMatchObject([404, { code: 'SLOT_UNKNOWN' }])
  })

  test('validators', async () => {
    expect(await ask('validators', '/v1/validators')).toMatchObject({ items: [{ attested: 1 }] })
  })

  test('what sequencers refused', async () => {
    expect(await ask('refusals', '/v1/refusals')).toEqual({
      sequencers: 1,
      answered: 1,
      items: [{ epochId: 1, accepted: 6, refused: [{ code: 'window_closed', count: 2, help: expect.any(String) }] }],
    })
  })
})

describe('a proof', () => {
  test('is made of what is final; what is not says so', async () => {
    expect(await ask('proof', `/v1/proofs/${A}/1`)).toEqual({ proofOf: [A, 1] })
    expect(await refusal(`/v1/proofs/${A}/2`)).toMatchObject([404, { code: 'NOT_FINAL' }])
    expect(await refusal(`/v1/proofs/${A}/9`)).toMatchObject([404, { status: 'absent', reason: { code: 'epoch_not_released' } }])
  })
})

describe('faults outside', () => {
  test('a disk that is broken is told to the log, not to the asker', async () => {
    const broken = {
      ...world.index,
      points: () => Promise.reject(new WeftError('STORE_FAILED', { path: '/home/somebody', doing: 'reading' })),
    }
    const one = await served({ deps: { ...world.deps, index: broken } })
    const response = await one.get(at(A, 'epochs/1'))
    expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining('somebody')])
    expect(one.told).toMatchObject([['http_failed', { detail: expect.stringContaining('STORE_FAILED') }]])
    await one.stop()
  })

  test('a dead RPC takes away only what the chain alone knows', async () => {
    const dead = () => Promise.reject(new WeftError('CHAIN_UNREACHABLE', { detail: 'dead' } as never))
    const chain = { ...world.deps.chain, head: dead, epochInfo: dead, market: dead, slotDay: dead }
    const one = await served({ deps: { ...world.deps, chain } })
    const statuses = await Promise.all(
      ['/v1/status', at(A, 'epochs/1'), at(A, 'epochs/5'), at(A, 'epochs/9'), '/v1/slots/1', '/v1/market'].map(
        async (path) => (await one.get(path)).status,
      ),
    )
    expect(statuses).toEqual([200, 200, 404, 404, 200, 503])
    expect(await (await one.get(at(A, 'epochs/5'))).json()).toMatchObject({ status: 'absent', reason: { code: 'epoch_open' } })
    await one.stop()
  })
})
