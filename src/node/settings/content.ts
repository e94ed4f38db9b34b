import type { Role } from './roles.ts'
import type { SettingRow } from './row.ts'

const withIpfs: readonly Role[] = ['snapshotter', 'sequencer', 'validator', 'api']

/** Where content lies, in which copies, and for how long. */
export const CONTENT_SETTINGS = {
  ipfsListen: {
    env: 'WEFT_IPFS_LISTEN',
    type: 'multiaddr',
    fallback: '/ip4/127.0.0.1/tcp/0',
    roles: withIpfs,
    doc: 'Multiaddr where the embedded IPFS node listens.',
  },
  ipfsPeers: {
    env: 'WEFT_IPFS_PEERS',
    type: 'peers',
    fallback: [],
    roles: withIpfs,
    doc: 'Multiaddrs of IPFS nodes to stay connected to: content is fetched from them.',
  },
  gateways: {
    env: 'WEFT_GATEWAYS',
    type: 'urls',
    fallback: [],
    roles: [...withIpfs, 'collector'],
    doc: 'Trustless IPFS gateways, separated by commas. With an embedded IPFS node: where content is fetched that its peers do not bring at once, each block hashed; one that fails, lies or is late is asked after the others for a while. With a collector, which needs the anchor chain for it: where the batches of an epoch are read once they are there, so that `./weft outbox` says of each vote that the sequencer took whether a batch holds it, `included`, or none does, `missing`, whoever handed it over; without any, what a snapshotter of the same data directory has found is said.',
  },
  gatewayPort: {
    env: 'WEFT_GATEWAY_PORT',
    type: 'integer',
    min: 0,
    max: 65_535,
    fallback: 0,
    roles: withIpfs,
    doc: 'Loopback port of the read-only IPFS gateway, which answers for what this node and its peers hold; 0 takes a free one.',
  },
  ipfsEpochsKept: {
    env: 'WEFT_IPFS_EPOCHS_KEPT',
    type: 'integer',
    min: 100,
    max: 100_000_000,
    unit: 'epochs',
    fallback: 10_000,
    roles: ['snapshotter', 'sequencer', 'validator'],
    doc: 'Newest epochs whose content the embedded IPFS node keeps; older content goes once the contract can decide nothing about it any more. At the 100 kB of a usual epoch 10000 of them are 1 GB. Must reach further back than the aggregates of the market.',
  },
  keepFinal: {
    env: 'WEFT_KEEP_FINAL',
    type: 'choice',
    choices: ['on', 'off'],
    fallback: 'off',
    roles: ['validator'],
    doc: 'Whether the snapshots that a validator speaks for are kept here, and served to others, even where the market does not ask for it; no vote waits for that. Batches are always kept.',
  },
  historyEpochs: {
    env: 'WEFT_HISTORY_EPOCHS',
    type: 'integer',
    min: 0,
    max: 100_000_000,
    unit: 'epochs',
    fallback: 0,
    roles: ['api'],
    doc: 'Newest epochs that stay in the index, with their batches and snapshots on the embedded IPFS node; 0 keeps all of them.',
  },
  database: {
    env: 'WEFT_DATABASE',
    type: 'secret',
    fallback: '',
    roles: ['api'],
    doc: 'Where the index is: without it, a SQLite file in the data directory; with `postgres://user:password@host/name`, or `file:PATH` of a file that holds that, a PostgreSQL database (15 or newer) which several processes may share, each with a data directory of its own. Never printed.',
  },
  pinPlaces: {
    env: 'WEFT_PIN_PLACES',
    type: 'places',
    fallback: [],
    roles: withIpfs,
    doc: 'Places that keep copies beside the embedded IPFS node, separated by commas: `kubo:http://host:5001`, `service:https://host/path` (IPFS Pinning Service API), `car:/folder`. docs/PINNING.md tells of each.',
  },
  pinToken: {
    env: 'WEFT_PIN_TOKEN',
    type: 'secret',
    fallback: '',
    roles: withIpfs,
    doc: 'Bearer token of the pinning service, or `file:PATH` of a file that holds it. Never printed.',
  },
  pinGateways: {
    env: 'WEFT_PIN_GATEWAYS',
    type: 'urls',
    fallback: [],
    roles: withIpfs,
    doc: 'Trustless gateways where what the pinning service says it has is read back, separated by commas, asked in that order.',
  },
  pinMin: {
    env: 'WEFT_PIN_MIN',
    type: 'integer',
    min: 1,
    max: 9,
    unit: 'places',
    fallback: 1,
    roles: ['sequencer'],
    doc: 'Places that must hold a batch, read back there by its CID, before it is anchored: the embedded IPFS node, which always does, and others of --pin-places.',
  },
} as const satisfies Record<string, SettingRow>
