/**
 * Every metric, once: docs/METRICS.md, the page `/metrics` of a role and the checks of `ops/` come from here. Names, units and suffixes are Prometheus's:
 * base units at the end of a name, `_total` for what only grows while a process lives.
 */

export interface MetricRow {
  readonly kind: 'counter' | 'gauge'
  readonly help: string
  readonly labels?: readonly string[]
}

export const METRICS = {
  // Every role
  weft_info: { kind: 'gauge', labels: ['role', 'version'], help: 'Always 1; its labels say which role this is, and of which version.' },
  weft_ready: { kind: 'gauge', help: '1 while the next submission, batch or vote would be accepted, as far as is proven; otherwise 0.' },
  weft_unready: { kind: 'gauge', labels: ['reason'], help: '1 for each reason why the role is not ready; docs/LOG.md lists them.' },
  weft_events_total: {
    kind: 'counter',
    labels: ['event', 'level', 'code'],
    help: 'Events of the log, also those that it holds back because they repeat; `code` is the code or the reason that the line gives, if any.',
  },
  weft_peers: {
    kind: 'gauge',
    labels: ['purpose'],
    help: 'Peers that are connected: to the IPFS node of the role (`ipfs`), and to where it takes submissions (`submissions`), relays among them.',
  },
  weft_ipfs_blocks_total: {
    kind: 'counter',
    labels: ['from'],
    help: 'Blocks that the IPFS node of the role fetched, from `peers` or from `gateways`.',
  },
  weft_gateway_requests_total: {
    kind: 'counter',
    labels: ['gateway', 'outcome'],
    help: 'Blocks that a gateway of --gateways was asked for: `ok`, `absent` where it has it not, `silent` where no answer came in time, or what was wrong, in the words of the event `gateway_trouble`.',
  },
  weft_trouble: { kind: 'gauge', labels: ['event'], help: 'How many troubles of this event go on now.' },
  weft_spans_total: {
    kind: 'counter',
    labels: ['outcome'],
    help: 'Spans of traces that the receiver took (`sent`), or that it did not, or that found no place on their way to it (`lost`).',
  },
  weft_event_loop_delay_seconds: {
    kind: 'gauge',
    labels: ['percentile'],
    help: 'How late timers of the process were, over the last ten to twenty seconds that anybody asked.',
  },
  process_start_time_seconds: { kind: 'gauge', help: 'When the process began, since 1970.' },
  process_cpu_seconds_total: { kind: 'counter', help: 'Time on processors, of user and system together.' },
  process_resident_memory_bytes: { kind: 'gauge', help: 'Memory that the process takes; roles of one process share it.' },
  weft_disk_free_bytes: { kind: 'gauge', help: 'Room on the disk of the data directory.' },
  weft_disk_size_bytes: { kind: 'gauge', help: 'Size of that disk.' },
  weft_store_bytes: {
    kind: 'gauge',
    labels: ['file'],
    help: 'Size of the store of the role, and of the index of an api, with their logs.',
  },

  // Chains
  weft_chain_head_block: { kind: 'gauge', labels: ['chain'], help: 'Newest block that the endpoints of the chain have told of.' },
  weft_chain_head_age_seconds: { kind: 'gauge', labels: ['chain'], help: 'Time since that block, by its own time and the clock here.' },
  weft_chain_looked_seconds: {
    kind: 'gauge',
    labels: ['chain'],
    help: 'Time since the chain was looked at last: a source chain is when an epoch asks for it.',
  },
  weft_chain_block_seconds: {
    kind: 'gauge',
    labels: ['chain'],
    help: 'Time from one block of the chain to the next, on average of the last ones that were seen.',
  },
  weft_chain_read_block: { kind: 'gauge', labels: ['chain'], help: 'Newest block whose events the role has taken in.' },
  weft_rpc_requests_total: {
    kind: 'counter',
    labels: ['chain', 'endpoint', 'outcome'],
    help: 'Requests to an endpoint: `ok`, or what was wrong with the answer, in the words of the event `endpoint_trouble`.',
  },
  weft_rpc_seconds_total: { kind: 'counter', labels: ['chain', 'endpoint'], help: 'Time that good answers of an endpoint took, in all.' },
  weft_rpc_lag_blocks: {
    kind: 'gauge',
    labels: ['chain', 'endpoint'],
    help: 'How far an endpoint is behind the best, where there are several.',
  },
  weft_account_balance_ether: { kind: 'gauge', labels: ['account'], help: 'What the account of the role has on the anchor chain.' },
  weft_account_spent_ether_per_day: { kind: 'gauge', labels: ['account'], help: 'What it has spent since the start, for a day.' },
  weft_transactions_total: {
    kind: 'counter',
    labels: ['call', 'outcome', 'code'],
    help: 'Calls to the contracts: `done`, `refused` with the code of the contract, or `failed` with that of the failure, and tried again.',
  },

  // Epoch release
  weft_releases_total: { kind: 'counter', labels: ['outcome'], help: 'Epochs released (`done`), and releases that the contract refused.' },
  weft_release_retries_total: { kind: 'counter', help: 'Steps towards a release that failed and were begun again.' },

  // Snapshotter
  weft_snapshotter_epochs_open: { kind: 'gauge', help: 'Epochs that are worked on.' },
  weft_snapshotter_epochs_total: {
    kind: 'counter',
    labels: ['state'],
    help: 'Epochs that are over here: `done`; `skipped`, whose window was closed when they were first seen; `undone` by a reorganisation.',
  },
  weft_snapshotter_projects_total: {
    kind: 'counter',
    labels: ['state', 'reason'],
    help: 'Projects of the epochs that are done: `submitted`, or where they ended otherwise, and why.',
  },
  weft_snapshotter_epoch_seconds: { kind: 'gauge', help: 'How long the last epoch took, from the moment its release was seen.' },
  weft_snapshotter_late_total: { kind: 'counter', help: 'Epochs that were done when their submission window was over, by the chain.' },
  weft_snapshotter_window_used_ratio: {
    kind: 'gauge',
    help: 'How much of the submission window of the last epoch that was done had passed at its end, by the chain: above 1 it was too late.',
  },
  weft_snapshotter_snapshots_total: { kind: 'counter', help: 'Snapshots computed.' },
  weft_snapshotter_hand_overs_total: {
    kind: 'counter',
    labels: ['answer'],
    help: 'Submissions handed to the collector, by its answer: `Success`, `Failure`, why it takes none, or the code of the failure to reach it.',
  },
  weft_snapshotter_outcomes_total: {
    kind: 'counter',
    labels: ['verdict'],
    help: 'Projects that the network has decided: for our CID (`same`), for another (`other`), without us (`only_finalized`), or not at all (`none`).',
  },
  weft_snapshotter_votes_total: {
    kind: 'counter',
    labels: ['fate'],
    help: 'Votes that the collector took, of projects that are decided: `included` in a batch or `left_out`, `not_final` where the project has no result, or `unknown` where a batch cannot be read.',
  },

  // Collector
  weft_collector_hand_overs_total: {
    kind: 'counter',
    labels: ['answer'],
    help: 'Submissions of snapshotters: `new`, `known` before, turned away because the outbox is `full`, or the code of what the collector refuses.',
  },
  weft_collector_outbox_submissions: { kind: 'gauge', help: 'Taken, and without an end.' },
  weft_collector_outbox_oldest_seconds: { kind: 'gauge', help: 'How long the oldest of them waits.' },
  weft_collector_in_flight_submissions: { kind: 'gauge', help: 'Sent, and without a receipt.' },
  weft_collector_linked: { kind: 'gauge', help: '1 while there is a link to a sequencer.' },
  weft_collector_links_total: { kind: 'counter', help: 'Links opened.' },
  weft_collector_endings_total: {
    kind: 'counter',
    labels: ['ending', 'code'],
    help: 'How submissions ended, and the receipt or the reason: `acknowledged`, `sent`, `rejected`, `expired`.',
  },
  weft_collector_retries_total: { kind: 'counter', labels: ['code'], help: 'Receipts that ask to send again.' },
  weft_collector_signed_receipts_total: {
    kind: 'counter',
    labels: ['proof'],
    help: 'Signed receipts that were `kept`, or show nothing (`unproved`).',
  },
  weft_collector_votes_judged_total: {
    kind: 'counter',
    labels: ['fate'],
    help: 'Votes that a sequencer took, or that were sent, and what the batches say of them, where --gateways has them read: `included`, or `missing` from all though their project has a final result.',
  },

  // Relay
  weft_relay_reservations: { kind: 'gauge', help: 'Peers that are reached through the relay.' },
  weft_relay_circuits: { kind: 'gauge', help: 'Connections that it carries.' },
  weft_relay_refused_total: { kind: 'counter', help: 'Peers that found no place.' },

  // Sequencer, and validators that hear submissions
  weft_sequencer_receipts_total: { kind: 'counter', labels: ['code'], help: 'Deliveries, by what their receipt said.' },
  weft_sequencer_past_deadline_total: { kind: 'counter', help: 'Votes taken after the deadline that they name.' },
  weft_sequencer_waiting_submissions: { kind: 'gauge', help: 'Deliveries that the chain has still to decide about.' },
  weft_sequencer_unfinished_epochs: { kind: 'gauge', help: 'Epochs that are not over here.' },
  weft_sequencer_epochs_total: { kind: 'counter', labels: ['state', 'reason'], help: 'Epochs that are over, and how they ended.' },
  weft_sequencer_projects_total: {
    kind: 'counter',
    labels: ['state', 'reason'],
    help: 'Projects of those epochs as they stood at the end, with the reason of those that did not become final.',
  },
  weft_sequencer_votes_total: {
    kind: 'counter',
    labels: ['vote'],
    help: 'Votes counted: for the CID that won (`won`), or for another (`dissent`).',
  },
  weft_sequencer_ties_total: { kind: 'counter', help: 'Projects whose result a tie decided.' },
  weft_sequencer_anchor_delay_blocks: {
    kind: 'gauge',
    help: 'Blocks from the close of the window of the last epoch to the one that took the last of its batches.',
  },
  weft_frames_refused_total: { kind: 'counter', labels: ['code'], help: 'Frames and deliveries that were refused unread.' },

  // Validator
  weft_validator_batches_total: {
    kind: 'counter',
    labels: ['state', 'reason'],
    help: 'Batches: `attested`, `withheld` or `missed`, and why.',
  },
  weft_validator_divergent_total: { kind: 'counter', help: 'Batches attested with another root than that of the sequencer.' },
  weft_validator_late_total: { kind: 'counter', help: 'Batches attested after the attestation window.' },

  // Api
  weft_api_leading: { kind: 'gauge', help: '1 while this process writes the index.' },
} as const satisfies Record<string, MetricRow>

export type MetricName = keyof typeof METRICS

type Labels<Name extends MetricName> = (typeof METRICS)[Name] extends { readonly labels: readonly (infer Label extends string)[] }
  ? Label
  : never
export type LabelsOf<Name extends MetricName> = { readonly [Label in Labels<Name>]: string }

/** One value of a metric, now. */
export interface Reading {
  readonly metric: MetricName
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** As the table has it: a label too many or too few is a mistake that the compiler finds. */
export function reading<Name extends MetricName>(metric: Name, value: number, labels: LabelsOf<Name>): Reading {
  return { metric, labels, value }
}

/** One for each of `counts`, under the label that names it. */
export function readingsBy<Name extends MetricName>(
  metric: Name,
  counts: Readonly<Partial<Record<string, number>>>,
  labelled: (key: string) => LabelsOf<Name>,
): Reading[] {
  return Object.entries(counts).map(([key, count]) => reading(metric, count ?? 0, labelled(key)))
}
