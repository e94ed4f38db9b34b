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

describe('the batches before', () => {
  test('are continued in the order of the chain', () => {
    const predecessors = createPredecessors()
    expect(predecessors.continuedRoot(0, ['a', 'b'])).toBe(publishedRoot(['a', 'b']))
    predecessors.add(0, traces('a', 'b'))
    expect(predecessors.continuedRoot(1, ['c'])).toBe(publishedRoot(['a', 'b', 'c']))
    predecessors.add(1, traces('c'))
    // Asked again, as after a reorganisation that brings back the same batch.
    expect(predecessors.continuedRoot(1, ['c'])).toBe(publishedRoot(['a', 'b', 'c']))
    expect(predecessors.continuedRoot(2, ['d'])).toBe(publishedRoot(['a', 'b', 'c', 'd']))
    expect([predecessors.hasProject(1, 'a:N' as ProjectId), predecessors.hasProject(1, 'c:N' as ProjectId)]).toEqual([true, false])
  })

  test('count for their projects whatever lies between', () => {
    const predecessors = createPredecessors()
    predecessors.add(0, traces('a'))
    predecessors.add(1, undefined)
    predecessors.add(2, traces('c'))
    expect(['a:N', 'c:N', 'x:N'].map((id) => predecessors.hasProject(3, id as ProjectId))).toEqual([true, true, false])
    expect(predecessors.hasProject(0, 'a:N' as ProjectId)).toBe(false)
  })

  test('count for their voters, each slot once, whatever lies between', () => {
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

  test('are counted as they were read, not as a batch before claimed them to be', () => {
    const predecessors = createPredecessors()
    predecessors.continuedRoot(0, ['a'])
    predecessors.add(0, traces('a'))
    // The tree was asked about a batch whose ids then came to nothing: another one took its place.
    predecessors.continuedRoot(1, ['x'])
    predecessors.add(1, traces('b'))
    predecessors.cut(1)
    predecessors.add(1, traces('b'))
    expect(predecessors.continuedRoot(2, ['c'])).toBe(publishedRoot(['a', 'b', 'c']))
  })

  test('that a reorganisation took away are forgotten', () => {
    const predecessors = createPredecessors()
    predecessors.add(0, traces('a'))
    predecessors.add(1, traces('b'))
    expect(predecessors.continuedRoot(2, ['c'])).toBe(publishedRoot(['a', 'b', 'c']))
    predecessors.cut(1)
    expect(predecessors.hasProject(2, 'b:N' as ProjectId)).toBe(false)
    expect(predecessors.continuedRoot(2, ['c'])).toBeUndefined()
    predecessors.add(1, traces('x'))
    expect(predecessors.continuedRoot(2, ['c'])).toBe(publishedRoot(['a', 'x', 'c']))
  })

  test('leave no root when one of them could not be read, and leave one again once it was', () => {
    const predecessors = createPredecessors()
    predecessors.add(0, undefined)
    expect(predecessors.continuedRoot(1, ['b'])).toBeUndefined()
    predecessors.add(1, traces('b'))
    predecessors.add(0, traces('a'))
    expect(predecessors.continuedRoot(2, ['c'])).toBe(publishedRoot(['a', 'b', 'c']))
  })
})
