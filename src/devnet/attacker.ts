import type { Cid, EpochId, ProjectId, SlotId } from '#domain/ids.ts'
import type { BlockNumber } from '#domain/ids.ts'
import type { AnchorChain, BlockRef } from '#io/chain/port.ts'
import { systemClock } from '#io/clock/system.ts'
import { systemRandom } from '#io/keys/random.ts'
import { createSigner } from '#io/keys/secp256k1.ts'
import { createSubmissionDialer } from '#io/p2p/dialer.ts'
import { createSubmissionHasher } from '#wire/eip712.ts'
import { keccak256 } from '#wire/keccak.ts'
import { encodeSubmission } from '#wire/submission-proto.ts'
import type { DevAccount } from './accounts.ts'

/** Blocks for which what it signs may be used: longer than any window of the devnet. */
const DEADLINE_BLOCKS = 100
/** The sequencer may not have seen the release yet: asked again as often, this far apart. */
const [RETRIES_MAX, RETRY_PAUSE_MS] = [40, 50]
const COME_AGAIN: readonly string[] = ['epoch_unknown', 'not_ready', 'header_unknown']

/** A vote with nothing wrong but what it says. */
export interface Vote {
  readonly slotId: SlotId
  readonly account: DevAccount
  readonly projectId: ProjectId
  readonly snapshotCid: Cid
}

/** Whoever has a key votes for whatever it likes, straight to the sequencer. Answers with how many votes got which receipt. */
export async function cast(
  votes: readonly Vote[],
  { epochId, release }: { readonly epochId: EpochId; readonly release: BlockRef },
  { chain, sequencer }: { readonly chain: AnchorChain; readonly sequencer: string },
): Promise<Readonly<Record<string, number>>> {
  const dialer = await createSubmissionDialer({ identity: keccak256(new TextEncoder().encode('weft devnet attacker')) })
  const hasher = createSubmissionHasher(chain)
  const receipts: Record<string, number> = {}
  const payloadOf = ({ slotId, account, projectId, snapshotCid }: Vote): Uint8Array => {
    const deadlineBlock = (release.number + DEADLINE_BLOCKS) as BlockNumber
    const request = { slotId, deadlineBlock, snapshotCid, epochId, projectId }
    const { dataMarket, protocolState } = chain
    const signature = createSigner(account.key).sign(hasher.digest(request))
    return encodeSubmission({ request, signature, header: release.hash, dataMarket, nodeVersion: 'v6.6.6', protocolState })
  }
  try {
    const link = await dialer.dial(sequencer, new AbortController().signal)
    const send = async (vote: Vote): Promise<void> => {
      const payload = payloadOf(vote)
      for (let tries = 0; ; tries += 1) {
        const receipt = await link.send({ submissionId: systemRandom.uuid(), payload })
        const code = receipt === 'unacknowledged' ? receipt : receipt.code
        if (!COME_AGAIN.includes(code) || tries === RETRIES_MAX) {
          receipts[code] = (receipts[code] ?? 0) + 1
          return
        }
        await systemClock.sleep(RETRY_PAUSE_MS)
      }
    }
    await Promise.all(votes.map(send))
    await link.close()
  } finally {
    await dialer.stop()
  }
  return receipts
}
