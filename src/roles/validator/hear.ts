import type { AnchorView, ReleasedEpoch } from '#domain/anchor-view.ts'
import { isProjectId } from '#domain/ids.ts'
import type { Rejection } from '#domain/rejection.ts'
import type { Submission } from '#domain/submission.ts'
import { type Votable, type VoteCheck, votableOf } from '#domain/votable.ts'
import { isWindowOpen } from '#domain/window.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import type { Inbound, SubmissionListener } from '#io/intake/port.ts'
import type { ManyRecoverer } from '#io/keys/port.ts'
import type { Store } from '#io/store/port.ts'
import type { Life } from '#life/live.ts'
import { offer } from '#life/offer.ts'
import { isSnapshotCid } from '#wire/cid.ts'
import { parseSignature, type SubmissionHasher } from '#wire/eip712.ts'
import { type Received, receive } from '#wire/receive.ts'
import { pairsOf, type Signed } from '#wire/signed-pairs.ts'
import type { Heard } from './heard.ts'
import type { JudgedBy } from './recheck.ts'

export interface HearDeps {
  readonly listener: SubmissionListener
  readonly store: Store
  readonly chain: Pick<AnchorChain, 'dataMarket'>
  readonly view: AnchorView
  readonly hasher: SubmissionHasher
  readonly recoverer: ManyRecoverer
  readonly heard: Heard
  /** Asked once for each release. */
  learnRules(epoch: ReleasedEpoch): Promise<JudgedBy | undefined>
}

export interface Ear {
  /** Takes in what is sent until the signal aborts. */
  listen(): Promise<void>
  /** To be called with each block: rules of new epochs are asked for. Does not wait. */
  look(): void
}

/**
 * What collectors send a validator beside the sequencer, judged by the rules by which a batch's submissions count (V16). While the window of its
 * epoch is open only: what comes later may as well have come too late to the sequencer. Receipts promise nothing, for nobody waits for them.
 */
export function createEar(deps: HearDeps, { signal, spawn }: Pick<Life, 'signal' | 'spawn'>): Ear {
  const { view, heard, store } = deps
  const judging = new WeakMap<ReleasedEpoch, JudgedBy | 'asked'>()

  async function learn(epoch: ReleasedEpoch): Promise<void> {
    const judgedBy = await deps.learnRules(epoch)
    if (judgedBy !== undefined) judging.set(epoch, judgedBy)
  }

  /** While the disk is full nothing is taken, and nothing waits for it. Order: the tables, one signature for each that is left, the disk, and then the answers. */
  async function takeIn(deliveries: readonly Inbound[]): Promise<void> {
    const answers = deliveries.map((delivery) => ({ delivery, judged: judge(delivery, (epoch) => judging.get(epoch), deps) }))
    const signed = answers.flatMap(({ judged }) => (typeof judged === 'string' ? [] : judged.signed))
    const signers = (await deps.recoverer.recoverMany(pairsOf(signed)))[Symbol.iterator]()
    const told = answers.map(({ delivery, judged }) => {
      if (typeof judged === 'string') return { delivery, code: judged, writes: [] }
      if (signers.next().value !== judged.votable.signer) return { delivery, code: 'signer_mismatch' as const, writes: [] }
      return { delivery, ...heard.record(judged.received, judged.judgedBy.rules.projectsPerSlotMax) }
    })
    const writes = told.flatMap((each) => each.writes)
    const isDurable = writes.length === 0 || (await offer(writes, store))
    for (const { delivery, code, writes: own } of told)
      delivery.respond({
        submissionId: delivery.submissionId as never,
        code: isDurable || own.length === 0 ? code : 'disk_full',
        reason: '',
      })
  }

  return {
    async listen() {
      for await (const deliveries of deps.listener.inbound(signal)) await takeIn(deliveries)
    },
    look() {
      for (const epoch of view.epochs()) {
        if (judging.has(epoch)) continue
        judging.set(epoch, 'asked')
        void spawn(learn(epoch))
      }
    },
  }
}

interface Judged {
  readonly received: Received
  readonly judgedBy: JudgedBy
  readonly votable: Extract<Votable, { readonly ok: true }>
  readonly signed: Signed
}

/** All that can be said of it without its signature. */
function judge(
  delivery: Inbound,
  judgedByOf: (epoch: ReleasedEpoch) => JudgedBy | 'asked' | undefined,
  deps: HearDeps,
): Judged | Rejection {
  const parsed = receive(delivery)
  if (!parsed.ok) return parsed.why
  const { received } = parsed
  const { submission } = received
  const content = contentRejection(submission, deps)
  if (content !== undefined) return content
  const epoch = deps.view.epoch(submission.request.epochId)
  if (deps.store.isFull()) return 'disk_full'
  const judgedBy = epoch && judgedByOf(epoch)
  if (epoch === undefined || judgedBy === undefined || judgedBy === 'asked') return 'epoch_unknown'
  if (deps.view.head === undefined || !isWindowOpen(judgedBy.window, deps.view.head)) return 'window_closed'
  const votable = votableOf(submission, { ...judgedBy.rules, epochId: epoch.epochId, window: judgedBy.window, view: deps.view })
  if (!votable.ok) return REJECTED[votable.check]
  const signature = parseSignature(submission.signature)
  if (signature === undefined) return 'signature_malformed'
  return { received, judgedBy, votable, signed: { digest: deps.hasher.digest(submission.request), signature } }
}

function contentRejection({ request, dataMarket }: Submission, { chain }: HearDeps): Rejection | undefined {
  if (dataMarket.toLowerCase() !== chain.dataMarket.toLowerCase()) return 'market_unknown'
  if (!isProjectId(request.projectId)) return 'project_malformed'
  return isSnapshotCid(request.snapshotCid) ? undefined : 'cid_malformed'
}

/** What a receipt says of a vote that does not count. */
const REJECTED = {
  submission_epoch: 'epoch_unknown',
  submission_namespace: 'project_not_allowed',
  submission_listed: 'project_not_allowed',
  submission_header: 'header_unknown',
  submission_deadline: 'deadline_passed',
  submission_slot: 'slot_unknown',
} as const satisfies Record<VoteCheck, Rejection>
