/**
 * Every event of a log, once: how loud it is and what it means. `debug`: one of many, written only when asked for. `info`: what an operator
 * would tell a friend. `warn`: goes on by itself, and somebody should know. `error`: lost or stopped, a person is needed.
 */

import { EPOCH_REASONS } from './epoch.ts'
import {
  BATCH_REASONS,
  DISPUTE_REASONS,
  ENDPOINT_TROUBLES,
  GATEWAY_TROUBLES,
  RECOMPUTE_REASONS,
  UNREADY_REASONS,
  UNTOLD_REASONS,
} from './reasons.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface EventRow {
  readonly level: LogLevel
  readonly help: string
  /** Comes again and again while something is wrong: the log has it once in a while, with the number of `times`. */
  readonly isRepeated?: true
  /** Goes on until this event of the log says that it is over. */
  readonly until?: string
  /** Facts that are one word, or several, of a table: each word with its meaning. */
  readonly words?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export const EVENTS = {
  // Every role
  starting: { level: 'info', help: 'The role opens what it needs: its folder, chains, the rules of its market, its sockets.' },
  manifest_sought: {
    level: 'info',
    help: 'The role needs the manifest `cid` of its market, which is not `lookedIn`, and asks the IPFS nodes that it is connected to before it starts.',
  },
  started: { level: 'info', help: 'The role listens at these places and begins its work.' },
  ready: { level: 'info', help: 'The chain was read up to its head: from now on submissions are judged at once.' },
  restored: {
    level: 'warn',
    until: 'restored_over',
    help: 'The role starts on what was restored from a backup, which does not know what was signed after it was made. Nothing is signed for epochs up to `upTo`, the newest that is released: the role begins with the next one, by itself.',
  },
  restored_over: { level: 'info', help: 'Epoch `epochId` is released: the role, which was restored from a backup, begins with it.' },
  unready: {
    level: 'warn',
    until: 'unready_over',
    help: 'The role has not been ready for a while: its next submission, batch or vote would not be accepted. `reason` says why, and `help` what to do; said once. `./weft status` shows what there is beside.',
    words: { reason: UNREADY_REASONS },
  },
  unready_over: { level: 'info', help: 'What had kept the role from being ready is over: `reason`.', words: { reason: UNREADY_REASONS } },
  stopped: { level: 'info', help: 'The role has finished what was under way.' },
  failed: { level: 'error', help: 'The role has ended by itself; `code` or `detail` says why.' },
  disk_full: {
    level: 'error',
    until: 'disk_has_room',
    help: 'The disk, or what this user may take of it, is full. Nothing more is taken in, what was acknowledged before is kept, and what was begun waits. Make room: it goes on by itself.',
  },
  disk_has_room: { level: 'info', help: 'The disk was full and has room: all that waited is on it.' },
  part_failed: {
    level: 'error',
    help: 'Of the roles in this process `part` has ended, and `code` says what a person must do; the others go on. Restart the process when it is done.',
  },
  part_again: {
    level: 'warn',
    until: 'part_back',
    help: 'Of the roles in this process `part` has ended for a reason that may pass, which `code` says. It is started again after `pauseMs`, and after longer pauses until it runs; the others go on.',
  },
  part_back: { level: 'info', help: 'Of the roles in this process `part` runs again, which had ended with `code`.' },
  twin_listening: {
    level: 'info',
    help: 'Before anything is signed with `account`, so many `epochs` are listened to: should another process sign with it, this one does not begin. `--listen-epochs` says how many.',
  },
  twin_found: {
    level: 'error',
    help: 'The account has done on chain what this process did not: another one signs with the same key, here or on another machine. Nothing is sent or signed any more. Find the other one, stop one of the two, and start this one again; it listens first.',
  },
  account_shared: {
    level: 'warn',
    isRepeated: true,
    help: 'A transaction of the account `address` that is not in the journal of this role has used `nonce`: another process works with the same key, or a person does. Nothing happens twice by that, but what waits for its nonce comes late. Give each role an account of its own, and stop the other process.',
  },
  call_needs_person: {
    level: 'error',
    isRepeated: true,
    help: 'A node does not take a transaction of the account, and that does not pass by itself: `code` says what is missing, and `call` what waits for it. It is tried again slowly, and goes out once somebody has mended it; no restart is needed.',
  },
  money_low: {
    level: 'warn',
    until: 'money_enough',
    help: 'At what the account has spent since the start, its `balanceEther` on the anchor chain lasts `lastsDays` days more: send it ether. When it has none the role stands still until somebody does; nothing acknowledged is lost by that.',
  },
  money_enough: { level: 'info', help: 'What the account has lasts for more than ten days again.' },
  call_held: {
    level: 'warn',
    isRepeated: true,
    help: 'A node does not take a transaction of the account for now; `code` says why. It stays journalled and is handed over again.',
  },
  alert_unsent: {
    level: 'warn',
    isRepeated: true,
    help: 'An alert, or the sign of life for whoever watches over this role, could not be sent to `place`; `detail` says why. It is not sent again: `./weft status` shows what was. The role is not touched by that.',
  },
  spans_lost: {
    level: 'warn',
    isRepeated: true,
    help: 'Spans of traces did not get to `receiver`; `detail` says why. They are not sent again, and `weft_spans_total` counts them; said once until some arrive. The role is not touched by that.',
  },
  stop_failed: { level: 'error', help: 'Something did not let itself be stopped; nothing acknowledged is lost by that.' },
  will_try_again: {
    level: 'warn',
    isRepeated: true,
    help: 'A step failed and is tried again after `pauseMs`; `doing` says which, `code` why.',
  },
  anchor_chain_trouble: { level: 'warn', isRepeated: true, help: 'The endpoint of the anchor chain failed; it is asked again.' },
  endpoint_trouble: {
    level: 'warn',
    until: 'endpoint_recovered',
    help: 'An RPC endpoint of a chain does what it should not: `trouble` says what, told once until it has recovered. Others that are named answer meanwhile; `./weft rpc check` says more.',
    words: { trouble: ENDPOINT_TROUBLES },
  },
  endpoint_recovered: {
    level: 'info',
    help: 'An RPC endpoint has not shown its `trouble` for a while; it had `times` times. What lies, and what has a limit, is told of once and for all.',
    words: { trouble: ENDPOINT_TROUBLES },
  },
  sources_unknown: {
    level: 'warn',
    isRepeated: true,
    help: 'Which data sources joined by themselves could not be found for the epoch: of `projectType` it has those of the configuration alone; `detail` says why.',
  },
  chain_unproved: {
    level: 'warn',
    help: 'No endpoint of this chain can prove what it says: `means` is `headers` where the hash of a block is not that of its fields, as on some rollups, and `receipts` where the root of a block is not that of its receipts, or nobody gives them. What cannot be proved is believed; name endpoints of several providers.',
  },
  appointed: { level: 'info', help: 'The market has appointed the account of this role.' },
  not_appointed: {
    level: 'error',
    until: 'appointed',
    help: 'The market has not appointed the account of this role: the contracts refuse all that it sends. `command` appoints it; no restart is needed.',
  },
  manifest_known: {
    level: 'info',
    help: 'The role has a manifest of its market: `cid`, and the epoch from which it applies. Its rules are followed from that epoch on.',
  },
  manifest_unknown: {
    level: 'error',
    until: 'manifest_known',
    isRepeated: true,
    help: 'The role has not the manifest `cid` of its market, or cannot follow it; `code` says why. Epochs from `fromEpochId` on are not judged until it has: put its file into the folder `manifests` beside network.json, or connect the role to an IPFS node that has it.',
  },
  epoch_held: {
    level: 'error',
    isRepeated: true,
    help: 'The rules of this epoch are not known: nothing of it is judged until they are; `code` says why, `manifest_unknown` which manifest is missing.',
  },
  ipfs_peer_away: {
    level: 'warn',
    until: 'ipfs_peer_reached',
    isRepeated: true,
    help: 'An IPFS node of `--ipfs-peers` could not be reached; it is tried again. What is made here cannot be fetched there meanwhile, nor what is there from here: a sequencer leaves out what it cannot fetch. Is that node up, and is this the `ipfs` of its `endpoints.json`?',
  },
  ipfs_peer_reached: { level: 'info', help: 'The IPFS node is reached again.' },
  gateway_trouble: {
    level: 'warn',
    until: 'gateway_recovered',
    help: 'An IPFS gateway of `--gateways` does what it should not: `trouble` says what, told once until it has recovered. Peers and other gateways are asked meanwhile, and it after them.',
    words: { trouble: GATEWAY_TROUBLES },
  },
  gateway_recovered: {
    level: 'info',
    help: 'The gateway gave a block again and shows its `trouble` no more; it had `times` times.',
    words: { trouble: GATEWAY_TROUBLES },
  },
  block_damaged: {
    level: 'warn',
    isRepeated: true,
    help: 'A file of the IPFS node does not hold what its name says: a power cut has torn it, or the disk fails. It is given to nobody, and fetched again when it is needed.',
  },
  copy_given_up: {
    level: 'warn',
    isRepeated: true,
    help: 'Content is not at `place`, and is not tried again by itself: `reason` is the code. The copies of the IPFS node and of other places are not touched by that.',
  },
  copies_stay: {
    level: 'warn',
    isRepeated: true,
    help: 'A place did not remove content that is older than what is kept. It is asked again within a minute.',
  },
  release_undone: {
    level: 'warn',
    help: 'A reorganisation of the anchor chain removed the release of this epoch; it may be released again.',
  },

  // Epoch release
  epoch_released: { level: 'info', help: 'An epoch was released on the anchor chain.' },
  epochs_skipped: {
    level: 'warn',
    help: 'So many epochs before this one were left out, for the role was behind: `--catch-up skip`. They will never be released.',
  },
  catching_up: {
    level: 'warn',
    isRepeated: true,
    help: 'So many epochs could have been released by now. Each waits until the one before is decided, for a market that is given them all at once completes none.',
  },
  release_refused: {
    level: 'warn',
    isRepeated: true,
    help: 'The contract refused a release for `reason`; it is tried again under a new intent.',
  },
  source_rewritten: {
    level: 'error',
    help: 'Blocks of a released epoch were rewritten on the source chain: its data is of blocks that are gone. Release deeper below the head (--head-offset).',
  },

  // Snapshotter
  signed_before: {
    level: 'error',
    help: 'This machine has signed `signedCid` for the slot, the epoch and the project, from another data directory or a newer copy of this one; here `snapshotCid` was computed, and is not signed. The compute is not deterministic, or its source was of another fork. Nothing is to be done for the epoch; run one process for a slot, in one data directory.',
  },
  history_read: {
    level: 'info',
    help: 'An aggregate of epoch `epochId` reads a window that is not remembered yet, as after a start: `read` `of` the snapshots of `projectId` are there.',
  },
  epoch_recomputed: {
    level: 'info',
    help: 'The snapshotter was away for epoch `epochId`, which is not decided yet: it has computed so many `projects` of it, for its aggregates alone. Nothing of it is signed.',
  },
  not_recomputed: {
    level: 'warn',
    help: 'The snapshotter was away for epoch `epochId` and cannot compute it now: `detail` says why, often that the source endpoint has no state of those blocks any more (an archive has it). Said once until one comes right. Aggregates that need such epochs are missed as `history_missing` until these are decided; nothing is to be done.',
  },
  epoch_done: {
    level: 'info',
    help: 'The snapshotter has done all it can for an epoch; `missed` names the projects that did not make it.',
  },
  outvoted: {
    level: 'warn',
    help: 'Another CID than our `own` was `finalized`. `differences` names the fields that differ, ours first: `./weft trace` shows them again.',
  },
  votes_left_out: {
    level: 'warn',
    help: 'The collector took the votes of these `slots`, and no batch of the epoch holds them: see what the collector says became of them (`./weft outbox --epoch N`, `./weft trace`); signed receipts are evidence (`./weft verify receipt`).',
  },
  simulation_failed: {
    level: 'warn',
    help: 'The first sign of life after the start, a submission of epoch 0, did not come through; nothing else hangs on it. `code` says why.',
  },

  // Collector
  epoch_delivered: { level: 'info', help: 'Every submission of the epoch was acknowledged, or sent to a peer that never answers.' },
  submissions_lost: {
    level: 'warn',
    help: 'Submissions of the epoch were refused for good, or given up: so many for each code. `./weft explain CODE` says what each means.',
  },
  receipt_unproved: {
    level: 'warn',
    help: 'A receipt is not signed by an account that may anchor for the market, or not for this submission. The submission counts as delivered, for it came from the peer that was dialed; there is no evidence of it. Said once, then counted.',
  },
  submission_rejected: { level: 'debug', help: 'One submission was refused for good; the line of its epoch counts it.' },
  dial_failed: {
    level: 'warn',
    until: 'link_opened',
    isRepeated: true,
    help: 'The sequencer could not be reached at this address; it is tried again, and so are the others.',
  },
  link_opened: { level: 'info', help: 'Submissions go to the sequencer over this address now.' },
  link_ended: { level: 'info', isRepeated: true, help: 'The link to the sequencer is gone; what had no receipt goes over the next one.' },
  link_silent: {
    level: 'warn',
    isRepeated: true,
    help: 'Submissions waited and no receipt came for so long: the link is closed and opened anew.',
  },
  sequencers_from_copy: {
    level: 'warn',
    help: 'A list of trusted sequencers or of relays could not be had from `place`: the copy of the last one is used.',
  },
  submissions_unchecked: {
    level: 'warn',
    help: 'The collector was given no RPC endpoint of the anchor chain: it takes every submission of the right form, whoever signed it, and gives up by the clock what finds no receipt. With --anchor-rpc-url and the network of the market it refuses what nobody would count.',
  },
  sequencers_found: {
    level: 'info',
    help: 'At the rendezvous point other addresses of the sequencers of the market were found; they are tried after those of the settings.',
  },
  rendezvous_failed: {
    level: 'warn',
    isRepeated: true,
    help: 'A rendezvous server did not answer, or refused; `detail` says why. It is asked again.',
  },
  copies_untaken: {
    level: 'warn',
    isRepeated: true,
    help: 'A validator that is to hear the submissions too could not be reached at this address; it is tried again. What goes to the sequencer is not touched by that.',
  },

  // Relay
  relay_stats: {
    level: 'info',
    help: 'What the relay carries now, and what it has carried, refused and ended since its start.',
  },
  relay_draining: {
    level: 'info',
    help: 'The relay was told to stop: it takes nobody new, has told so to those who have the `circuits`, and waits so long for them to find another way.',
  },
  relay_drained: {
    level: 'info',
    help: 'The relay stops now; so many `circuits` end with it. What had no receipt is sent again by another way.',
  },
  reservations_refused: { level: 'warn', help: 'So many peers found no place since the last line; --reservations-max is the limit.' },

  // Sequencer
  relay_reserved: { level: 'info', help: 'The sequencer is reached through this relay as well from now on.' },
  relay_lost: {
    level: 'warn',
    help: 'The sequencer is not reached through this relay; `detail` says why. It is tried again every second.',
  },
  rendezvous_registered: { level: 'info', help: 'The sequencer is to be found at this place, under the rendezvous point of its settings.' },
  partition_taken: {
    level: 'info',
    help: 'This ballot box keeps `partition` of the slots from now on, as the log has it up to `position`.',
  },
  leading: { level: 'info', help: 'This sealer sends batches from now on; one with a lower `token` does no more.' },
  leading_lost: {
    level: 'warn',
    help: 'This sealer has not reached NATS for some seconds, or was not run by the machine for as long: another one may send batches now. It goes on as standby.',
  },
  epoch_sealed: {
    level: 'info',
    help: 'The sequencer has done all it can for an epoch; `reason` says how it ended; `blocksToAnchored` is how many anchor blocks after the close of its window the last of its batches was on chain; `keptBytes` and `keptMs` what it took to keep the bytes of its winners, where the market asks for that.',
    words: { reason: EPOCH_REASONS },
  },
  epoch_reopened: {
    level: 'warn',
    help: 'A reorganisation took the block that had closed the window of this epoch, which is open on the chain that took its place: votes are taken again, and counted when it closes.',
  },
  epoch_missed: {
    level: 'error',
    help: 'The votes of an epoch are not on chain and will not be; `reason` says why.',
    words: { reason: EPOCH_REASONS },
  },
  anchored_again: {
    level: 'warn',
    help: 'A reorganisation took calls of the epoch off the chain, and they went out again; `lost` of them are not there for all that, for the reason that the epoch has now.',
  },
  batch_refuted: {
    level: 'warn',
    help: 'A majority of the validators stands behind another root for the batch: its `projects` are disputed until another batch is final.',
  },
  batch_corrected: {
    level: 'warn',
    help: 'The votes on what was refuted were counted again, and what they give goes out in `batches` other batches, in this `round` of the epoch.',
  },
  batch_not_corrected: {
    level: 'error',
    help: 'Nothing is sent in the place of what was refuted; `reason` says why.',
    words: { reason: DISPUTE_REASONS },
  },
  receipts_unsigned: {
    level: 'warn',
    isRepeated: true,
    help: 'The signer gave no signature for so many `receipts`, and `code` says why: they went out without one. What they say holds all the same; collectors have no evidence of it.',
  },
  receipts: { level: 'info', help: 'Deliveries since the start, by what their receipt said.' },
  http_failed: {
    level: 'error',
    isRepeated: true,
    help: 'A question over HTTP found a fault of this program, or of its disk; `requestId` is what the asker was told, `detail` says what. Submissions are taken all the same.',
  },
  dashboard_builds: {
    level: 'info',
    help: 'The pages of the dashboard are built from their sources, which takes some seconds; next time they are there.',
  },
  dashboard_left_out: { level: 'warn', help: 'The dashboard cannot be served: `detail` says why. Data are served all the same.' },
  day_told: {
    level: 'info',
    help: 'The day is over, and the contract knows what each slot delivered on it; `eligible` slots reached the quota and share the pool.',
  },
  day_not_told: {
    level: 'error',
    help: 'The contract takes no counts of the day any more (`code`), and has not all of them: slots go without their rewards.',
  },
  counts_not_sent: {
    level: 'warn',
    help: 'What slots delivered on the day is not sent; `reason` says why. `./weft market set --rewards` makes a market ask for it.',
    words: { reason: UNTOLD_REASONS },
  },
  counts_refused: {
    level: 'warn',
    isRepeated: true,
    help: 'The contract refused the counts of these many slots for `code`; all is told again with a later update.',
  },
  batch_uncounted: {
    level: 'warn',
    isRepeated: true,
    help: 'A batch of another sequencer could not be read: its submissions do not count until it can.',
  },
  frames_refused: {
    level: 'warn',
    help: 'Frames and deliveries that were refused unread, since the start, by code; told when there are more.',
  },

  // Validator
  batch_attested: {
    level: 'info',
    help: 'The batch was checked and its root attested; `divergent` is 1 when it is not the root of the sequencer. Where there are `failures`, `evidence` is the CID of a file that names them, which this node serves.',
  },
  batch_withheld: {
    level: 'warn',
    help: 'The batch has no attestation from here; `reason` says why. Where there are `failures`, `evidence` is the CID of a file that names them, which this node serves.',
    words: { reason: BATCH_REASONS },
  },
  batch_missed: {
    level: 'warn',
    help: 'The batch was not read, or not found on the chain, in time; `reason` says which.',
    words: { reason: BATCH_REASONS },
  },
  epoch_silent: {
    level: 'warn',
    help: 'The batch window of an epoch is over and no batch of it is on chain; `votes` were heard on it here. The sequencer was away, or keeps them back.',
  },
  stood_in: {
    level: 'warn',
    help: 'The sequencer has not answered a refutation in its part of the round: this validator sent what the valid votes give, `batchCid`. `outcome` is `done`, or the code of the contract, which takes one of these only.',
  },
  stand_in_waits: {
    level: 'warn',
    isRepeated: true,
    help: 'This validator would answer the refutation of `batchCid` in the place of the sequencer, and nobody serves `missingCid`, whose submissions the answer must have or continue. Nothing is sent; it is tried again with every block while the round lasts.',
  },
  snapshots_unavailable: {
    level: 'warn',
    isRepeated: true,
    help: 'Of the snapshots that won, `missing` could not be had. A sequencer omits their projects; a validator tries again, and withholds its word if they do not come.',
  },
  fetch_failed: {
    level: 'warn',
    isRepeated: true,
    help: 'A batch could not be fetched from these `peers`; it is tried again until its window is over.',
  },
  attestation_refused: { level: 'warn', help: 'The contract refused the attestation for `code`.' },
  attestation_conflict: {
    level: 'error',
    help: 'Another root was attested for this batch before; this validator never signs two. Its disk may be an old copy.',
  },
  recompute_undecided: {
    level: 'warn',
    isRepeated: true,
    help: 'So many projects, of those that this validator was to compute anew, it could not: `reason` says why. They are judged by their votes alone.',
    words: { reason: RECOMPUTE_REASONS },
  },
  attested_elsewhere: {
    level: 'warn',
    help: 'The chain has a word of this validator about the batch, and its guards know of none: another process has signed with this key, or this data directory is an old copy. Nothing is sent for the batch. Stop one of the two, and move what it has signed with `./weft guards`.',
  },
  thread_died: {
    level: 'warn',
    isRepeated: true,
    help: 'A thread that looks for the signers of submissions has ended, or could not be had, and what it was at is done all the same, more slowly at worst. Should it come again: is there memory enough, and are threads enough allowed (`TasksMax`, `--pids-limit`)?',
  },
  evidence_not_published: {
    level: 'warn',
    help: 'The evidence about a batch is kept here, and could not be put on IPFS. That is tried again twice a minute, for an hour: `evidence_published` says when it is there.',
  },
  evidence_published: {
    level: 'info',
    help: 'The evidence about a batch that could not be put on IPFS when it was found is there: `evidence` is the CID of its file.',
  },
  evidence_given_up: {
    level: 'warn',
    help: 'The evidence about a batch could not be put on IPFS for an hour, and is tried no more; `code` says why. It stays on disk here for as long as the record of the batch (`./weft trace`).',
  },

  // Api
  index_leads: { level: 'info', help: 'This process writes the index from now on.' },
  index_led_elsewhere: {
    level: 'info',
    help: 'Another process writes the index; this one serves what is there, and takes over when that one ends.',
  },
  index_behind: { level: 'info', help: 'The index reads the anchor chain from `block` on; the head is `headBlock`.' },
  index_current: { level: 'info', help: 'The index has read the anchor chain up to its head.' },
  index_rewound: {
    level: 'warn',
    help: 'The anchor chain was rewritten deeper than blocks are remembered. The index has undone what it took from there, back to `toBlock`, and reads on.',
  },
  batch_malformed: {
    level: 'warn',
    help: 'The file of a batch says something else than the chain, or is none. The index keeps what the chain says; validators refute such a batch.',
  },
} as const satisfies Record<string, EventRow>

export type LogEvent = keyof typeof EVENTS

/** Writes one event of a role's log. Must not throw. */
export type Report = (event: LogEvent, facts: Readonly<Record<string, string | number>>) => void
