import type { SettingRow } from './row.ts'

/** Which part of a sequencer in parts a process is, and the log between them. */
export const SCALE_OUT_SETTINGS = {
  mode: {
    env: 'WEFT_MODE',
    type: 'choice',
    choices: ['all', 'listen', 'ballot', 'seal'],
    fallback: 'all',
    roles: ['sequencer'],
    doc: 'Which part of the sequencer this process is: all of it; or one of several that share NATS JetStream: a listener that takes and verifies submissions, the ballot box of one partition of the slots, a sealer that makes the batches. docs/SCALING.md says when.',
  },
  nats: {
    env: 'WEFT_NATS',
    type: 'secret',
    fallback: '',
    roles: ['sequencer'],
    doc: 'Servers of one NATS cluster with JetStream, separated by commas, `nats://user:password@host:4222`, or `file:PATH` of a file that holds that; for every mode but all. Never printed.',
  },
  natsReplicas: {
    env: 'WEFT_NATS_REPLICAS',
    type: 'integer',
    min: 1,
    max: 5,
    unit: 'servers',
    fallback: 3,
    roles: ['sequencer'],
    doc: 'Servers that must have a submission before its receipt is sent. With one of them that server must be set to `sync_interval: always`: as it comes, NATS acknowledges what is not on its disk yet.',
  },
  partitions: {
    env: 'WEFT_PARTITIONS',
    type: 'integer',
    min: 1,
    max: 256,
    fallback: 4,
    roles: ['sequencer'],
    doc: 'Partitions of the slots, each with a ballot box of its own: the same for all processes of a sequencer.',
  },
} as const satisfies Record<string, SettingRow>
