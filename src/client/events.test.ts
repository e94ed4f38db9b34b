import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventsOf, type ServerEvent } from './events.ts'

async function* partsOf(...parts: readonly string[]) {
  yield* parts
}
const eventsIn = (...parts: readonly string[]) => Array.fromAsync(eventsOf(partsOf(...parts), 'http://api'))

test.each<[string, string, readonly Partial<ServerEvent>[]]>([
  ['an event', 'id: 7\nevent: point\ndata: {"a":1}\n\n', [{ id: '7', kind: 'point', data: '{"a":1}' }]],
  ['one without a space behind the colon', 'id:7\ndata:x\n\n', [{ id: '7', kind: 'message', data: 'x' }]],
  ['lines of data', 'data: a\ndata\ndata:  b\n\n', [{ id: undefined, data: 'a\n\n b' }]],
  ['an id alone', 'id: 7\n\n', [{ id: '7', data: '' }]],
  [
    'an id that goes on',
    'id: 7\ndata: a\n\ndata: b\n\n',
    [
      { id: '7', data: 'a' },
      { id: '7', data: 'b' },
    ],
  ],
  ['heartbeats', ': heartbeat\n\n:\n\n', []],
  ['any end of lines, and a byte order mark', '\ufeffdata: a\r\n\r\ndata: b\r\rdata: c\n\n', [{ data: 'a' }, { data: 'b' }, { data: 'c' }]],
  ['an event that the end cuts off', 'data: a\n\ndata: b\n', [{ data: 'a' }]],
  ['fields that there are not', 'retry: 5\nwhatever\ndata: a\n\n', [{ data: 'a' }]],
])('%s', async (_, text, expected) => {
  expect(await eventsIn(text)).toMatchObject(expected)
})

test('wherever the text is cut in parts, the events are the same', async () => {
  const text = '\ufeffid: 1\r\nevent: point\r\ndata: a\r\ndata: b\r\n\r\n: heartbeat\n\nid: 2\n\ndata: c\r\rdata: d\n\n'
  const whole = await eventsIn(text)
  expect(whole).toHaveLength(4)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(text.length)), async (places) => {
      const cuts = [0, ...places.sort((left, right) => left - right), text.length]
      expect(await eventsIn(...cuts.slice(1).map((end, index) => text.slice(cuts[index], end)))).toEqual(whole)
    }),
  )
})

test('an event without an end is given up', async () => {
  async function* endless() {
    yield 'data: '
    for (;;) yield 'x'.repeat(1 << 20)
  }
  await expect(Array.fromAsync(eventsOf(endless(), 'http://api'))).rejects.toMatchObject({
    code: 'API_FAILED',
    facts: { endpoint: 'http://api' },
  })
})
