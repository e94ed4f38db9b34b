import { expect, test } from 'vitest'
import type { EpochId, ProjectId } from '#domain/ids.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { whyAbsent } from './absent.ts'
import type { ListedBatch } from './find-batch.ts'

const PROJECT = 'reserves:0xab01:TEST' as ProjectId
const BATCHES: Readonly<Record<string, readonly string[]>> = { one: ['reserves:0xab02:TEST', 'volume:0xab01:TEST'], two: ['price:x:TEST'] }

/** A chain whose newest epoch is 7, where epoch 4 was never released. */
function ask({
  newest = 7,
  first = 0,
  isOpen = false,
  epochId = 5,
  projectId = PROJECT,
}: {
  newest?: number
  first?: number
  isOpen?: boolean
  epochId?: number
  projectId?: ProjectId
} = {}) {
  const chain = {
    currentEpoch: async () => ({ epochId: newest, begin: 0, end: 0 }),
    projectFirstEpochId: async () => first,
    epochInfo: async (id: EpochId) => ({ timestamp: 0, contractNumber: id > newest || id === 4 ? 0 : 100 + id, end: 0 }),
  } as unknown as AnchorChain
  const listed = Object.values(BATCHES).map((projectIds) => ({ projectIds }) as unknown as ListedBatch)
  return whyAbsent({ projectId, epochId: epochId as EpochId }, { listed, isOpen }, chain)
}

test.each([
  ['before the first release', { newest: 0 }, 'no epoch is released yet'],
  ['of an epoch to come', { epochId: 9, first: 1 }, 'epoch 9 is not released yet, the newest is 7'],
  ['of an epoch that was left out', { epochId: 4, first: 1 }, 'epoch 4 was never released, the newest is 7'],
  ['of a project that came later', { first: 6 }, 'the project is known from epoch 6 on'],
  ['of a project that was missed', { first: 2 }, 'the project is known, and no batch of epoch 5 holds it'],
  ['that may still come', { first: 2, isOpen: true }, 'epoch 5 has not ended: batches of it may still come'],
  [
    'of a slip of the pen, or new',
    { isOpen: true },
    'epoch 5 has not ended: batches of it may still come; did you mean reserves:0xab02:TEST?',
  ],
  ['of a slip of the pen', {}, 'no epoch has the project; did you mean reserves:0xab02:TEST?'],
  ['of what nobody has', { projectId: 'elsewhere:OTHER' as ProjectId }, 'no epoch has the project.'],
])('a snapshot %s is missing for its own reason', async (_, about, why) => {
  expect(await ask(about)).toBe(why)
})
