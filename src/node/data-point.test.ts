import { describe, expect, test } from 'vitest'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { ReadFile } from '#roles/consumer/find-batch.ts'
import { matching, meantPoint } from './data-point.ts'

const A = 'reserves:0xab01:TEST'
const B = 'reserves:0xab02:TEST'
const C = 'volume:0xab01:TEST'
/** By epoch; the newest is pending. Any text may be on chain. */
const BATCHES: Readonly<Record<number, readonly string[]>> = { 5: [A, B, C, 'no project\u001b[2J'], 6: [A, C], 7: [A] }

function chainOf({
  newest = 8,
  asked = [],
  ended = 8,
  head = newest,
}: {
  newest?: number
  asked?: number[]
  ended?: number
  head?: number
} = {}): AnchorChain {
  const isIn = (projectId: string, epochId: number) => BATCHES[epochId]?.includes(projectId) === true
  return {
    currentEpoch: async () => ({ epochId: newest, begin: 0, end: 0 }),
    projectFirstEpochId: async (projectId: string) => ([A, B, C].includes(projectId) ? 5 : 0),
    isEpochEnded: async (epochId: number) => epochId <= ended,
    epochInfo: async (epochId: number) => ({ contractNumber: epochId }),
    head: async () => ({ contractNumber: head }),
    market: async () => ({ batchWindowBlocks: 10 }),
    batchCids: async (epochId: number) => (epochId in BATCHES ? ['batch'] : []),
    batch: async (epochId: number) => ({ batchCid: 'batch', projectIds: BATCHES[epochId] }),
    async snapshotStatus(projectId: string, epochId: number) {
      asked.push(epochId)
      return { status: isIn(projectId, epochId) ? (epochId === 7 ? 'pending' : 'finalized') : 'absent', snapshotCid: '' }
    },
  } as unknown as AnchorChain
}
const readFile: ReadFile = async (batchCid) => `nobody has ${batchCid}`
const ask = (project: string, epoch: number | 'latest', chain = chainOf()) =>
  meantPoint({ project, epoch: epoch as EpochId }, chain, readFile)

describe('a data point as a person names it', () => {
  test.each([
    ['its id', A, 5, A],
    ['its id, whatever else begins with it', 'volume:0xab01:TEST', 6, C],
    ['a part that no other has, in any case', '0xAB02', 5, B],
    ['a beginning, though others hold it too', 'vol', 5, C],
  ])('by %s', async (_, project, epoch, projectId) => {
    expect(await ask(project, epoch)).toEqual({ projectId, epochId: epoch })
  })

  test('latest is the newest epoch in which the project is final', async () => {
    expect(await ask(A, 'latest')).toEqual({ projectId: A, epochId: 6 })
    expect(await ask('0xab02', 'latest')).toEqual({ projectId: B, epochId: 5 })
  })

  test('latest is looked for as far back as the project goes, and it is told from where on', async () => {
    const [asked, told]: [number[], number[]] = [[], []]
    const latest = meantPoint({ project: A, epoch: 'latest' }, chainOf({ newest: 160, asked }), readFile, (from) => told.push(from))
    expect(await latest).toEqual({ projectId: A, epochId: 6 })
    expect(told).toEqual([110, 60, 10])
    expect(Math.min(...asked)).toBe(5)
  })

  test('latest of what ended too long ago asks a limited number of times, and says what to do', async () => {
    const asked: number[] = []
    await expect(ask(A, 'latest', chainOf({ newest: 6_000, asked }))).rejects.toMatchObject({
      facts: { problems: [`latest: ${A} is in none of the epochs 1001 to 6000. Its first is 5: name an epoch`] },
    })
    expect(asked).toHaveLength(5_000)
  })

  test('latest of what is final nowhere is the newest epoch', async () => {
    expect(await ask('elsewhere:TEST', 'latest')).toEqual({ projectId: 'elsewhere:TEST', epochId: 8 })
  })

  test('an epoch that has not ended is looked at last: projects of it may be still to come', async () => {
    await expect(ask('0xab01', 'latest', chainOf({ ended: 6 }))).rejects.toMatchObject({ facts: { projects: `${A}, ${C}` } })
    expect(await ask('0xab01', 'latest', chainOf({ ended: 0 }))).toEqual({ projectId: A, epochId: 6 })
  })

  test('in an epoch that has not ended it is looked for as the epochs before it have it', async () => {
    await expect(ask('0xab01', 7, chainOf({ ended: 6 }))).rejects.toMatchObject({ facts: { projects: `${A}, ${C}` } })
    expect(await ask('0xab02', 7, chainOf({ ended: 5 }))).toEqual({ projectId: B, epochId: 7 })
  })

  test('an epoch that nobody declares ended is over with its window: what it has is all there', async () => {
    await expect(ask('0xab01', 7, chainOf({ ended: 0, head: 17 }))).rejects.toMatchObject({ facts: { projects: `${A}, ${C}` } })
    expect(await ask('0xab01', 7, chainOf({ ended: 0, head: 18 }))).toEqual({ projectId: A, epochId: 7 })
  })

  test.each([
    ['to come', 9],
    ['that never was', 0],
  ])('in an epoch %s it is looked for in those that are', async (_, epoch) => {
    expect(await ask('0xab02', epoch)).toEqual({ projectId: B, epochId: epoch })
    expect(await ask('elsewhere:TEST', epoch)).toEqual({ projectId: 'elsewhere:TEST', epochId: epoch })
  })

  test('in an epoch that it has missed it is looked for in those before', async () => {
    expect(await ask('0xab02', 7)).toEqual({ projectId: B, epochId: 7 })
    await expect(ask('0xab02', 4)).rejects.toMatchObject({ code: 'PROJECT_UNKNOWN' })
  })

  test('where batch files must be read for it, those of ten epochs are', async () => {
    const read: unknown[] = []
    const byRoots = { ...chainOf({ newest: 40 }), batchCids: async (epochId: number) => [`batch ${epochId}`] } as unknown as AnchorChain
    const chain = {
      ...byRoots,
      batch: async (_: number, batchCid: string) => ({ batchCid, isFinalized: true, projectsRootHash: '0x' }),
    } as unknown as AnchorChain
    const reading: ReadFile = async ({ batchCid }) => {
      read.push(batchCid)
      return `nobody has ${batchCid}`
    }
    await expect(meantPoint({ project: 'nobody', epoch: 40 as EpochId }, chain, reading)).rejects.toMatchObject({ code: 'PROJECT_UNKNOWN' })
    expect(read).toHaveLength(10)
  })

  test('what several have is ambiguous, and they are named', async () => {
    await expect(ask('0xab01', 5)).rejects.toMatchObject({ code: 'PROJECT_AMBIGUOUS', facts: { projects: `${A}, ${C}` } })
  })

  test.each(['', 'nobody', 'no project', '\u001b'])('%j is no project, whatever is on chain', async (text) => {
    await expect(ask(text, 6)).rejects.toMatchObject({ code: expect.stringMatching(/PROJECT_UNKNOWN|PROJECT_AMBIGUOUS/) })
  })

  test('before the first release nothing is looked through', async () => {
    expect(await ask('elsewhere:TEST', 'latest', chainOf({ newest: 0 }))).toEqual({ projectId: 'elsewhere:TEST', epochId: 0 })
  })
})

test.each([
  ['that begins with it, rather than that holds it', 'vol', [C]],
  ['that holds it', '0xab02', [B]],
  ['that is it, in whatever case', A.toUpperCase(), [A]],
  ['of a source, whose id goes on', 'reserves:0xab', [A, B]],
  ['of one, cut in the midst of its namespace', 'reserves:0xab01:TES', [A]],
  ['of none, where a longer type ends as that of a whole id', 'ume:0xab01:TEST', []],
  ['of a namespace', 'test', [A, B, C]],
] as const)('a text means the projects %s', (_, text, projects) => {
  expect(matching(text, [A, B, C] as ProjectId[])).toEqual(projects)
})
