import { expect, test } from 'vitest'
import type { Address } from '#domain/ids.ts'
import { decodePassed, encodePassed } from './frames.ts'

const passed = (id: number, length: number) => ({
  id,
  peer: 'peer',
  protocol: 'weft' as const,
  submissionId: `00000000-0000-4000-8000-00000000000${id}`,
  signer: `0x${'5a'.repeat(20)}` as Address,
  payload: new Uint8Array(length).fill(id),
})

test('G7: a delivery that waits does not hold the message in which it came', () => {
  const sent = [passed(1, 10), passed(2, 60_000)]
  const [message] = encodePassed(sent, 100_000) as [Uint8Array]
  const came = decodePassed(message)
  expect(came).toEqual(sent)
  expect(came?.map(({ payload }) => payload.buffer.byteLength)).toEqual([10, 60_000])
})
