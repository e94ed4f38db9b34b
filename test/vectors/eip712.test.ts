import { describe, expect, test } from 'vitest'
import { parseAddress } from '#domain/ids.ts'
import type { SubmissionRequest } from '#domain/submission.ts'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionHasher, parseSignature } from '#wire/eip712.ts'
import vector from './eip712.json' with { type: 'json' }

describe('a submission of the deployed network', () => {
  const hasher = createSubmissionHasher({ chainId: vector.chainId, protocolState: parseAddress(vector.protocolState) })
  const request = vector.request as SubmissionRequest

  test('has our domain separator, struct hash and digest', () => {
    expect(hasher.domainSeparator).toBe(vector.domainSeparator)
    expect(`0x${hasher.structHash(request).toHex()}`).toBe(vector.structHash)
    expect(`0x${hasher.digest(request).toHex()}`).toBe(vector.digest)
  })

  test('recovers to its signer', () => {
    const signature = parseSignature(vector.signature)
    expect(signature && recoverer.recover(hasher.digest(request), signature)).toBe(parseAddress(vector.signer))
  })

  test('recovers to somebody else when one signed field differs', () => {
    const signature = parseSignature(vector.signature) as Uint8Array
    for (const change of [{ slotId: 4037 }, { deadlineBlock: 6624039 }, { epochId: 11268 }, { projectId: 'a:B' }, { snapshotCid: 'c' }]) {
      expect(recoverer.recover(hasher.digest({ ...request, ...change } as SubmissionRequest), signature)).not.toBe(
        parseAddress(vector.signer),
      )
    }
  })
})
