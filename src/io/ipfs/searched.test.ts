import { expect, test } from 'vitest'
import type { Cid } from '#domain/ids.ts'
import { searchedBlocks } from './searched.ts'
import { importContent, parseCid } from './unixfs.ts'

test('G7: what peers brought for others goes when more comes, and is asked for again', async () => {
  const asked: Cid[] = []
  const blocks = new Map<string, Uint8Array>()
  const searched = searchedBlocks({
    block: async () => undefined,
    async find(cid) {
      asked.push(cid as Cid)
      return blocks.get(cid) as Uint8Array
    },
  })
  const content = Uint8Array.from({ length: 34 * 1024 * 1024 }, (_, index) => index >> 18)
  await importContent(content, async (cid, block) => void blocks.set(cid.toString(), block))
  const cids = [...blocks.keys()]
  const read = (cid: string) => searched.read(parseCid(cid), 'somebody', new AbortController().signal)
  for (const cid of cids) await read(cid)
  expect(asked).toEqual(cids)
  await read(cids.at(-1) as string)
  expect(asked.length).toBe(cids.length)
  await read(cids[0] as string)
  expect(asked.length).toBe(cids.length + 1)
})
