import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WeftError } from '#domain/errors.ts'
import type { Cid, EpochId } from '#domain/ids.ts'
import type { Ipfs } from './port.ts'

/** Two nodes that are connected to each other, and what a test may do to them. The minute for which pinning waits passes at once. */
export interface IpfsPair {
  readonly left: Ipfs
  readonly right: Ipfs
  /** Flips a byte of the stored block, in the left node. */
  corruptLeft(cid: Cid): Promise<void>
  close(): Promise<void>
}

const LIMITS = { bytesMax: 4 * 1024 * 1024, timeoutMs: 20_000 }
const BRIEF = { ...LIMITS, timeoutMs: 300 }
const text = (value: string) => new TextEncoder().encode(value)
/** The same bytes in each run, no two chunks alike. */
const filled = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) * 7 + (index >> 16)) & 255)
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (failure: WeftError) => failure.code,
  )

/** Declares the tests that every `Ipfs` passes. */
export function describeIpfs(name: string, open: () => Promise<IpfsPair>): void {
  describe(name, () => {
    let pair: IpfsPair
    beforeEach(async () => {
      pair = await open()
    })
    afterEach(() => pair.close())

    test('content has the CID that `ipfs add --cid-version=1` gives', async () => {
      // spec/03 §9.
      expect(await pair.left.add(text('{}'))).toBe('bafkreicecnx2gvntm6fbcrvnc336qze6st5u7qq7457igegamd3bzkx7ri')
      expect(await pair.left.add(filled(262_144))).toMatch(/^bafkrei/)
      expect(await pair.left.add(filled(262_145))).toMatch(/^bafybei/)
    })

    test.each([0, 1_024, 1_048_576, 1_500_000])('%i bytes added here are read there', async (length) => {
      const bytes = filled(length)
      const cid = await pair.left.add(bytes)
      expect(Buffer.compare(await pair.right.get(cid, LIMITS), bytes)).toBe(0)
      expect(await pair.right.has(cid)).toBe(true)
    })

    test('adding again is the same content', async () => {
      const cid = await pair.left.add(text('twice'))
      expect(await pair.left.add(text('twice'))).toBe(cid)
    })

    test('`has` looks at this node only, `pin` brings the content', async () => {
      const cid = await pair.left.add(filled(600_000))
      expect([await pair.left.has(cid), await pair.right.has(cid)]).toEqual([true, false])
      await pair.right.pin(cid)
      expect(await pair.right.has(cid)).toBe(true)
    })

    test('content that appears while somebody waits for it is found', async () => {
      const late = text('late')
      const early = await pair.left.add(text('early'))
      const waiting = pair.right.get(await cidOf(late), LIMITS)
      expect(await pair.right.get(early, LIMITS)).toEqual(text('early'))
      await pair.left.add(late)
      expect(await waiting).toEqual(late)
    })

    test('G3: one damaged block deep in a file is noticed here, and the file is not whole', async () => {
      const bytes = filled(600_000)
      const cid = await pair.left.add(bytes)
      const leaf = (await blocksOf(bytes)).at(1) as Cid
      await pair.corruptLeft(leaf)
      expect(await codeOf(pair.left.get(cid, BRIEF))).toBe('IPFS_CONTENT_WRONG')
      expect([await pair.left.has(cid), await pair.left.has(leaf)]).toEqual([false, false])
      await pair.left.add(bytes)
      expect(await pair.left.has(cid)).toBe(true)
    })

    test('G3: what cannot be read whole is not pinned', async () => {
      const cid = await pair.left.add(text('as it was'))
      await pair.corruptLeft(cid)
      expect(await codeOf(pair.left.pin(cid))).toBe('IPFS_CONTENT_WRONG')
      expect(await codeOf(pair.left.pin('nonsense' as Cid))).toBe('ID_MALFORMED')
      expect(await codeOf(pair.left.has('nonsense' as Cid))).toBe('ID_MALFORMED')
    })

    test('content that nobody has is not found', async () => {
      expect(await codeOf(pair.left.get(await cidOf(text('nobody')), BRIEF))).toBe('IPFS_NOT_FOUND')
    })

    test('more than the caller accepts is refused', async () => {
      const small = await pair.left.add(filled(1_000))
      const large = await pair.left.add(filled(700_000))
      expect(await codeOf(pair.right.get(small, { ...LIMITS, bytesMax: 999 }))).toBe('IPFS_CONTENT_TOO_LARGE')
      expect(await codeOf(pair.right.get(large, { ...LIMITS, bytesMax: 699_999 }))).toBe('IPFS_CONTENT_TOO_LARGE')
      expect((await pair.right.get(large, { ...LIMITS, bytesMax: 700_000 })).length).toBe(700_000)
    })

    test('a damaged block is noticed here and never passes there', async () => {
      const cid = await pair.left.add(text('as it was'))
      await pair.corruptLeft(cid)
      expect(await codeOf(pair.left.get(cid, BRIEF))).toBe('IPFS_CONTENT_WRONG')
      expect(await pair.left.has(cid)).toBe(false)
      expect(await codeOf(pair.right.get(cid, BRIEF))).toBe('IPFS_NOT_FOUND')
    })

    test('G3, G12: what is damaged here is fetched again from who has it, and mended by that', async () => {
      const bytes = filled(600_000)
      const cid = await pair.left.add(bytes)
      await pair.right.pin(cid)
      for (const block of await blocksOf(bytes)) await pair.corruptLeft(block)
      expect(await pair.left.has(cid)).toBe(false)
      expect(Buffer.compare(await pair.left.get(cid, LIMITS), bytes)).toBe(0)
      expect(await pair.left.has(cid)).toBe(true)
    })

    test('G3, G12: what is to be pinned and is damaged here comes whole from who has it', async () => {
      const cid = await pair.left.add(text('as it was'))
      await pair.right.pin(cid)
      await pair.corruptLeft(cid)
      await pair.left.pin(cid)
      expect(await pair.left.has(cid)).toBe(true)
    })

    test('content is let go with its epoch, oldest first and no more at once than asked for', async () => {
      const cids: Cid[] = []
      for (const epochId of [3, 1, 2, 4]) cids.push(await pair.left.add(text(`of epoch ${epochId}`), epochId as EpochId))
      const stored = () => Promise.all(cids.map((cid) => pair.left.has(cid)))
      expect([await pair.left.letGo(4 as EpochId, 1), await stored()]).toEqual([1, [true, false, true, true]])
      expect([await pair.left.letGo(4 as EpochId, 10), await stored()]).toEqual([2, [false, false, false, true]])
      expect(await pair.left.letGo(4 as EpochId, 10)).toBe(0)
      expect(await pair.left.add(text('of epoch 1'), 5 as EpochId)).toBe(cids[1])
      expect(await pair.left.get(cids[1] as Cid, LIMITS)).toEqual(text('of epoch 1'))
    })

    test('G10: content of several epochs goes with the newest of them, however it came by it', async () => {
      const [again, pinned, once] = [text('added twice'), text('added, then pinned'), text('once')]
      const cids = [
        await pair.left.add(again, 7 as EpochId),
        await pair.left.add(pinned, 1 as EpochId),
        await pair.left.add(once, 1 as EpochId),
      ]
      await pair.left.add(again, 2 as EpochId)
      await pair.left.pin(cids[1] as Cid, 7 as EpochId)
      expect(await pair.left.letGo(7 as EpochId, 10)).toBe(1)
      expect(await Promise.all(cids.map((cid) => pair.left.has(cid)))).toEqual([true, true, false])
    })

    test('G10: a block that two contents share stays for the one that is needed', async () => {
      const [long, longer] = [filled(300_000), filled(400_000)]
      const [old, kept] = [await pair.left.add(long, 1 as EpochId), await pair.left.add(longer, 2 as EpochId)]
      expect(await pair.left.letGo(2 as EpochId, 10)).toBe(2)
      expect([await pair.left.has(old), await pair.left.has(kept)]).toEqual([false, true])
    })

    test('what was only read goes with the newest epoch that was named until then', async () => {
      await pair.left.add(text('now'), 5 as EpochId)
      const cid = await pair.right.add(text('of somebody else'))
      await pair.left.get(cid, LIMITS)
      expect([await pair.left.letGo(5 as EpochId, 10), await pair.left.has(cid)]).toEqual([0, true])
      expect([await pair.left.letGo(6 as EpochId, 10), await pair.left.has(cid)]).toEqual([2, false])
    })

    test('G10: what is added while it is let go is there afterwards', async () => {
      const bytes = Array.from({ length: 20 }, (_, index) => text(`content ${index}`))
      const cids = await Promise.all(bytes.map((each) => pair.left.add(each, 1 as EpochId)))
      await Promise.all(
        bytes.flatMap((each, index) => [
          pair.left.letGo(2 as EpochId, 3),
          index % 2 === 0 ? pair.left.add(each, 2 as EpochId) : pair.left.has(cids[index] as Cid),
        ]),
      )
      while ((await pair.left.letGo(2 as EpochId, 3)) > 0);
      expect(await Promise.all(cids.map((cid) => pair.left.has(cid)))).toEqual(cids.map((_, index) => index % 2 === 0))
    })

    test('adding the bytes again mends a damaged block', async () => {
      const cid = await pair.left.add(text('as it was'))
      await pair.corruptLeft(cid)
      await pair.left.add(text('as it was'))
      expect(await pair.right.get(cid, LIMITS)).toEqual(text('as it was'))
    })

    test('G3: a block of dag-cbor is content by itself, of any size that is one block', async () => {
      const bytes = filled(600_000)
      const cid = await pair.left.add(bytes, undefined, 'dag-cbor')
      expect(cid).toMatch(/^bafyrei/)
      expect([await pair.left.has(cid), await pair.right.has(cid)]).toEqual([true, false])
      expect(await pair.right.get(cid, LIMITS)).toEqual(bytes)
      expect(await codeOf(pair.right.get(cid, { ...LIMITS, bytesMax: 599_999 }))).toBe('IPFS_CONTENT_TOO_LARGE')
      await pair.right.pin(cid)
      await pair.corruptLeft(cid)
      expect(await pair.left.get(cid, LIMITS)).toEqual(bytes)
    })

    test('what is no CID of a file, nor of dag-cbor, is refused', async () => {
      for (const cid of ['', 'nonsense', '../../etc/passwd', 'baguqeeraiqjw7i2vwntyuekgvulpp2det2kpwt6cd7tx5ayqybqpmhfk76fa']) {
        expect(await codeOf(pair.left.get(cid as Cid, LIMITS))).toBe('ID_MALFORMED')
      }
    })

    test('who has given up already is asked nothing', async () => {
      const cid = await pair.left.add(text('here'))
      await expect(pair.left.get(cid, { ...LIMITS, signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
    })

    test('an abort ends the wait with its reason', async () => {
      const controller = new AbortController()
      const waiting = pair.left.get(await cidOf(text('never')), { ...LIMITS, signal: controller.signal })
      controller.abort(new Error('enough'))
      await expect(waiting).rejects.toThrow('enough')
    })
  })
}

/** The minute for which pinning waits passes at once, for nodes under test. */
export const hastyMs = (durationMs: number): number => (durationMs === 60_000 ? 300 : durationMs)

/** The CID of bytes that no node under test has seen. */
async function cidOf(bytes: Uint8Array): Promise<Cid> {
  const { importContent } = await import('./unixfs.ts')
  return importContent(bytes, async () => undefined)
}

/** The CIDs of the blocks of bytes, leaves first. */
async function blocksOf(bytes: Uint8Array): Promise<Cid[]> {
  const { importContent } = await import('./unixfs.ts')
  const cids: Cid[] = []
  await importContent(bytes, async (cid) => {
    cids.push(cid.toString() as Cid)
  })
  return cids
}
