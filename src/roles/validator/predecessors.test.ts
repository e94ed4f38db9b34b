import { describe, expect, test } from 'vitest'
import type { ProjectId } from '#domain/ids.ts'
import { publishedRoot } from '#wire/merkle.ts'
import { createPredecessors } from './predecessors.ts'

const traces = (...submissionIds: string[]) => ({ submissionIds, projectIds: submissionIds.map((id) => `${id}:N` as ProjectId) })

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
