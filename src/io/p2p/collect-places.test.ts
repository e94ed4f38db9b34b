import type { Connection, Stream } from '@libp2p/interface'
import { expect, test } from 'vitest'
import type { Submission } from '#domain/submission.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { createCollectLink } from './collect-link.ts'
import { idOf } from './suite.ts'

const payload = encodeSubmission({
  request: { slotId: 1, deadlineBlock: 9, snapshotCid: 'bafkrei', epochId: 1, projectId: 'a:N' },
  signature: '1'.repeat(130),
  header: `0x${'2'.repeat(64)}`,
  dataMarket: `0x${'3'.repeat(40)}`,
  nodeVersion: 'v1',
  protocolState: '',
} as unknown as Submission)

test('G7: a place that becomes free is that of the next in line; who sends at that very moment waits behind', async () => {
  const closings: PromiseWithResolvers<void>[] = []
  const newStream = async () => {
    const closing = Promise.withResolvers<void>()
    closings.push(closing)
    return { status: 'open', send: () => true, close: () => closing.promise, addEventListener: () => undefined } as unknown as Stream
  }
  const connection = { status: 'open', newStream, addEventListener: () => undefined } as unknown as Connection
  const link = createCollectLink({ address: '/there', connection, stream: await newStream() })
  const send = (index: number) => link.send({ submissionId: idOf(index), payload })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const sent = Array.from({ length: 17 }, (_, index) => send(index))
  await turn()
  expect(closings).toHaveLength(16)
  const late = closings[0]?.promise.then(() => send(17))
  closings[0]?.resolve()
  await turn()
  expect(closings).toHaveLength(17)
  for (let index = 1; index < 18; index += 1) {
    closings[index]?.resolve()
    await turn()
  }
  expect(await Promise.all([...sent, late])).toEqual(Array(18).fill('unacknowledged'))
})
