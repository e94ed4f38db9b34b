import { expect, test } from 'vitest'
import type { SubmissionId } from '#domain/ids.ts'
import { createFakeStore } from '#io/store/fake.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import { createHeard } from './heard.ts'
import { CID_A, openWorld } from './validator.test-world.ts'

test('V16: of a vote that was heard nothing is kept that its sender may make as long as it likes', async () => {
  const submission = (await openWorld()).submission(1, CID_A)
  const submissionId = '00000000-0000-4000-8000-000000000001' as SubmissionId
  const received = { submissionId, submission, protocol: 'weft', payload: encodeSubmission(submission) }
  const heard = createHeard(createFakeStore())
  expect(heard.record(received, 1).code).toBe('accepted')
  expect(heard.of(submission.request.epochId)).toEqual([{ submissionId, submission }])
})
