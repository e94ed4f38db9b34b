import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Hash, ContractNumber } from '#domain/ids.ts'
import type { BlockRef } from '#io/chain/port.ts'
import { numberOf } from '#io/chain/suite/scene.ts'
import { followBlocks } from './follow.ts'
import type { BlockSource } from './follow.ts'

/** What a follower believes of a node that lags, forgets or was rewritten, step by step. */

const DEPTH_MAX = 4
/** Above what any of these stories takes: who asks more goes round in circles. */
const REQUESTS_MAX = 300
type Turn = (world: World) => void

interface World {
  /** Blocks of the branch that is canonical now, from 0. */
  chain: BlockRef[]
  /** What the node says its head is; the last block of the chain when not set. */
  headNumber?: number | undefined
  /** Blocks that the node does not serve though they are below its head. */
  readonly missing: Set<number>
  /** Failures that the next requests meet. */
  failures: number
  readonly reads: string[]
}

const hashOf = (number: number, branch: string) => `0x${branch.repeat(2)}${number.toString(16).padStart(62, '0')}` as Hash
function branchOf(length: number, branch: string, base: readonly BlockRef[] = []): BlockRef[] {
  const blocks = [...base]
  for (let number = blocks.length; number < length; number += 1) {
    const parentHash = blocks.at(-1)?.hash ?? hashOf(0, 'f')
    blocks.push({
      number: number as BlockNumber,
      contractNumber: number as ContractNumber,
      hash: hashOf(number, branch),
      parentHash,
      timestamp: number,
    })
  }
  return blocks
}
const unreachable = () => new WeftError('CHAIN_UNREACHABLE', { endpoint: 'test', method: 'any' })

/**
 * Follows from `from` while each pause is a moment at which the next turn happens; ends after the last one. The steps as text, `|`
 * for each pause, and what was told of trouble.
 */
async function follow(
  options: { readonly from: number; readonly known?: readonly BlockRef[]; readonly blocks?: number },
  ...turns: readonly Turn[]
) {
  const world: World = { chain: branchOf(options.blocks ?? 6, 'a'), missing: new Set(), failures: 0, reads: [] }
  const troubles: string[] = []
  let requests = 0
  const assertUp = () => {
    requests += 1
    if (requests > REQUESTS_MAX) throw new Error(`asked for ever, after ${steps.join(' ')}`)
    if (world.failures === 0) return
    world.failures -= 1
    throw unreachable()
  }
  const source: BlockSource = {
    async head() {
      assertUp()
      return world.chain[world.headNumber ?? world.chain.length - 1] as BlockRef
    },
    async block(number) {
      assertUp()
      return world.missing.has(number) ? undefined : world.chain[number]
    },
    async read(from, head) {
      world.reads.push(`${from} to ${head.number}`)
      assertUp()
      return world.chain.slice(from, Math.min(head.number + 1, from + 3)).map((block) => ({ block, events: [] }))
    },
  }
  const stop = new AbortController()
  const left = [...turns]
  const steps: string[] = []
  const pause = async () => {
    steps.push('|')
    const turn = left.shift()
    if (turn === undefined) stop.abort()
    else turn(world)
  }
  const { from, known = [] } = options
  const following = followBlocks(source, {
    from: from as BlockNumber,
    known,
    signal: stop.signal,
    reorgDepthMax: DEPTH_MAX,
    pause,
    onTrouble: ({ code, facts }) => troubles.push(`${code} ${'detail' in facts ? facts.detail : ''}`.trim()),
  })
  for await (const step of following) {
    steps.push(numberOf(step))
  }
  return { steps: steps.join(' '), troubles, reads: world.reads }
}

const grow =
  (count: number): Turn =>
  (world) => {
    world.chain = branchOf(world.chain.length + count, 'a', world.chain)
  }
const rewrite =
  (depth: number, grown = 1): Turn =>
  (world) => {
    world.chain = branchOf(world.chain.length + grown, 'b', world.chain.slice(0, -depth))
  }
const headAt =
  (number: number | undefined): Turn =>
  (world) => {
    world.headNumber = number
  }

describe('a node that lags', () => {
  test('is waited for: a lower head that was seen before undoes nothing and repeats nothing', async () => {
    const { steps, troubles } = await follow({ from: 3 }, headAt(3), headAt(4), headAt(undefined), grow(1))
    expect([steps, troubles]).toEqual(['3 4 5 | | | | 6 |', []])
  })

  test('behind everything that is remembered is trouble, not a rewrite', async () => {
    const { steps, troubles } = await follow({ from: 1, blocks: 12 }, headAt(2), headAt(undefined), grow(1))
    expect(steps).toBe('1 2 3 4 5 6 7 8 9 10 11 | | | 12 |')
    expect(troubles).toEqual(['CHAIN_ANSWER_INVALID head 2 is far below block 11, which was served before'])
  })

  test('behind the first block wanted is waited for', async () => {
    const { steps, reads } = await follow({ from: 8 }, grow(1), grow(1), grow(1))
    // Blocks 6 and 7 are no concern of the caller.
    expect([steps, reads]).toEqual(['| | | 8 |', ['8 to 8']])
  })

  test('and does not serve the block before the first is waited for', async () => {
    const hide: Turn = (world) => {
      grow(4)(world)
      world.missing.add(3)
    }
    expect((await follow({ from: 4, blocks: 3 }, hide, (world) => world.missing.clear())).steps).toBe('| | 4 5 6 |')
  })

  test('while it finds out about a rewrite proves nothing by a block that it does not serve', async () => {
    const { steps, troubles } = await follow(
      { from: 3 },
      (world) => {
        rewrite(1)(world)
        world.missing.add(4)
      },
      (world) => world.missing.clear(),
    )
    expect(steps).toBe('3 4 5 | | back to 4 5 6 |')
    expect(troubles).toEqual(['CHAIN_ANSWER_INVALID block 4 is below the head and not served'])
  })
})

describe('a rewrite', () => {
  test('to a chain of the same height is found by the head alone', async () => {
    expect((await follow({ from: 3 }, rewrite(2, 0))).steps).toBe('3 4 5 | back to 3 4 5 |')
  })

  test('to a shorter chain is a rollback, and the rest comes when it is there', async () => {
    expect((await follow({ from: 2 }, rewrite(3, -2), grow(2))).steps).toBe('2 3 4 5 | back to 2 3 | 4 5 |')
  })

  test('as deep as is remembered is undone to the last common block; one block deeper ends it', async () => {
    expect((await follow({ from: 1, blocks: 10 }, rewrite(DEPTH_MAX))).steps).toBe('1 2 3 4 5 6 7 8 9 | back to 5 6 7 8 9 10 |')
    await expect(follow({ from: 1, blocks: 10 }, rewrite(DEPTH_MAX + 1))).rejects.toMatchObject({
      code: 'CHAIN_REORG_TOO_DEEP',
      facts: { depth: DEPTH_MAX + 1, depthMax: DEPTH_MAX },
    })
  })

  test('as deep as is remembered is undone after another one too', async () => {
    const again: Turn = (world) => {
      world.chain = branchOf(world.chain.length + 1, 'c', world.chain.slice(0, -DEPTH_MAX))
    }
    expect((await follow({ from: 1, blocks: 10 }, rewrite(1, 0), again)).steps).toBe(
      '1 2 3 4 5 6 7 8 9 | back to 8 9 | back to 5 6 7 8 9 10 |',
    )
  })

  test('as deep again right after another one is undone too, though few blocks have come in between', async () => {
    const again: Turn = (world) => {
      world.chain = branchOf(8, 'c', world.chain.slice(0, -DEPTH_MAX))
    }
    expect((await follow({ from: 1, blocks: 10 }, rewrite(DEPTH_MAX, 1 - DEPTH_MAX), again)).steps).toBe(
      '1 2 3 4 5 6 7 8 9 | back to 5 6 | back to 2 3 4 5 6 7 |',
    )
  })

  test('below all that was handed out is undone to the block before the first', async () => {
    expect((await follow({ from: 4 }, rewrite(3))).steps).toBe('4 5 | back to 3 4 5 6 |')
  })

  test('of the block before the first, with nothing handed out yet, is nobody’s concern', async () => {
    expect((await follow({ from: 6 }, rewrite(2, 1), () => undefined)).steps).toBe('| | 6 |')
  })

  test('seen while the blocks are read is found by the parent of the first', async () => {
    const chain = branchOf(6, 'a')
    const known = chain.slice(2, 5)
    const { steps } = await follow({ from: 5, known }, rewrite(2))
    expect(steps).toBe('5 | back to 3 4 5 6 |')
  })

  test('twice in a row is undone twice', async () => {
    const again: Turn = (world) => {
      world.chain = branchOf(world.chain.length + 1, 'c', world.chain.slice(0, -3))
    }
    expect((await follow({ from: 2 }, rewrite(1), again)).steps).toBe('2 3 4 5 | back to 4 5 6 | back to 3 4 5 6 7 |')
  })
})

describe('blocks that the caller knows', () => {
  const chain = branchOf(6, 'a')

  test('decide where to begin, whatever the first block asked for', async () => {
    expect((await follow({ from: 2, known: chain.slice(2, 5) })).steps).toBe('5 |')
  })

  test('beyond the depth are not asked about', async () => {
    const other = branchOf(6, 'd')
    const { steps } = await follow({ from: 6, known: [...other.slice(0, 1), ...chain.slice(1, 6)] }, rewrite(4))
    expect(steps).toBe('| back to 1 2 3 4 5 6 |')
  })

  test('beyond the depth are no help: a rewrite that only they could tell the depth of ends it', async () => {
    await expect(follow({ from: 6, known: chain }, rewrite(DEPTH_MAX + 1))).rejects.toMatchObject({ code: 'CHAIN_REORG_TOO_DEEP' })
  })

  test('none of which the chain has end it, though it has the block before the first', async () => {
    const other = branchOf(6, 'd', chain.slice(0, 3))
    await expect(follow({ from: 5, known: other.slice(3, 5) })).rejects.toMatchObject({
      code: 'CHAIN_REORG_TOO_DEEP',
      facts: { depth: 2 },
    })
  })

  test('and that are all it ever had may all be gone, now or later', async () => {
    const other = branchOf(6, 'd', chain.slice(0, 3))
    expect((await follow({ from: 3, known: other.slice(3, 5) })).steps).toBe('back to 2 3 4 5 |')
    expect((await follow({ from: 4, known: chain.slice(4, 6) }, rewrite(4))).steps).toBe('| back to 3 4 5 6 |')
  })
})

describe('a node that fails', () => {
  test.each([1, 2, 3, 4, 5, 6, 7])('for %i requests in the midst of a rewrite: nothing is lost or repeated', async (failures) => {
    const fail: Turn = (world) => {
      rewrite(2)(world)
      world.failures = failures
    }
    const nothing: Turn = () => undefined
    const { steps } = await follow({ from: 3 }, fail, ...Array.from({ length: 8 }, () => nothing))
    expect(steps.replaceAll(/(\| ?)+/g, '| ').trim()).toBe('3 4 5 | back to 3 4 5 6 |')
  })

  test('while far behind is asked for the same blocks again, and each is handed out once', async () => {
    const nothing: Turn = () => undefined
    const { steps, reads } = await follow(
      { from: 1, blocks: 3 },
      (world) => {
        grow(7)(world)
        world.failures = 2
      },
      nothing,
      nothing,
    )
    expect(steps.replaceAll(/(\| ?)+/g, '| ').trim()).toBe('1 2 | 3 4 5 6 7 8 9 |')
    expect(reads.at(-1)).toBe('9 to 9')
  })

  test('with something that is no failure of the chain ends it', async () => {
    const turn: Turn = () => {
      throw new RangeError('a bug')
    }
    await expect(follow({ from: 1 }, turn)).rejects.toThrow('a bug')
  })
})

test('from the very first block nothing lies below', async () => {
  expect((await follow({ from: 0, blocks: 2 }, grow(1))).steps).toBe('0 1 | 2 |')
  expect((await follow({ from: 0, blocks: 3 }, rewrite(2))).steps).toBe('0 1 2 | back to 0 1 2 3 |')
})

test('stopped between two steps of one answer it hands out no other', async () => {
  const chain = branchOf(6, 'a')
  const stop = new AbortController()
  const source: BlockSource = {
    head: async () => chain.at(-1) as BlockRef,
    block: async (number) => chain[number],
    read: async (from) => chain.slice(from).map((block) => ({ block, events: [] })),
  }
  const pause = () => Promise.reject(new Error('paused'))
  const steps: string[] = []
  const options = { from: 2 as BlockNumber, known: [], signal: stop.signal, reorgDepthMax: DEPTH_MAX, pause }
  for await (const step of followBlocks(source, options)) {
    steps.push(numberOf(step))
    if (steps.length === 2) stop.abort()
  }
  expect(steps).toEqual(['2', '3'])
})
