/**
 * Every span of a trace, once: who did what with a submission, or with a batch, from when to when. Spans of one trace may be told by several
 * processes of several operators; none has a parent, for nothing about traces goes over the wire.
 */
export const SPANS = {
  // Of a submission
  'snapshotter.compute':
    'The data were computed, checked against the fork, and stored: once for all slots. Not there when an earlier life did it.',
  'snapshotter.sign': 'The vote was signed, here or by a signer elsewhere; of several attempts the last.',
  'snapshotter.hand_over': 'The collector took it; of several attempts the last.',
  'collector.accept': 'It was checked, and was on disk.',
  'collector.deliver': 'One attempt, from sending it to its receipt; `attempt` counts them, `code` is what the receipt said.',
  'collector.expire': 'Nobody took it in time: from its acceptance on.',
  'sequencer.verify': 'Its group, of `group` deliveries, was judged; `code` says how this one was.',
  'sequencer.record': 'The votes of the group, and all before, were on disk.',
  'sequencer.receipt': 'The receipt was signed, where it is, and sent.',

  // Of a batch
  'sequencer.pin': 'The file was stored and read back, at as many places as must hold it.',
  'sequencer.anchor': 'The batches of the epoch were put on chain, this one among them, from the plan on.',
  'validator.fetch': 'The file was fetched.',
  'validator.recheck': 'Integrity, votes and tally were checked.',
  'validator.attest': 'The guard was written and the vote brought to the chain.',
} as const

export type SpanName = keyof typeof SPANS
