import { importer, importFile } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { identity } from 'multiformats/hashes/identity'
import { sha256 } from 'multiformats/hashes/sha2'
import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { snapshotCidOf } from '#wire/cid.ts'
import { checkBlock, importContent, parseCid, readContent, wait, withDeadline } from './unixfs.ts'

/** Trees as somebody else may make them: thin and deep, or no files at all. */
function createBlocks() {
  const blocks = new Map<string, Uint8Array>()
  return {
    blocks,
    put: (cid: CID, block: unknown) => {
      blocks.set(cid.toString(), block as Uint8Array)
      return cid
    },
    read: async (cid: CID) => {
      const block = blocks.get(cid.toString())
      if (block === undefined) throw new WeftError('IPFS_NOT_FOUND', { cid: cid.toString(), waitedMs: 0 })
      return block
    },
  }
}
const signal = new AbortController().signal
const LIMITS = { bytesMax: 1_000_000, signal }

async function thinTree(blocks: ReturnType<typeof createBlocks>, leaves: number): Promise<CID> {
  const content = Uint8Array.from({ length: leaves * 10 }, (_, index) => index & 255)
  const { cid } = await importFile({ content }, blocks, {
    cidVersion: 1,
    rawLeaves: true,
    chunker: fixedSize({ chunkSize: 10 }),
    layout: balanced({ maxChildrenPerNode: 2 }),
  })
  return cid
}

test('a tree of several levels is read in order', async () => {
  const blocks = createBlocks()
  const cid = await thinTree(blocks, 16)
  expect(await readContent(cid, LIMITS, blocks.read)).toEqual(Uint8Array.from({ length: 160 }, (_, index) => index & 255))
})

test('a leaf that is known is asked of nobody, and every node above it is', async () => {
  const blocks = createBlocks()
  const cid = await thinTree(blocks, 4)
  const asked: string[] = []
  const known: string[] = []
  const isKnown = async (leaf: CID) => known.push(leaf.toString()) !== 2
  const source = (each: CID) => {
    asked.push(each.toString())
    return blocks.read(each)
  }
  expect((await readContent(cid, { ...LIMITS, isKnown }, source)).length).toBe(10)
  expect(known.every((key) => key.startsWith('bafkrei'))).toBe(true)
  expect(known).toHaveLength(4)
  expect(asked.filter((key) => key.startsWith('bafkrei'))).toEqual([known[1]])
  expect(asked.filter((key) => key.startsWith('bafybei'))).toHaveLength(3)
})

test('one block missing deep down fails the read with its own failure, and nothing else', async () => {
  const blocks = createBlocks()
  const cid = await thinTree(blocks, 16)
  const leaf = [...blocks.blocks.keys()].find((key) => key.startsWith('bafkrei')) as string
  blocks.blocks.delete(leaf)
  await expect(readContent(cid, LIMITS, blocks.read)).rejects.toMatchObject({ code: 'IPFS_NOT_FOUND', facts: { cid: leaf } })
})

test('G7: a tree deeper than any honest one is refused, the deepest honest one is read', async () => {
  const blocks = createBlocks()
  expect((await readContent(await thinTree(blocks, 32), LIMITS, blocks.read)).length).toBe(320)
  await expect(readContent(await thinTree(blocks, 64), LIMITS, blocks.read)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
})

test('G7: a file that claims more than accepted is refused before its leaves are fetched', async () => {
  const blocks = createBlocks()
  const cid = await thinTree(blocks, 16)
  let fetched = 0
  const read = readContent(cid, { bytesMax: 159, signal }, (each) => {
    fetched += 1
    return blocks.read(each)
  })
  await expect(read).rejects.toMatchObject({ code: 'IPFS_CONTENT_TOO_LARGE' })
  expect(fetched).toBe(1)
  expect((await readContent(cid, { bytesMax: 160, signal }, blocks.read)).length).toBe(160)
})

/** A field of a protobuf message: bytes, or a number. */
function field(number: number, value: Uint8Array | number): number[] {
  const varint = (left: number): number[] => (left < 128 ? [left] : [(left % 128) + 128, ...varint(Math.floor(left / 128))])
  return typeof value === 'number' ? [number * 8, ...varint(value)] : [number * 8 + 2, ...varint(value.length), ...value]
}

/** A node of a file, as nobody's importer would make it: it claims `sizes` for its links, whatever they hold. */
async function putNode(blocks: ReturnType<typeof createBlocks>, links: readonly CID[], sizes: readonly number[]): Promise<CID> {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const unixfs = [...field(1, 2), ...field(3, total), ...sizes.flatMap((size) => field(4, size))]
  const pbLinks = links.flatMap((link) =>
    field(2, Uint8Array.from([...field(1, link.bytes), ...field(2, new Uint8Array()), ...field(3, 1)])),
  )
  const block = Uint8Array.from([...pbLinks, ...field(1, Uint8Array.from(unixfs))])
  return blocks.put(CID.createV1(0x70, await sha256.digest(block)), block)
}

async function putLeaf(blocks: ReturnType<typeof createBlocks>, bytes: Uint8Array): Promise<CID> {
  return blocks.put(CID.createV1(0x55, await sha256.digest(bytes)), bytes)
}

describe('G7: a tree that lies', () => {
  test('G7: about its size is refused as soon as more than accepted has come', async () => {
    const blocks = createBlocks()
    const leaves = await Promise.all(Array.from({ length: 20 }, (_, index) => putLeaf(blocks, new Uint8Array(100).fill(index))))
    const cid = await putNode(blocks, leaves, Array(20).fill(1))
    let fetched = 0
    const read = (bytesMax: number) =>
      readContent(cid, { bytesMax, signal }, (each) => {
        fetched += 1
        return blocks.read(each)
      })
    await expect(read(500)).rejects.toMatchObject({ code: 'IPFS_CONTENT_TOO_LARGE', facts: { cid: cid.toString(), bytesMax: 500 } })
    expect(fetched).toBeLessThan(20)
    expect((await read(2_000)).length).toBe(2_000)
  })

  test('G7: by holding nothing, again and again, has an end', async () => {
    const blocks = createBlocks()
    const empty = await putLeaf(blocks, new Uint8Array())
    const wide = await putNode(blocks, Array(1_000).fill(empty), Array(1_000).fill(0))
    const cid = await putNode(blocks, Array(11).fill(wide), Array(11).fill(0))
    let fetched = 0
    const read = readContent(cid, LIMITS, (each) => {
      fetched += 1
      return blocks.read(each)
    })
    await expect(read).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG', facts: { cid: cid.toString() } })
    expect(fetched).toBeLessThanOrEqual(10_000)
  })

  test('G7: by what it holds beside its content has an end after a mebibyte, and decodes no more', async () => {
    const blocks = createBlocks()
    const sizes = await putNode(blocks, [], Array(600_000).fill(1))
    const cid = await putNode(blocks, Array(100).fill(sizes), Array(100).fill(0))
    let fetched = 0
    const read = readContent(cid, { bytesMax: 1_000_000, signal }, (each) => {
      fetched += 1
      return blocks.read(each)
    })
    await expect(read).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG', facts: { cid: cid.toString() } })
    expect(fetched).toBeLessThanOrEqual(9)
    const few = await putNode(blocks, [], Array(500_000).fill(0))
    expect((await readContent(few, { bytesMax: 1_000_000, signal }, blocks.read)).length).toBe(0)
  })

  test('G7: when one block fails, those beside it read nothing below them any more', async () => {
    const blocks = createBlocks()
    const leaf = await putLeaf(blocks, new Uint8Array(10))
    const inner = await putNode(blocks, [leaf], [10])
    const lost = CID.createV1(0x55, await sha256.digest(new Uint8Array(11)))
    const cid = await putNode(blocks, [lost, inner], [11, 10])
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const asked: string[] = []
    const read = readContent(cid, LIMITS, async (each) => {
      asked.push(each.toString())
      if (each.equals(inner)) await late
      return blocks.read(each)
    })
    await expect(read).rejects.toMatchObject({ code: 'IPFS_NOT_FOUND' })
    resolve()
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    expect(asked).not.toContain(leaf.toString())
  })

  test('G7: is read no further once its reader has gone, whatever its source does', async () => {
    const blocks = createBlocks()
    const cid = await thinTree(blocks, 16)
    const gone = new AbortController()
    const read = readContent(cid, { bytesMax: 1_000, signal: gone.signal }, (each) => {
      gone.abort(new Error('gone'))
      return blocks.read(each)
    })
    await expect(read).rejects.toThrow('gone')
  })

  test('G7: with links that are no files is no file, and they are asked of nobody', async () => {
    const blocks = createBlocks()
    const inline = CID.createV1(0x55, identity.digest(new Uint8Array([1, 2, 3])))
    const json = CID.createV1(0x0129, await sha256.digest(new Uint8Array([1])))
    for (const link of [inline, json]) {
      const cid = await putNode(blocks, [link], [3])
      const asked: string[] = []
      const read = readContent(cid, LIMITS, (each) => {
        asked.push(each.toString())
        return blocks.read(each)
      })
      await expect(read).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG', facts: { cid: cid.toString() } })
      expect(asked).toEqual([cid.toString()])
    }
  })

  test('G3, G7: in one leaf is found out by its hash, whoever served it', async () => {
    const blocks = createBlocks()
    const cid = await thinTree(blocks, 16)
    const leaf = [...blocks.blocks.keys()].filter((key) => key.startsWith('bafkrei')).at(-1) as string
    blocks.blocks.set(leaf, new Uint8Array(10))
    const got = CID.createV1(0x55, await sha256.digest(new Uint8Array(10))).toString()
    await expect(readContent(cid, LIMITS, blocks.read)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG', facts: { cid: leaf, got } })
  })

  test('G3: by being torn: half a block, or none of it, is not the block', async () => {
    const cid = CID.createV1(0x55, await sha256.digest(new Uint8Array(10)))
    await checkBlock(cid, new Uint8Array(10))
    for (const length of [5, 0]) await expect(checkBlock(cid, new Uint8Array(length))).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
  })
})

test('G7: of one content a few blocks are asked for at a time, each with the reader’s signal', async () => {
  const blocks = createBlocks()
  const leaves = await Promise.all(Array.from({ length: 30 }, (_, index) => putLeaf(blocks, new Uint8Array(100).fill(index))))
  const cid = await putNode(blocks, leaves, Array(30).fill(100))
  let open = 0
  let most = 0
  const whole = await readContent(cid, LIMITS, async (each, given) => {
    expect(given).toBe(signal)
    open += 1
    most = Math.max(most, open)
    await new Promise((resolve) => setImmediate(resolve))
    open -= 1
    return blocks.read(each)
  })
  expect(most).toBe(8)
  expect([...whole].filter((_, index) => index % 100 === 0)).toEqual(leaves.map((_, index) => index))
})

test('a tree wider than one node has the form that `ipfs add` gives it', async () => {
  const bytes = new Uint8Array(175 * 262_144)
  expect(await importContent(bytes, async () => undefined)).toBe(await snapshotCidOf(bytes))
})

test('G3: content is not added until its last block is stored', async () => {
  const stored: string[] = []
  const cid = await importContent(new Uint8Array(600_000), async (key) => {
    await new Promise((resolve) => setImmediate(resolve))
    stored.push(key.toString())
  })
  // Two chunks alike, the rest, and the node above them.
  expect([stored.length, stored.at(-1)]).toEqual([4, cid])
  const full = new Error('the disk is full')
  await expect(importContent(new Uint8Array(600_000), () => Promise.reject(full))).rejects.toBe(full)
})

test('a folder is no content', async () => {
  const blocks = createBlocks()
  let folder: CID | undefined
  for await (const entry of importer([{ path: 'a.json', content: new Uint8Array(3) }], blocks, { cidVersion: 1, wrapWithDirectory: true }))
    folder = entry.cid
  await expect(readContent(folder as CID, LIMITS, blocks.read)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
})

test('CIDs of version 0 are read, other hashes and codecs are not CIDs of content', async () => {
  const blocks = createBlocks()
  const { cid } = await importFile({ content: new Uint8Array(30) }, blocks, { cidVersion: 0, rawLeaves: false })
  expect(cid.toString()).toMatch(/^Qm/)
  expect(await readContent(parseCid(cid.toString()), LIMITS, blocks.read)).toEqual(new Uint8Array(30))
  const other = CID.createV1(0x55, identity.digest(new Uint8Array(32))).toString()
  const short = CID.createV1(0x55, createDigest(sha256.code, new Uint8Array(16))).toString()
  for (const text of [CID.createV1(0x0129, cid.multihash).toString(), other, short, '', 'x'.repeat(500)])
    expect(() => parseCid(text)).toThrow(expect.objectContaining({ code: 'ID_MALFORMED', facts: { what: 'CID', text: text.slice(0, 80) } }))
})

test('G7: a block of dag-cbor is content, but no part of a file, and what it names is not followed', async () => {
  const block = Uint8Array.of(0xa0)
  const cid = CID.createV1(0x71, await sha256.digest(block))
  expect(await readContent(parseCid(cid.toString()), LIMITS, async () => block)).toEqual(block)
  await expect(readContent(cid, LIMITS, async () => Uint8Array.of(0xa1))).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
  // dag-pb by hand: one link to the block, and the data of a UnixFS file of one byte in one part.
  const root = Uint8Array.of(0x12, 42, 0x0a, 36, ...cid.bytes, 0x12, 0, 0x18, 1, 0x0a, 6, 0x08, 2, 0x18, 1, 0x20, 1)
  const rootCid = CID.createV1(0x70, await sha256.digest(root))
  const source = async (each: CID) => (each.equals(rootCid) ? root : block)
  await expect(readContent(rootCid, LIMITS, source)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG', facts: { got: 'no UnixFS file' } })
})

test('an undecodable block that hashes right is no file', async () => {
  const blocks = createBlocks()
  const { cid } = await importFile({ content: new Uint8Array(30) }, blocks, { cidVersion: 1, rawLeaves: true })
  const asNode = CID.createV1(0x70, cid.multihash)
  await expect(readContent(asNode, LIMITS, async () => new Uint8Array(30))).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
})

test('the deadline decides when nobody answers, the caller when it gives up first', async () => {
  const hanging = (until: AbortSignal) => new Promise<never>((_, reject) => until.addEventListener('abort', () => reject(until.reason)))
  const soon = async () => undefined
  const never = () => new Promise<void>(() => undefined)
  await expect(withDeadline('x', { timeoutMs: 5, wait: soon }, hanging)).rejects.toMatchObject({
    code: 'IPFS_NOT_FOUND',
    facts: { cid: 'x', waitedMs: 5 },
  })
  const caller = new AbortController()
  const read = withDeadline('x', { timeoutMs: 5, wait: never, signal: caller.signal }, hanging)
  caller.abort(new Error('enough'))
  await expect(read).rejects.toThrow('enough')
})

describe('a read with a deadline', () => {
  const never = () => new Promise<void>(() => undefined)

  test('is not begun for a caller who has given up', async () => {
    const caller = new AbortController()
    caller.abort(new Error('enough'))
    let reads = 0
    const read = withDeadline('x', { timeoutMs: 5, wait: never, signal: caller.signal }, async () => {
      reads += 1
    })
    await expect(read).rejects.toThrow('enough')
    expect(reads).toBe(0)
  })

  test('leaves no wait behind, whatever its end', async () => {
    for (const outcome of [Promise.resolve(1), Promise.reject(new Error('lost'))]) {
      let waiting: AbortSignal | undefined
      let waitedMs = 0
      const read = withDeadline(
        'x',
        {
          timeoutMs: 5,
          wait: (durationMs, until) => {
            waiting = until
            waitedMs = durationMs
            return never()
          },
        },
        () => outcome,
      )
      await read.catch(() => undefined)
      expect([waiting?.aborted, waitedMs]).toEqual([true, 5])
    }
  })

  test('gives the failure of ours as it is, and any other its name, with the cause', async () => {
    const wrong = new WeftError('IPFS_CONTENT_WRONG', { cid: 'x', got: 'y' })
    await expect(withDeadline('x', { timeoutMs: 5, wait: never }, () => Promise.reject(wrong))).rejects.toBe(wrong)
    const lost = new Error('lost')
    await expect(withDeadline('x', { timeoutMs: 5, wait: never }, () => Promise.reject(lost))).rejects.toMatchObject({
      code: 'IPFS_NOT_FOUND',
      facts: { cid: 'x', waitedMs: 5 },
      cause: lost,
    })
  })
})

test('a wait ends with its time, or with the reason of its signal', async () => {
  await wait(1, signal)
  const stopping = new AbortController()
  const waiting = wait(60_000, stopping.signal)
  stopping.abort(new Error('stopped'))
  await expect(waiting).rejects.toThrow('stopped')
})
