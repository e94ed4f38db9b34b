import { describe, expect, test } from 'vitest'
import type { ProjectId, SlotId } from '#domain/ids.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { createPredecessors } from './predecessors.ts'

const slots = (...slotIds: number[]) => new Set(slotIds as SlotId[])
const traces = (...submissionIds: string[]) => ({
  submissionIds,
  projectIds: new Set(submissionIds.map((id) => `${id}:N` as ProjectId)),
  voters: slots(),
})
const breathe = () => Promise.resolve()

describe('the batches before', () => {
  test('are continued in the order of the chain', async () => {
    const predecessors = createPredecessors()
    expect(await predecessors.continuedRoot(0, ['a', 'b'], breathe)).toBe(publishedRoot(['a', 'b']))
    predecessors.add(0, traces('a', 'b'))
    expect(await predecessors.continuedRoot(1, ['c'], breathe)).toBe(publishedRoot(['a', 'b', 'c']))
    predecessors.add(1, traces('c'))
    // Asked again, as after a reorganisation that brings back the same batch.
    expect(await predecessors.continuedRoot(1, ['c'], breathe)).toBe(publishedRoot(['a', 'b', 'c']))
    expect(await predecessors.continuedRoot(2, ['d'], breathe)).toBe(publishedRoot(['a', 'b', 'c', 'd']))
    expect([predecessors.hasProject(1, 'a:N' as ProjectId), predecessors.hasProject(1, 'c:N' as ProjectId)]).toEqual([true, false])
  })

  test('count for their projects whatever lies between', async () => {
    const predecessors = createPredecessors()
    predecessors.add(0, traces('a'))
    predecessors.add(1, undefined)
    predecessors.add(2, traces('c'))
    expect(['a:N', 'c:N', 'x:N'].map((id) => predecessors.hasProject(3, id as ProjectId))).toEqual([true, true, false])
    expect(predecessors.hasProject(0, 'a:N' as ProjectId)).toBe(false)
  })

  test('count for their voters, each slot once, whatever lies between', async () => {
    const predecessors = createPredecessors()
    predecessors.add(0, { ...traces('a'), voters: slots(1, 2) })
    predecessors.add(1, undefined)
    predecessors.add(2, { ...traces('c'), voters: slots(2, 3) })
    expect(predecessors.votersWith(3, slots(3, 4)).size).toBe(4)
    // Those of later batches are none of its business: whoever judges it early would not know them.
    expect(predecessors.votersWith(2, slots(4)).size).toBe(3)
    expect(predecessors.votersWith(0, slots(4)).size).toBe(1)
    predecessors.cut(2)
    expect(predecessors.votersWith(3, slots()).size).toBe(2)
  })

  test('are counted as they were read, not as a batch before claimed them to be', async () => {
    const predecessors = createPredecessors()
    await predecessors.continuedRoot(0, ['a'], breathe)
    predecessors.add(0, traces('a'))
    // The tree was asked about a batch whose ids then came to nothing: another one took its place.
    await predecessors.continuedRoot(1, ['x'], breathe)
    predecessors.add(1, traces('b'))
    predecessors.cut(1)
    predecessors.add(1, traces('b'))
    expect(await predecessors.continuedRoot(2, ['c'], breathe)).toBe(publishedRoot(['a', 'b', 'c']))
  })

  test('V18: are not looked through for each project, nor for each batch that has it', () => {
    const predecessors = createPredecessors()
    let looks = 0
    const projectIds = new Set(['a:N'] as ProjectId[])
    projectIds.has = () => {
      looks += 1
      return true
    }
    for (let index = 0; index < 1_000; index += 1) predecessors.add(index, { ...traces(), projectIds })
    const isRefuted = (index: number) => {
      looks += 1
      return index > 0
    }
    expect([predecessors.hasProject(1_000, 'a:N' as ProjectId, isRefuted), looks]).toEqual([true, 1])
  })

  test('hold their projects as they were read last', () => {
    const predecessors = createPredecessors()
    predecessors.add(0, { ...traces('a'), voters: slots(1, 2) })
    expect(predecessors.votersWith(1, slots()).size).toBe(2)
    predecessors.add(0, { ...traces('b'), voters: slots(3) })
    expect(['a:N', 'b:N'].map((id) => predecessors.hasProject(1, id as ProjectId))).toEqual([false, true])
    expect(predecessors.votersWith(1, slots()).size).toBe(1)
  })

  test('V18: others have their turn while ids are hashed, and a reorganisation meanwhile spoils neither tree', async () => {
    const predecessors = createPredecessors()
    const ids = Array.from({ length: 5_000 }, (_, index) => `${index}`)
    predecessors.add(0, traces(...ids))
    let breaths = 0
    const root = await predecessors.continuedRoot(1, ids, async () => {
      breaths += 1
      predecessors.cut(1)
    })
    expect([root, breaths]).toEqual([publishedRoot([...ids, ...ids]), 2])
    expect(await predecessors.continuedRoot(1, ['x'], breathe)).toBe(publishedRoot([...ids, 'x']))
  })

  test('that a reorganisation took away are forgotten', async () => {
    const predecessors = createPredecessors()
    predecessors.add(0, traces('a'))
    predecessors.add(1, traces('b'))
    expect(await predecessors.continuedRoot(2, ['c'], breathe)).toBe(publishedRoot(['a', 'b', 'c']))
    predecessors.cut(1)
    expect(predecessors.hasProject(2, 'b:N' as ProjectId)).toBe(false)
    expect(await predecessors.continuedRoot(2, ['c'], breathe)).toBeUndefined()
    predecessors.add(1, traces('x'))
    expect(await predecessors.continuedRoot(2, ['c'], breathe)).toBe(publishedRoot(['a', 'x', 'c']))
  })

  test('leave no root when one of them could not be read, and leave one again once it was', async () => {
    const predecessors = createPredecessors()
    predecessors.add(0, undefined)
    expect(await predecessors.continuedRoot(1, ['b'], breathe)).toBeUndefined()
    predecessors.add(1, traces('b'))
    predecessors.add(0, traces('a'))
    expect(await predecessors.continuedRoot(2, ['c'], breathe)).toBe(publishedRoot(['a', 'b', 'c']))
  })
})
