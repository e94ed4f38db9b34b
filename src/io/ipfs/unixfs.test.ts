import { importer, importFile } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { CID } from 'multiformats/cid'
import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import { parseCid, readContent, withDeadline } from './unixfs.ts'

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

test('one block missing deep down fails the read with its own failure, and nothing else', async () => {
  const blocks = createBlocks()
  const cid = await thinTree(blocks, 16)
  const leaf = [...blocks.blocks.keys()].find((key) => key.startsWith('bafkrei')) as string
  blocks.blocks.delete(leaf)
  await expect(readContent(cid, LIMITS, blocks.read)).rejects.toMatchObject({ code: 'IPFS_NOT_FOUND', facts: { cid: leaf } })
})

test('a tree deeper than any honest one is refused', async () => {
  const blocks = createBlocks()
  await expect(readContent(await thinTree(blocks, 64), LIMITS, blocks.read)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
})

test('a file that claims more than accepted is refused before its leaves are fetched', async () => {
  const blocks = createBlocks()
  const cid = await thinTree(blocks, 16)
  let fetched = 0
  const read = readContent(cid, { bytesMax: 159, signal }, (each) => {
    fetched += 1
    return blocks.read(each)
  })
  await expect(read).rejects.toMatchObject({ code: 'IPFS_CONTENT_TOO_LARGE' })
  expect(fetched).toBe(1)
})

test('a folder is no content', async () => {
  const blocks = createBlocks()
  let folder: CID | undefined
  for await (const entry of importer([{ path: 'a.json', content: new Uint8Array(3) }], blocks, { cidVersion: 1, wrapWithDirectory: true }))
    folder = entry.cid
  await expect(readContent(folder as CID, LIMITS, blocks.read)).rejects.toMatchObject({ code: 'IPFS_CONTENT_WRONG' })
})

test('CIDs of version 0 are read, other hashes and codecs are not CIDs of files', async () => {
  const blocks = createBlocks()
  const { cid } = await importFile({ content: new Uint8Array(30) }, blocks, { cidVersion: 0, rawLeaves: false })
  expect(cid.toString()).toMatch(/^Qm/)
  expect(await readContent(parseCid(cid.toString()), LIMITS, blocks.read)).toEqual(new Uint8Array(30))
  expect(() => parseCid(CID.createV1(0x71, cid.multihash).toString())).toThrow('ID_MALFORMED')
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
