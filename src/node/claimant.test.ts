import { expect, test } from 'vitest'
import { recoverer } from '#io/keys/secp256k1.ts'
import { createSubmissionHasher, parseSignature, relayAdmissionDigest } from '#wire/eip712.ts'
import { claimantOf, SLOT_OF_SEQUENCER } from './claimant.ts'
import { readSettings } from './read-settings.ts'
import { signerAccount } from './signer.ts'

const keyless = {
  WEFT_DATA_DIR: '/tmp/listener',
  WEFT_ANCHOR_RPC_URL: 'http://127.0.0.1:8545',
  WEFT_ANCHOR_CHAIN_ID: '7869',
  WEFT_PROTOCOL_STATE: `0x${'ab'.repeat(20)}`,
  WEFT_DATA_MARKET: `0x${'cd'.repeat(20)}`,
  WEFT_NATS: 'nats://127.0.0.1:4222',
}
const listener = (env: Record<string, string>) => readSettings('sequencer', { mode: 'listen' }, { ...keyless, ...env })

test('a listener of a sequencer in parts vouches at relays with the sequencer’s key where it has that, and without it nowhere', async () => {
  expect(claimantOf(listener({}), SLOT_OF_SEQUENCER)).toBeUndefined()
  const settings = listener({ WEFT_SIGNER_KEY: 'ee'.repeat(32) })
  const question = { relay: 'relay', peer: 'listener', nonce: new Uint8Array(32) }
  const claim = await claimantOf(settings, SLOT_OF_SEQUENCER)?.(question)
  const { domainSeparator } = createSubmissionHasher({ chainId: settings.anchorChainId, protocolState: settings.protocolState })
  const signature = parseSignature(claim?.signature ?? '')
  const digest = relayAdmissionDigest({ slotId: SLOT_OF_SEQUENCER, ...question }, domainSeparator)
  expect(signature && recoverer.recover(digest, signature)).toBe(signerAccount(settings))
})
