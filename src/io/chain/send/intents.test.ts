import { describe, expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address, Hash } from '#domain/ids.ts'
import { hashOf } from '#io/chain/rpc/scripted.test-node.ts'
import { createMemoryJournal } from '#io/chain/suite/scene.ts'
import { createIntents } from './intents.ts'

const ME = `0x${'11'.repeat(20)}` as Address
const OTHER = `0x${'12'.repeat(20)}` as Address
const made = (intentId: string, nonce: number, hashes: readonly Hash[] = []) => ({ intentId, kind: 'releaseEpoch', nonce, hashes })
const signed = (text: string, raw: `0x${string}` = '0x01') => ({ raw, hash: hashOf(text) })

describe('G4: intents of an account', () => {
  test('are found again with all that was signed for them, in the order of signing', async () => {
    const journal = createMemoryJournal()
    await createIntents(journal, ME).put(made('a', 4), signed('first', '0xaa'), 0)
    const kept = createIntents(journal, ME).get('a')
    await createIntents(journal, ME).put(kept as never, signed('second', '0xbb'), 0)
    const again = createIntents(journal, ME)
    expect(again.get('a')).toEqual(made('a', 4, [hashOf('first'), hashOf('second')]))
    expect([again.raw(hashOf('first')), again.raw(hashOf('second'))]).toEqual(['0xaa', '0xbb'])
    expect(again.get('b')).toBeUndefined()
  })

  test('are written in one step with what was signed: never one without the other', async () => {
    const commits: string[][] = []
    const memory = createMemoryJournal()
    const commit: typeof memory.commit = async (writes) => {
      commits.push(writes.map(({ key }) => key))
      await memory.commit(writes)
    }
    await createIntents({ ...memory, commit }, ME).put(made('a', 4), signed('first'), 0)
    expect(commits).toEqual([[`signed/${hashOf('first')}`, `intent/${ME}/a`]])
  })

  test('are theirs alone, by nonce whatever their names', async () => {
    const journal = createMemoryJournal()
    const mine = createIntents(journal, ME)
    await mine.put(made('z', 1), signed('z'), 0)
    await mine.put(made('a', 10), signed('a'), 0)
    await mine.put(made('m', 2), signed('m'), 0)
    await createIntents(journal, OTHER).put(made('x', 0), signed('x'), 0)
    expect(mine.all().map(({ intentId }) => intentId)).toEqual(['z', 'm', 'a'])
    expect(mine.get('x')).toBeUndefined()
  })

  test('once too many are settled, the oldest go, with everything signed for them; the one being written never', async () => {
    const journal = createMemoryJournal()
    const intents = createIntents(journal, ME)
    await intents.put(made('old', 0), signed('old'), 0)
    await intents.put(made('old', 0, [hashOf('old')]), signed('older'), 0)
    for (let nonce = 1; nonce <= 512; nonce += 1) await intents.put(made(`i${nonce}`, nonce), signed(`${nonce}`), 0)
    // 512 settled ones beside it are as many as are kept: a replacement of the oldest forgets none.
    await intents.put(made('old', 0, [hashOf('old'), hashOf('older')]), signed('oldest'), 513)
    expect(intents.all()).toHaveLength(513)
    expect(intents.raw(hashOf('old'))).toBe('0x01')
    await intents.put(made('next', 513), signed('next'), 513)
    // What waits for a block is not settled, be it the very next to be mined.
    await intents.put(made('later', 514), signed('later'), 513)
    expect(intents.get('old')).toBeUndefined()
    expect(intents.get('i1')).toBeDefined()
    expect(['old', 'older', 'oldest'].map((text) => journal.get(`signed/${hashOf(text)}`))).toEqual([undefined, undefined, undefined])
  })

  test.each<[string, (journal: ReturnType<typeof createMemoryJournal>) => unknown]>([
    ['an intent that is no JSON', (journal) => createIntents(journal, ME).get('a')],
    ['the same among all', (journal) => createIntents(journal, ME).all()],
    ['a signed transaction that is gone', (journal) => createIntents(journal, ME).raw(hashOf('gone'))],
  ])('%s is a failure of the store', async (_name, read) => {
    const journal = createMemoryJournal()
    await journal.commit([{ key: `intent/${ME}/a`, value: new TextEncoder().encode('{"nonce":') }])
    expect(() => read(journal)).toThrow(WeftError)
    expect(() => read(journal)).toThrow('STORE_CORRUPT')
  })
})
