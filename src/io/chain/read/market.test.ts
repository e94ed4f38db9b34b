import { expect, test } from 'vitest'
import type { Address } from '#domain/ids.ts'
import { readMarketState } from './market.ts'

const account = (digits: string) => `0x${digits.repeat(20)}` as Address
const MARKET = account('aa')

test('every part of a market is what the function of its name answers for it', async () => {
  const answers: Readonly<Record<string, unknown>> = {
    EPOCH_SIZE: 10,
    SOURCE_CHAIN_ID: 137n,
    SOURCE_CHAIN_BLOCK_TIME: 21_500n,
    snapshotSubmissionWindow: 20n,
    batchSubmissionWindow: 60n,
    attestationSubmissionWindow: 120n,
    minAttestationsForConsensus: 2n,
    epochManager: account('B1'),
    getSequencers: [account('C1'), account('C2')],
    getValidators: [account('D1')],
  }
  const view = async (name: string, [market]: readonly unknown[]) => {
    expect(market).toBe(MARKET)
    return answers[name]
  }
  expect(await readMarketState(view as never, MARKET)).toEqual({
    epochSize: 10,
    sourceChainId: 137,
    sourceBlockTimeSeconds: 2.15,
    snapshotWindowBlocks: 20,
    batchWindowBlocks: 60,
    attestationWindowBlocks: 120,
    attestationsMin: 2,
    epochManager: account('b1'),
    sequencers: [account('c1'), account('c2')],
    validators: [account('d1')],
  })
})
