import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Address, SlotId } from '#domain/ids.ts'
import { createFakeChain, type FakeChain, marketOf } from '#io/chain/fake/anchor.ts'
import { createVirtualClock } from '#io/clock/fake.ts'
import { createSeededRandom } from '#io/keys/random.ts'
import { createSigner, parsePrivateKey, recoverer } from '#io/keys/secp256k1.ts'
import type { Claim } from '#io/p2p/port.ts'
import { createSubmissionHasher, relayAdmissionDigest } from '#wire/eip712.ts'
import { createAdmission } from './admit.ts'

const [FIRST, SECOND, SEQUENCER] = ['11', '22', '33'].map((digits) => createSigner(parsePrivateKey(digits.repeat(32)))) as [
  Signer,
  Signer,
  Signer,
]
type Signer = ReturnType<typeof createSigner>
const NONCE = new Uint8Array(32).fill(7)

describe('R6: a claim', () => {
  let stopping = new AbortController()
  let chain: FakeChain
  let clock = createVirtualClock()
  let recoveries = 0
  let running: Promise<void> | undefined
  beforeEach(() => {
    stopping = new AbortController()
    clock = createVirtualClock()
    recoveries = 0
    const market = marketOf({ epochManager: `0x${'0e'.repeat(20)}` as Address, sequencers: [SEQUENCER.address] })
    chain = createFakeChain({ clock, market, signers: [FIRST.address, SECOND.address], pollMs: 500, reorgDepthMax: 127 })
  })
  afterEach(async () => {
    stopping.abort()
    if (running !== undefined) await clock.runUntil(running, { limitMs: 10_000 })
  })

  async function start() {
    const counted = {
      recover(...signed: Parameters<typeof recoverer.recover>) {
        recoveries += 1
        return recoverer.recover(...signed)
      },
    }
    const admission = createAdmission({ chain, recoverer: counted, clock, random: createSeededRandom(1), report: () => undefined })
    running = admission.run(stopping.signal)
    running.catch(() => undefined)
    return admission
  }
  async function mine() {
    chain.mine()
    await clock.advance(1_000)
  }
  const claim = (slotId: number, signer: Signer, change: Partial<Claim> = {}, signed: Partial<Claim> = {}): Claim => {
    const question = { relay: 'relay', peer: 'peer', nonce: NONCE }
    const { domainSeparator } = createSubmissionHasher(chain)
    const signature = signer.sign(relayAdmissionDigest({ slotId, ...question, ...signed }, domainSeparator))
    return { slotId, signature, ...question, ...change }
  }

  test('holds when the signer of the slot has signed it, or for slot 0 a sequencer of the market', async () => {
    const admission = await start()
    expect(admission.judge(claim(1, FIRST))).toBe('not_ready')
    await mine()
    expect([claim(1, FIRST), claim(2, SECOND), claim(0, SEQUENCER)].map(admission.judge)).toEqual([
      { by: 'slot 1', isSequencer: false },
      { by: 'slot 2', isSequencer: false },
      { by: SEQUENCER.address, isSequencer: true },
    ])
    expect([claim(1, SECOND), claim(0, FIRST), claim(2, SEQUENCER)].map(admission.judge)).toEqual(Array(3).fill('signer_mismatch'))
  })

  test('is of one relay, one peer and one question: what was signed elsewhere is worth nothing', async () => {
    const admission = await start()
    await mine()
    const stolen = [{ relay: 'another' }, { peer: 'thief' }, { nonce: new Uint8Array(32) }]
    expect(stolen.map((change) => admission.judge(claim(1, FIRST, change)))).toEqual(Array(3).fill('signer_mismatch'))
    expect(stolen.map((signed) => admission.judge(claim(1, FIRST, {}, signed)))).toEqual(Array(3).fill('signer_mismatch'))
  })

  test('G7: costs one recovery at most, and none where the slot or the signature is no such thing', async () => {
    const admission = await start()
    await mine()
    expect(admission.judge(claim(3, FIRST))).toBe('slot_unknown')
    expect(admission.judge(claim(1, FIRST, { signature: 'ff'.repeat(65) }))).toBe('signature_malformed')
    expect(recoveries).toBe(0)
    admission.judge(claim(1, SECOND))
    expect(recoveries).toBe(1)
  })

  test('of one who signs no more does not hold from the next block on; of who signs now it does', async () => {
    const admission = await start()
    await mine()
    chain.assignSigner(1 as SlotId, SECOND.address)
    chain.burnSlot(2 as SlotId)
    await mine()
    expect(admission.judge(claim(1, FIRST))).toBe('signer_mismatch')
    expect(admission.judge(claim(1, SECOND))).toMatchObject({ by: 'slot 1' })
    expect(admission.judge(claim(2, SECOND))).toBe('slot_unknown')
    chain.changeMarket({ sequencers: [FIRST.address] })
    await mine()
    await clock.advance(61_000)
    expect([claim(0, SEQUENCER), claim(0, FIRST)].map(admission.judge)).toEqual([
      'signer_mismatch',
      { by: FIRST.address, isSequencer: true },
    ])
  })
})
