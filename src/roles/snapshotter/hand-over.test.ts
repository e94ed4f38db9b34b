import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { BlockNumber, Cid, ContractNumber, EpochId, Hash, ProjectId, SlotId } from '#domain/ids.ts'
import type { Submission } from '#domain/submission.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { handOver } from './hand-over.ts'

const BLOCK = {
  number: 1 as BlockNumber,
  contractNumber: 1 as ContractNumber,
  hash: '0x01' as Hash,
  parentHash: '0x00' as Hash,
  timestamp: 1,
}
const VOTE = { epochId: 1 as EpochId, projectId: 'a:B' as ProjectId, slotId: 7 as SlotId, snapshotCid: 'cid' as Cid }

/** A vote on its way, with a signer that may be on another machine: each signature comes when the test gives it. */
function signing() {
  const clock = createVirtualClock()
  const asked: PromiseWithResolvers<Submission>[] = []
  const sent: Submission[] = []
  const state = { isOurs: true, retries: 0 }
  const handed = handOver(VOTE, new AbortController().signal, {
    clock,
    random: createSeededRandom(1),
    report: () => undefined,
    head: () => BLOCK,
    isOurs: () => state.isOurs,
    inTurn: (work) => work(),
    onRetry: () => {
      state.retries += 1
    },
    sign() {
      const signature = Promise.withResolvers<Submission>()
      asked.push(signature)
      return signature.promise
    },
    collector: {
      async submitSnapshot(submission) {
        sent.push(submission)
        return 'Success'
      },
      close: async () => undefined,
    },
  })
  return { clock, asked, sent, state, handed }
}

test('N8: a slot that is given away while it is being signed for: nothing is sent', async () => {
  const { asked, sent, state, handed } = signing()
  state.isOurs = false
  asked[0]?.resolve({} as Submission)
  expect([await handed, sent]).toEqual([undefined, []])
})

test('what a signer elsewhere refuses, or signs wrongly, is asked of it again, and nothing is sent before it is right', async () => {
  const { clock, asked, sent, state, handed } = signing()
  const about = { signer: 'https://there', account: '0x01' }
  asked[0]?.reject(new WeftError('SIGNER_LIED', { ...about, by: 'nobody' }))
  await clock.advance(5_000)
  asked[1]?.reject(new WeftError('SIGNER_FAILED', { ...about, detail: 'HTTP 500' }))
  await clock.advance(5_000)
  expect([asked.length, sent.length, state.retries]).toEqual([3, 0, 2])
  asked[2]?.resolve({} as Submission)
  expect([await handed, sent.length]).toEqual([BLOCK, 1])
})
