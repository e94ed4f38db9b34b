import { expect, test } from 'vitest'
import type { Cid } from '#domain/ids.ts'
import { createRemembered, searchedBlocks } from './searched.ts'
import { importContent, parseCid } from './unixfs.ts'

const bytes = (length: number) => new Uint8Array(length)

test('G7: no more is remembered than fits, and what was asked for last', () => {
  const remembered = createRemembered(100)
  remembered.put('a', bytes(40))
  remembered.put('b', bytes(40))
  remembered.put('a', bytes(50))
  expect([remembered.get('b')?.length, remembered.get('a')?.length]).toEqual([40, 50])
  remembered.put('c', bytes(30))
  expect(['a', 'b', 'c'].map((key) => remembered.get(key)?.length)).toEqual([50, undefined, 30])
  remembered.put('d', bytes(101))
  expect(['a', 'c', 'd'].map((key) => remembered.get(key))).toEqual([undefined, undefined, undefined])
  remembered.put('e', bytes(100))
  expect(remembered.get('e')?.length).toBe(100)
})

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
