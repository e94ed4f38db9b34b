import { describe, expect, test } from 'vitest'
import { bytesWithin, textWithin } from './body.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

/** A body of these parts, and whether it was told that nobody reads on. */
function bodyOf(...parts: readonly string[]) {
  const told = { isCancelled: false, given: 0 }
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        const part = parts[told.given]
        told.given += 1
        if (part === undefined) controller.close()
        else controller.enqueue(bytes(part))
      },
      cancel() {
        told.isCancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { body, told }
}

describe('what a stranger sends', () => {
  test.each([
    ['nothing', null, ''],
    ['one part', bodyOf('abc').body, 'abc'],
    ['several', bodyOf('ab', '', 'c').body, 'abc'],
    ['as much as may be', bodyOf('abcd', 'efgh').body, 'abcdefgh'],
  ])('%s is read whole', async (_, body, text) => expect(await bytesWithin(8, body)).toEqual(bytes(text)))

  test('G7: what is longer than that is read no further, and whoever sends it is told', async () => {
    const { body, told } = bodyOf('abcd', 'efghi', 'never')
    expect(await bytesWithin(8, body)).toBeUndefined()
    expect(told).toEqual({ isCancelled: true, given: 2 })
  })

  test('a letter of two parts is one letter', async () => {
    const [head, tail] = [bytes('ü').slice(0, 1), bytes('ü').slice(1)]
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        for (const part of [head, tail]) controller.enqueue(part as Uint8Array<ArrayBuffer>)
        controller.close()
      },
    })
    expect(await textWithin(8, body)).toBe('ü')
  })

  test('one that breaks off fails as it does', async () => {
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull() {
        throw new Error('reset')
      },
    })
    await expect(bytesWithin(8, body)).rejects.toThrow('reset')
  })
})
