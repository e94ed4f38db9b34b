/** Why something ended as it did, as records and log lines carry it, where no other table has it. */

/** What a validator says of a batch. */
export const BATCH_REASONS = {
  not_fetched: 'Nobody served the batch file before its attestation window was over.',
  cid_malformed: 'What the chain names is no CID of a batch.',
  too_large: 'The file is larger than any batch may be, or one block of it than any block.',
  integrity: 'The file is not what the chain says; the evidence lists the checks that failed.',
  too_many: 'The epoch has more batches before it than anybody looks at.',
  unavailable:
    'The bytes of a result were not to be had here before the attestation window was nearly over, and the market asks that they can.',
  epoch_unseen: 'The release of the epoch is not on the part of the chain that this validator has read.',
  rules_unknown:
    'The market has other rules for this epoch, and its manifest was not to be had, or not to be followed, before the attestation window was over.',
  not_on_chain: 'A reorganisation removed the batch; should it come back, it is taken up again.',
  conflict: 'This validator attested another root for the batch before, and never signs two.',
  refused: 'The contract refused the attestation.',
  attested_before: 'The attestation was on chain already.',
} as const

/** Why a validator cannot tell what a project's data are. It speaks for no other root then. */
export const RECOMPUTE_REASONS = {
  not_planned: 'The computes of the market make no such project.',
  aggregate: 'It is built from earlier epochs, which this validator does not compute anew.',
  compute_failed: 'The compute, or one of its preloads, failed here.',
  nothing_happened:
    'Computed here, the data source has nothing to tell of the epoch, and so no CID that the one in the batch could be compared with.',
  source_late: 'The source endpoint of this validator did not answer in time, or has not come past the epoch yet.',
  block_unseen:
    'No anchor endpoint had the block that the batch came with, by which projects are chosen, before the attestation window was nearly over.',
  unsteady: 'The source endpoint of this validator gave other data the second time, or a reorganisation removed blocks that were read.',
} as const

/** Why a sequencer sends nothing in the place of a batch that a majority of the validators refuted. */
export const DISPUTE_REASONS = {
  result_stands: 'Its votes give just what was refuted: it has nothing else to say.',
  round_over: 'The batch window of the round was over before it could answer.',
  rounds_over: 'It answered in every round that the contract gives an epoch.',
  earlier_unreadable:
    'Its correction would have to continue the tree of all batches of the epoch on chain, and nobody serves one of them. The validators stand in when it is there in time.',
  rules_unknown: 'What its votes give cannot be worked out again: the release of the epoch, or its rules, are not known any more.',
} as const
export type DisputeReason = keyof typeof DISPUTE_REASONS

/** Why there is no data point, or no bytes of it. */
export const ABSENCE_REASONS = {
  project_unknown: 'No batch that is kept here names this project. Spelled alike: `nearest`.',
  project_later: 'The project is known only from a later epoch on: `firstEpochId`.',
  epoch_not_released: 'The epoch is still to come; `newestEpochId` is the newest.',
  epoch_skipped: 'The epoch was never released, though later ones were.',
  epoch_forgotten: 'The epoch is older than what is kept here: that begins with `oldestEpochId`.',
  epoch_open: 'Its batches may still come: until anchor block `untilBlock`, as contracts number blocks.',
  window_over:
    'The window for its batches ended with anchor block `untilBlock`, as contracts number blocks, and the sequencer has not said that it was done: no more of them come.',
  not_final: 'The project is on chain from epoch `firstEpochId` on, and nothing of it is final yet.',
  not_batched: 'The epoch is over, and none of its batches holds the project.',
  not_read: 'A batch of the epoch, which may hold the project, has not been read: nobody serves its file.',
  not_indexed: 'The index has not come so far: it is at block `indexedBlock`.',
  unavailable: 'Its CID is known, and nobody has served the bytes yet; they are asked for again.',
  not_json: 'The bytes are served and are not JSON.',
} as const
export type AbsenceReason = keyof typeof ABSENCE_REASONS

/** What else logs and tables say in one word. */
export const WORDS = {
  accepted: 'A receipt: the submission counts.',
  duplicate: 'A receipt: the same vote was there before, and counts once.',
  simulated: 'A receipt: a submission of epoch 0 was seen. It shows that a snapshotter is alive, and is never counted.',
  acknowledged: 'So many submissions have a receipt that says that they are counted.',
  queued: 'So many submissions wait for their turn, or for a sequencer that answers: they are on disk, and nothing is lost.',
  included: 'A batch of the epoch holds the vote.',
  missing:
    'No batch of the epoch holds the vote, though its project has a result: `./weft outbox receipt` takes out what proves that it was taken.',
  pending: 'On chain in a batch, and not attested by a majority of the validators yet.',
  open: 'Batches of the epoch may still come.',
  empty: 'The epoch is over, and no batch of it is on chain.',
  absent: 'There is no such data point: the reason beside it says why.',
  sent: 'So many submissions went to a peer that never answers: whether they count, only the chain tells.',
  rejected: 'Refused for good: the receipt says why, and nothing is sent again.',
  expired: 'So many submissions found no place in time: their window was over, or no receipt came for so long that it must be.',
  outvoted:
    'A slot voted for another CID than the one that won. More than one such vote in an epoch points at a compute that is not deterministic, or at a lie.',
  divergent: 'Whether the root that the validator computed is another one than the root of the sequencer: 1 or 0.',
  disputed: 'A majority of the validators stands behind another result than the one on chain, and no corrected batch is final yet.',
  missed: 'Projects that did not become final in the epoch, each with its reason.',
  finalized: 'Projects that have a CID with enough votes and enough attestations, of those that the market has.',
  attested: 'Validators that attested every batch of the epoch.',
  lost: 'Calls that a reorganisation took off the chain and that came too late the second time.',
  times: 'How often the same trouble came since the line was written last.',
} as const

/** How a delivery ended that has no receipt. */
export const DELIVERY_REASONS = {
  unacknowledged: 'Sent to a peer that never answers: whether it counts, only the chain tells.',
  window_over: 'No receipt came before the window of the epoch was over on the anchor chain: given up.',
  too_old: 'No receipt came for so long that no window can be open any more: given up, by a collector that asks no chain.',
} as const
export type DeliveryReason = keyof typeof DELIVERY_REASONS

/** Why the contract is not told what slots delivered on a day. */
export const UNTOLD_REASONS = {
  rewards_off: 'The market does not ask for counts: its rewards flag is off.',
  day_not_whole: 'This sequencer has not followed the day from its first epoch on: the counts that it has are not all.',
} as const
export type UntoldReason = keyof typeof UNTOLD_REASONS

/** What an RPC endpoint does that it should not. */
export const ENDPOINT_TROUBLES = {
  unreachable: 'It does not answer: is it running, and is its URL right?',
  busy: 'It takes no more questions for now: another one, or a plan with more of them; `rps` behind its URL says how many it takes.',
  invalid: 'Its answer is none: a wrong key or path, or no endpoint of such a chain at all.',
  batch: 'It takes no list of calls.',
  too_large: 'It takes no question so large, or gives no answer so large.',
  slow: 'Others that are asked later answer before it.',
  redirects: 'It sends to another place, whose URL would be better.',
  limits_batch: 'It takes no longer list of calls, and is asked in parts.',
  limits_range: 'It takes no longer range of blocks, and is asked in parts.',
  limits_results: 'It takes no longer list of logs, and is asked in parts.',
  lagging: 'It lacks blocks that others have.',
  incomplete: 'It lacks what another one has.',
  wrong_chain:
    'It serves another chain than the one that is asked for, or the same begun anew: nothing that it says counts. Correct its URL; when the right chain is back it is used again.',
  omits: 'It kept a log back: it is not asked for a minute, and longer each time, while there are others.',
  invents: 'It made a log up: it is not asked for a minute, and longer each time, while there are others.',
  forges:
    'A header has not its hash, or receipts not their root: it is not asked for a minute, and longer each time, while there are others.',
  contradicts:
    'It answers otherwise for a contract than others do at the same block. Where most others say the same it is not asked for a minute, and longer each time; of two nobody knows which is right.',
  withholds: 'It does not give the receipts that would prove what it says.',
  other_forks: 'What it says is of two forks, or of another one than the others follow.',
} as const

/** What an IPFS gateway does that it should not: it is asked after the others for a minute, and longer when it does so again. */
export const GATEWAY_TROUBLES = {
  unreachable: ENDPOINT_TROUBLES.unreachable,
  redirects: ENDPOINT_TROUBLES.redirects,
  slow: 'Others that are asked later give a block before it, or it begins one and does not end it in time: one that is nearer, or has more room.',
  refuses:
    'It answers with a failure, whose number is the `detail`: 429 and 503 say that it takes no more questions for now, others mostly that there is no trustless gateway at its URL.',
  lies: 'What it gives is not what the CID names, or is longer than what is read of any block. Nothing of it was used, but do not trust it: take it out of --gateways, or ask whoever runs it.',
} as const

/** Why a role is not ready: its next submission, batch or vote would not be accepted, or nothing shows that it would. */
export const UNREADY_REASONS = {
  starting: 'The role has not started yet; the last line of its log says what it waits for: chains, the rules of its market, a port.',
  ended: 'The role has ended by itself, or is being stopped; `failed` in its log says why.',
  anchor_unread: 'The anchor chain is not read up to its head yet.',
  anchor_unreachable:
    'The last question to the anchor chain was not answered, by any endpoint that was asked. `./weft rpc check URL` says what an endpoint can do.',
  anchor_exchanged:
    'The endpoints of the anchor chain serve another chain now, or the same begun anew, and nothing that they say counts: `endpoint_trouble` in the log says how it shows. Correct --anchor-rpc-url; the role goes on by itself when the right chain is back.',
  anchor_silent:
    'No newer block of the anchor chain has come for two minutes, or on a slow chain for as long as five of its blocks take: its endpoints stand still, or the chain does. `./weft rpc check URL` compares them.',
  anchor_old:
    "The newest block of the anchor chain is older than two minutes, or on a slow chain than five of its blocks take, by this machine's clock: the endpoints are behind, or the clock is ahead. `./weft doctor` says which.",
  clock_behind:
    "The newest block of the anchor chain is from the future by this machine's clock: set the clock, `timedatectl set-ntp true`.",
  source_unreachable:
    'The last question to the source chain was not answered, by any endpoint that was asked. `./weft rpc check URL` says what an endpoint can do.',
  source_exchanged:
    'The endpoints of the source chain serve another chain now, or the same begun anew, and nothing that they say counts: `endpoint_trouble` in the log says how it shows. Correct --source-rpc-url; the role goes on by itself when the right chain is back.',
  not_appointed: 'The market has not appointed the account of the role. The command in its log line `not_appointed` does it.',
  twin_listening:
    'Nothing is signed yet: it is listened first whether another process signs with this account. `--listen-epochs` says for how long.',
  restored:
    'The role was restored from a backup, which does not know what was signed after it was made: it waits for the next epoch to be released, and begins with it by itself. Where none comes for longer than an epoch takes, nobody releases them: see the epochs role of the market.',
  twin_found:
    'Another process signs with this account: the detail is a transaction that this one did not send. Nothing is signed any more. Stop one of the two, then start this one again.',
  account_stuck:
    'A transaction of the account is not taken by any node: `call_needs_person` in the log says what is missing, mostly ether.',
  signer_failed:
    'The remote signer gives no signature, and nothing is sent without one; the detail is the code. `./weft doctor` asks it for one. Ready again a minute after the last failure.',
  rules_unknown: 'The rules of the market are not known here: `manifest_unknown` in the log says which manifest is missing.',
  store_full: 'The disk, or what this user may take of it, is full: what would come next is refused. Make room; it goes on by itself.',
  slots_lost: 'A slot of `--slots` has another signer now, or is gone. `./weft slots show` says whose it is.',
  unproven: 'Nothing was handed over or sent since the start, so that nothing shows whether the next would be taken.',
  hand_over_failed: 'The collector did not take the last submission; the detail says why. Does it run, and is `--collector` its address?',
  unlinked: 'The collector has no link to a sequencer: `dial_failed` in the log says which addresses do not answer.',
  ipfs_alone:
    'No node of `--ipfs-peers` is reached, so that the sequencer fetches nothing from here, and its market counts only what it can fetch: `ipfs_peer_away` in the log says why. Where none is named, name that of the sequencer: the `ipfs` of its `endpoints.json`.',
  receipt_refused: 'The last receipt refuses for a reason that the next submission shares; the detail is its code.',
  relay_full: 'The relay has no place for another peer: `--reservations-max` is the limit.',
  index_behind: 'The index has not read the anchor chain up to its head, or nobody writes it.',
} as const
export type UnreadyReason = keyof typeof UNREADY_REASONS
