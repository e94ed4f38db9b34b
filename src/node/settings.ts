import { BATCH_PROJECTS_MAX } from '#domain/batch.ts'
import type { Address, SlotId } from '#domain/ids.ts'
import type { Secret } from '#domain/secret.ts'
import type { FolderSet } from './compute-folder.ts'
import type { MarketComputes } from './computes.ts'
import type { Network } from './network.ts'
import type { PlaceSetting } from './pin-places.ts'

/** The roles that run as a process of their own. */
export const ROLES = ['epochs', 'snapshotter', 'collector', 'relay', 'sequencer', 'validator', 'api'] as const
export type Role = (typeof ROLES)[number]

/** Where a role says how it fares unless it is told otherwise: ten ports each, for roles of one kind on one machine. */
export const healthPortOf = (role: Role): number => 9_410 + 10 * ROLES.indexOf(role)

export interface SettingRow {
  readonly env: string
  readonly type:
    | 'integer'
    | 'text'
    | 'namespace'
    | 'slots'
    | 'rpc'
    | 'address'
    | 'choice'
    | 'key'
    | 'market'
    | 'computes'
    | 'host:port'
    | 'multiaddr'
    | 'multiaddrs'
    | 'peers'
    | 'places'
    | 'urls'
    | 'secret'
    | 'health'
    | 'password'
    | 'signer'
    | 'pem'
  readonly doc: string
  readonly roles: readonly Role[]
  /** Without it the setting must be given. */
  readonly fallback?: number | string | readonly string[]
  readonly min?: number
  readonly max?: number
  readonly unit?: string
  readonly choices?: readonly string[]
  /** What supplies it when neither flag nor variable does. */
  readonly fromNetwork?: keyof Network
  /** Roles that do without it, and how. */
  readonly optional?: { readonly roles: readonly Role[]; readonly otherwise: string }
  /** What may be given in its place, and then alone; it stands before it in the table. */
  readonly unless?: 'signerUrl'
  /** Modes of a sequencer that do without it. */
  readonly notIn?: readonly string[]
  /** The market says it, on chain: given, it must not say otherwise. What holds in a market that says nothing, in words. */
  readonly fromMarket?: { readonly otherwise: string }
}

const onChain: readonly Role[] = ['epochs', 'snapshotter', 'collector', 'relay', 'sequencer', 'validator', 'api']
const onSource: readonly Role[] = ['epochs', 'snapshotter']
const withKey: readonly Role[] = ['epochs', 'snapshotter', 'sequencer', 'validator']
const sending: readonly Role[] = ['epochs', 'sequencer', 'validator']
const withIpfs: readonly Role[] = ['snapshotter', 'sequencer', 'validator', 'api']

/** A collector without the chain takes whatever has the form of a submission, and a relay serves whoever comes. */
const withoutChain = {
  roles: ['collector', 'relay'],
  otherwise: 'a collector checks nothing but forms without it, and a relay serves anyone',
} as const
/** What a collector signs with, where it has to. */
const forClaims = {
  roles: ['collector'],
  otherwise: 'a collector needs --slots and --signer-key only for relays that serve none but slots (--admission)',
} as const

/** How endpoints are named, in words. */
const RPC_FORM =
  'Several stand between commas; each may say how many times better than another it counts as, how many calls per second it takes, and that it has old state: `URL;weight=2;rps=25;archive`.'

/** Every setting, once: `readSettings`, `--help` and docs/CLI.md come from here. A flag wins over the environment. */
export const SETTINGS = {
  dataDir: {
    env: 'WEFT_DATA_DIR',
    type: 'text',
    roles: ROLES,
    doc: 'Folder for everything this role must remember. Two processes never share one.',
  },
  logFormat: {
    env: 'WEFT_LOG_FORMAT',
    type: 'choice',
    choices: ['auto', 'text', 'json'],
    fallback: 'auto',
    roles: ROLES,
    doc: 'How the log on stderr is written: a line of text or of JSON per event; auto is text on a terminal and JSON anywhere else.',
  },
  healthListen: {
    env: 'WEFT_HEALTH_LISTEN',
    type: 'health',
    fallback: 'auto',
    roles: ROLES,
    doc: `Where the role answers \`/livez\`, \`/readyz\`, \`/metrics\` and \`/status\`: host:port of this machine, \`auto\` for the first free port of the ten that its kind has (${ROLES.map((role) => `${role} ${healthPortOf(role)}`).join(', ')}), or \`off\`. \`./weft status\` finds it by \`run.json\` in the data directory.`,
  },
  alertTo: {
    env: 'WEFT_ALERT_TO',
    type: 'secret',
    fallback: '',
    roles: ROLES,
    doc: 'Who is told when a person is needed, when something is lost, and when the role has not been ready for five minutes; several stand between commas: `slack:URL`, `webhook:URL`, `telegram:URL;chat=ID;thread=ID` and `issues:URL` of the deployed services; or `file:PATH` of a file that holds that. Never printed.',
  },
  alertCooldown: {
    env: 'WEFT_ALERT_COOLDOWN',
    type: 'integer',
    min: 10,
    max: 86_400,
    unit: 's',
    fallback: 300,
    roles: ROLES,
    doc: 'How long alerts of one kind are held back after one of them.',
  },
  heartbeatUrl: {
    env: 'WEFT_HEARTBEAT_URL',
    type: 'secret',
    fallback: '',
    roles: ROLES,
    doc: 'URL that is asked every half minute while the role is ready, so that whoever keeps it raises the alarm when it stops; or `file:PATH`. Never printed.',
  },
  network: {
    env: 'WEFT_NETWORK',
    type: 'text',
    fallback: '',
    roles: onChain,
    doc: 'The network.json that `./weft deploy` wrote: supplies anchor chain id, ProtocolState and data market where they are not given.',
  },
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
  anchorRpcUrl: {
    env: 'WEFT_ANCHOR_RPC_URL',
    type: 'rpc',
    roles: onChain,
    optional: withoutChain,
    doc: `JSON-RPC endpoint of the anchor chain, or several. ${RPC_FORM}`,
  },
  anchorChainId: {
    env: 'WEFT_ANCHOR_CHAIN_ID',
    type: 'integer',
    min: 1,
    max: 2 ** 53 - 1,
    fromNetwork: 'chainId',
    roles: onChain,
    optional: withoutChain,
    doc: 'Chain id of the anchor chain; a different answer from the endpoint stops the role.',
  },
  protocolState: {
    env: 'WEFT_PROTOCOL_STATE',
    type: 'address',
    fromNetwork: 'protocolState',
    roles: onChain,
    optional: withoutChain,
    doc: 'Address of the ProtocolState contract.',
  },
  dataMarket: {
    env: 'WEFT_DATA_MARKET',
    type: 'address',
    fromNetwork: 'dataMarket',
    roles: onChain,
    optional: withoutChain,
    doc: 'Address of the data market.',
  },
  pollMs: {
    env: 'WEFT_POLL_MS',
    type: 'integer',
    min: 50,
    max: 60_000,
    unit: 'ms',
    fallback: 500,
    roles: onChain,
    doc: 'How often a chain is asked for a new head.',
  },
  proofs: {
    env: 'WEFT_PROOFS',
    type: 'choice',
    choices: ['on', 'off'],
    fallback: 'on',
    roles: onChain,
    doc: 'Whether what RPC endpoints say of blocks and logs is proved: headers by their hash, logs by the bloom of their header and, where the two differ, by the receipts. See docs/ENDPOINTS.md.',
  },
  proofSamplePercent: {
    env: 'WEFT_PROOF_SAMPLE_PERCENT',
    type: 'integer',
    min: 0,
    max: 100,
    unit: '%',
    fallback: 5,
    roles: onChain,
    doc: 'Of blocks with logs that fit the bloom, how many are compared with all their receipts: at 100 no endpoint can keep back one log of several, at the cost of all receipts of each such block.',
  },
  sourceRpcUrl: {
    env: 'WEFT_SOURCE_RPC_URL',
    type: 'rpc',
    roles: onSource,
    doc: `JSON-RPC endpoint of the source chain, or several. ${RPC_FORM}`,
  },
  sourceChainId: {
    env: 'WEFT_SOURCE_CHAIN_ID',
    type: 'integer',
    min: 1,
    max: 2 ** 53 - 1,
    fromMarket: { otherwise: '' },
    roles: onSource,
    doc: "Chain id of the source chain; a different one in the market's contract stops the role.",
  },
  signerUrl: {
    env: 'WEFT_SIGNER_URL',
    type: 'signer',
    fallback: '',
    roles: [...withKey, 'collector'],
    doc: 'Instead of --signer-key, a remote signer that has the key, as Web3Signer is one: `https://HOST:PORT/api/v1/eth1/sign/0x…` with the public key of the account, 128 hex digits. What it answers is used only when it is a signature of that account.',
  },
  signerCa: {
    env: 'WEFT_SIGNER_CA',
    type: 'pem',
    fallback: '',
    roles: [...withKey, 'collector'],
    doc: 'File with the certificates, in PEM, that vouch for the remote signer, instead of those of the system.',
  },
  signerClient: {
    env: 'WEFT_SIGNER_CLIENT',
    type: 'pem',
    fallback: '',
    roles: [...withKey, 'collector'],
    doc: 'File with the certificate and the private key, both in PEM, by which the remote signer knows this role.',
  },
  signerTimeout: {
    env: 'WEFT_SIGNER_TIMEOUT',
    type: 'integer',
    min: 50,
    max: 60_000,
    unit: 'ms',
    fallback: 3_000,
    roles: [...withKey, 'collector'],
    doc: 'How long the remote signer may take for one signature.',
  },
  signerKey: {
    env: 'WEFT_SIGNER_KEY',
    type: 'key',
    roles: [...withKey, 'collector'],
    optional: forClaims,
    unless: 'signerUrl',
    notIn: ['listen'],
    doc: 'Key of the account: `file:PATH` of a Web3 keystore (`./weft keys new` makes one) or of a file that holds 64 hex digits and nobody else may read; `credential:NAME` of either as systemd hands it over; in the variable alone also the 64 hex digits themselves. Never printed.',
  },
  signerPassword: {
    env: 'WEFT_SIGNER_PASSWORD',
    type: 'password',
    fallback: '',
    roles: [...withKey, 'collector'],
    doc: 'Password of the keystore, where the key is one: `file:PATH`, `credential:NAME`, or in the variable alone the password itself. Without it it is asked for at the terminal. Never printed.',
  },
  identityPassword: {
    env: 'WEFT_IDENTITY_PASSWORD',
    type: 'password',
    fallback: '',
    roles: ['collector', 'relay', 'sequencer', 'validator'],
    doc: 'Password with which the libp2p identity is encrypted in the data directory, as `peer-seed.json`; one that lies there unencrypted is encrypted. Given as for a keystore. Without it, it lies there for its owner to read. Never printed.',
  },
  listenEpochs: {
    env: 'WEFT_LISTEN_EPOCHS',
    type: 'integer',
    min: 0,
    max: 1_000,
    fallback: 1,
    roles: ['sequencer', 'validator'],
    doc: 'Epochs to listen to after the start before anything is signed: should another process sign with the same account meanwhile, this one does not begin. 0 begins at once. It is listened for as long as the role runs.',
  },
  feePerGasMax: {
    env: 'WEFT_FEE_PER_GAS_MAX',
    type: 'integer',
    min: 0,
    max: 1_000_000_000,
    unit: 'gwei',
    fallback: 0,
    roles: sending,
    doc: 'The most that a transaction on the anchor chain may pay per gas, base fee and tip together; 0 is ten times what the chain has taken over its last blocks.',
  },
  gasPerTransactionMax: {
    env: 'WEFT_GAS_PER_TRANSACTION_MAX',
    type: 'integer',
    min: 1_000_000,
    max: 2 ** 53 - 1,
    unit: 'gas',
    fallback: 16_777_216,
    roles: sending,
    doc: 'The most gas that a transaction may have on the anchor chain, as EIP-7825 has it; raise it where a chain allows more, and batches grow. Less is found by itself.',
  },
  manifest: {
    env: 'WEFT_MANIFEST',
    type: 'text',
    fallback: '',
    roles: ['snapshotter', 'sequencer', 'validator', 'api'],
    doc: "File with the market's manifest, as `weft deploy` wrote it, or the draft that it was made from, where it lies neither beside the network file nor with an IPFS peer.",
  },
  namespace: {
    env: 'WEFT_NAMESPACE',
    type: 'namespace',
    fromMarket: { otherwise: 'needed' },
    roles: ['snapshotter', 'sequencer', 'validator', 'api'],
    doc: 'Namespace of the project ids: the part after the last colon.',
  },
  headOffset: {
    env: 'WEFT_HEAD_OFFSET',
    type: 'integer',
    // Of its newest block a node may answer with the state of the one that it is making.
    min: 1,
    max: 10_000,
    unit: 'blocks',
    fallback: 2,
    roles: ['epochs'],
    doc: 'How far behind the source head an epoch must end, against reorganisations.',
  },
  headTag: {
    env: 'WEFT_HEAD_TAG',
    type: 'choice',
    choices: ['latest', 'safe', 'finalized'],
    fallback: 'latest',
    roles: ['epochs'],
    doc: 'What the source chain itself must call a block before an epoch may end with it; the head offset holds beside that, and whichever is later counts.',
  },
  catchUp: {
    env: 'WEFT_CATCH_UP',
    type: 'choice',
    choices: ['release', 'skip'],
    fallback: 'release',
    roles: ['epochs'],
    doc: 'What becomes of epochs that could not be released in their time: release gives the market one after the other, each when the one before is decided; skip leaves out all but the newest, for which the account must own the market.',
  },
  firstBlock: {
    env: 'WEFT_FIRST_BLOCK',
    type: 'integer',
    min: 0,
    max: 2 ** 53 - 1,
    fallback: 0,
    roles: ['epochs'],
    doc: 'First source block of the first epoch; 0 begins at the head.',
  },
  slots: {
    env: 'WEFT_SLOTS',
    type: 'slots',
    roles: ['snapshotter', 'collector'],
    optional: forClaims,
    doc: 'Ids of the slots to sign for, or ranges of them (1-100), separated by commas; of a collector, the first of them vouches for it.',
  },
  signedDir: {
    env: 'WEFT_SIGNED_DIR',
    type: 'text',
    fallback: 'auto',
    roles: ['snapshotter'],
    doc: 'Folder with what was signed on this machine, small, and the same for all data directories: no slot signs two answers to one question, whichever process comes next. `auto` is `.local/state/weft/signed` in the home of the user.',
  },
  collector: {
    env: 'WEFT_COLLECTOR',
    type: 'host:port',
    fallback: '127.0.0.1:50051',
    roles: ['snapshotter'],
    doc: 'host:port of the local collector.',
  },
  computes: {
    env: 'WEFT_COMPUTES',
    type: 'computes',
    fallback: [],
    roles: ['snapshotter', 'validator'],
    doc: 'Folders of compute sets beside those that are shipped, separated by commas. The market says which sets it asks for, and in which version.',
  },
  market: {
    env: 'WEFT_MARKET',
    type: 'market',
    fromMarket: { otherwise: 'needed' },
    roles: ['snapshotter', 'validator', 'api'],
    doc: 'JSON file that names the compute sets of the market, each with its version and configuration, or the projects.json of a deployed node, beside which its aggregator.json and preloader.json lie; a validator needs it at level recompute only, an api to describe what it serves.',
  },
  grpcListen: {
    env: 'WEFT_GRPC_LISTEN',
    type: 'host:port',
    fallback: '127.0.0.1:50051',
    roles: ['collector'],
    doc: 'host:port where snapshotters hand over.',
  },
  sequencers: {
    env: 'WEFT_SEQUENCERS',
    type: 'peers',
    roles: ['collector'],
    fallback: [],
    doc: 'Multiaddrs of sequencers, in order of preference: direct, then through relays, then another that may take its place. Needed without --trusted-sequencers. The first that answers is used, and a better one as soon as it does.',
  },
  trustedSequencers: {
    env: 'WEFT_TRUSTED_SEQUENCERS',
    type: 'text',
    fallback: '',
    roles: ['collector'],
    doc: 'https URL or file of a list of sequencers by data market, as deployed collectors read one: `[{"id","maddr","dataMarketAddress"}]`. All entries of the market are used, after those of --sequencers. The last copy is kept and used when the list cannot be had. Where the chain names a sequencer by its peer id, no other entry is used.',
  },
  trustedSequencersPin: {
    env: 'WEFT_TRUSTED_SEQUENCERS_PIN',
    type: 'text',
    fallback: '',
    roles: ['collector'],
    doc: 'What the list must be: `sha256:` and its hash, or `ed25519:` and the public key whose signature of it, 128 hex digits, lies beside it with `.sig` after its name; 64 hex digits each. A list over plain http needs one.',
  },
  outboxMax: {
    env: 'WEFT_OUTBOX_MAX',
    type: 'integer',
    min: 1,
    max: 10_000_000,
    unit: 'submissions',
    fallback: 100_000,
    roles: ['collector'],
    doc: 'Submissions that may wait for their receipt; 400 bytes of disk each. What does not fit is RESOURCE_EXHAUSTED.',
  },
  outboxPerSlotMax: {
    env: 'WEFT_OUTBOX_PER_SLOT_MAX',
    type: 'integer',
    min: 1,
    max: 10_000_000,
    unit: 'submissions',
    fallback: 10_000,
    roles: ['collector'],
    doc: 'Of them, those of one slot, so that none fills the outbox for all.',
  },
  outboxAgeMax: {
    env: 'WEFT_OUTBOX_AGE_MAX',
    type: 'integer',
    min: 10,
    max: 31_536_000,
    unit: 's',
    fallback: 600,
    roles: ['collector'],
    doc: 'How long a submission is tried by the clock, without an anchor chain only: with one it is tried until its window is over in chain time.',
  },
  alsoTo: {
    env: 'WEFT_ALSO_TO',
    type: 'peers',
    fallback: [],
    roles: ['collector'],
    doc: 'Multiaddrs of validators that listen (--hear-listen), each of which gets a copy of every submission as far as it takes it; the delivery to the sequencer waits for none of them.',
  },
  hearListen: {
    env: 'WEFT_HEAR_LISTEN',
    type: 'multiaddrs',
    fallback: [],
    roles: ['validator'],
    doc: 'Multiaddrs where this validator listens for submissions itself, so that it sees what a sequencer leaves out; without any it does not. Collectors name it in --also-to.',
  },
  p2pListen: {
    env: 'WEFT_P2P_LISTEN',
    type: 'multiaddrs',
    fallback: ['/ip4/127.0.0.1/tcp/0'],
    roles: ['relay', 'sequencer'],
    doc: 'Multiaddrs to listen on.',
  },
  deliveriesPerPeer: {
    env: 'WEFT_DELIVERIES_PER_PEER',
    type: 'integer',
    min: 100,
    max: 1_000_000,
    unit: 'a second',
    fallback: 5_000,
    roles: ['sequencer', 'validator'],
    doc: 'Deliveries that one peer may send, as far as it is read; ten seconds of them may be saved up. Each that fails doubles what the next counts, until one of its votes is accepted.',
  },
  deliveriesPerAddress: {
    env: 'WEFT_DELIVERIES_PER_ADDRESS',
    type: 'integer',
    min: 100,
    max: 1_000_000,
    unit: 'a second',
    fallback: 10_000,
    roles: ['sequencer', 'validator'],
    doc: 'The same for all peers of one IPv4 address, or of the first 64 bits of an IPv6 address, of which no vote was accepted yet.',
  },
  deliveriesPerSlot: {
    env: 'WEFT_DELIVERIES_PER_SLOT',
    type: 'integer',
    min: 10,
    max: 1_000_000,
    unit: 'a second',
    fallback: 2_000,
    roles: ['sequencer'],
    doc: 'Deliveries with the signature of one slot that are looked at; ten seconds of them may be saved up.',
  },
  deliveriesPerSlotEpoch: {
    env: 'WEFT_DELIVERIES_PER_SLOT_EPOCH',
    type: 'integer',
    min: 100,
    max: 10_000_000,
    unit: 'deliveries',
    fallback: 10_000,
    roles: ['sequencer'],
    doc: 'The same for one slot and one epoch together: several times the projects that a slot may vote on. A hundredth of it comes back each second.',
  },
  inboxLength: {
    env: 'WEFT_INBOX_LENGTH',
    type: 'integer',
    min: 100,
    max: 1_000_000,
    unit: 'deliveries',
    fallback: 10_000,
    roles: ['sequencer', 'validator'],
    doc: 'Deliveries that may wait, of peers with an accepted vote and of others each; beyond it nothing is read from whoever sends more.',
  },
  connectionsPerAddress: {
    env: 'WEFT_CONNECTIONS_PER_ADDRESS',
    type: 'integer',
    min: 1,
    max: 100_000,
    unit: 'connections',
    fallback: 2_048,
    roles: ['relay', 'sequencer', 'validator'],
    doc: 'libp2p connections from one address, counted as for deliveries; those of this machine are not limited.',
  },
  handshakesPerAddress: {
    env: 'WEFT_HANDSHAKES_PER_ADDRESS',
    type: 'integer',
    min: 1,
    max: 10_000,
    unit: 'handshakes',
    fallback: 64,
    roles: ['relay', 'sequencer', 'validator'],
    doc: 'Handshakes of one address under way at once: sockets that say nothing give way to those that come.',
  },
  handshakeMs: {
    env: 'WEFT_HANDSHAKE_MS',
    type: 'integer',
    min: 500,
    max: 120_000,
    unit: 'ms',
    fallback: 10_000,
    roles: ['relay', 'sequencer', 'validator'],
    doc: 'How long a handshake may take before its socket is closed.',
  },
  relays: {
    env: 'WEFT_RELAYS',
    type: 'peers',
    fallback: [],
    roles: ['sequencer'],
    doc: 'Multiaddrs of circuit relays through which the sequencer is to be reached as well; a place on each of them is kept.',
  },
  relayers: {
    env: 'WEFT_RELAYERS',
    type: 'text',
    fallback: '',
    roles: ['collector', 'sequencer'],
    doc: 'https URL or file of a list of relays, as deployed ones are listed: `[{"id","name","rendezvousPoint","maddr"}]`. A sequencer keeps a place on two of them and registers at all; a collector asks them for sequencers. The last copy is kept and used when the list cannot be had.',
  },
  rendezvousPoint: {
    env: 'WEFT_RENDEZVOUS_POINT',
    type: 'text',
    fallback: '',
    roles: ['collector', 'sequencer'],
    doc: 'Name under which sequencers of the market are found at rendezvous servers (`/rendezvous/1.0.0`): a sequencer registers there, at its relays too; a collector tries what it finds after --sequencers, if it is of a peer that the settings, the trusted list or the chain name. Without it, that of the list of --relayers.',
  },
  rendezvousAt: {
    env: 'WEFT_RENDEZVOUS_AT',
    type: 'peers',
    fallback: [],
    roles: ['collector', 'sequencer'],
    doc: 'Multiaddrs of rendezvous servers beside those of --relayers, as relays are with --rendezvous on.',
  },
  httpListen: {
    env: 'WEFT_HTTP_LISTEN',
    type: 'host:port',
    fallback: '127.0.0.1:0',
    roles: ['sequencer', 'api'],
    doc: 'host:port of the read-only HTTP routes (docs/SEQUENCER-HTTP.md; those of an api: docs/API.md); port 0 takes a free one. A sequencer needs a read token where the host is not loopback; deployed ones use port 8080.',
  },
  statusListen: {
    env: 'WEFT_STATUS_LISTEN',
    type: 'host:port',
    fallback: '',
    roles: ['snapshotter'],
    doc: 'host:port of this machine where the snapshotter says how its epochs fare, with the routes of deployed nodes (`/internal/snapshotter/status`, …); their port is 8002. None unless given. Only loopback: who reaches it reads everything.',
  },
  authReadToken: {
    env: 'WEFT_AUTH_READ_TOKEN',
    type: 'secret',
    min: 16,
    max: 256,
    fallback: '',
    roles: ['sequencer'],
    doc: 'Token that must come with each question over HTTP, 16 to 256 characters, or `file:PATH` of a file that holds it. Never printed.',
  },
  signedReceipts: {
    env: 'WEFT_SIGNED_RECEIPTS',
    type: 'choice',
    choices: ['on', 'off'],
    fallback: 'on',
    roles: ['sequencer'],
    doc: 'Whether receipts are signed with the account that anchors, so that whoever has one can show what was promised. See docs/RECEIPTS.md.',
  },
  sequencerHttp: {
    env: 'WEFT_SEQUENCER_HTTP',
    type: 'urls',
    fallback: [],
    roles: ['api'],
    doc: 'HTTP routes of the sequencers of the market, separated by commas, which are asked what they refused: only they know it. Without any, `/v1/refusals` is empty.',
  },
  sequencerToken: {
    env: 'WEFT_SEQUENCER_TOKEN',
    type: 'secret',
    fallback: '',
    roles: ['api'],
    doc: 'Read token of those sequencers, or `file:PATH` of a file that holds it. Never printed.',
  },
  corsOrigins: {
    env: 'WEFT_CORS_ORIGINS',
    type: 'urls',
    fallback: [],
    roles: ['api'],
    doc: 'Origins, separated by commas, whose pages may read the answers in a browser: `https://example.org`. Without any, all may: what is served is public.',
  },
  apiKeys: {
    env: 'WEFT_API_KEYS',
    type: 'text',
    fallback: '',
    roles: ['api'],
    doc: 'File of keys, a line each: a name, a space, 16 to 256 characters. Who sends one as `Authorization: Bearer` or `X-API-KEY` has limits of its own, wherever it asks from; who sends none is limited by address.',
  },
  reservationsMax: {
    env: 'WEFT_RESERVATIONS_MAX',
    type: 'integer',
    min: 1,
    max: 100_000,
    fallback: 1_000,
    roles: ['relay'],
    doc: 'Peers that may be reached through this relay at once.',
  },
  reservationsPerAddress: {
    env: 'WEFT_RESERVATIONS_PER_ADDRESS',
    type: 'integer',
    min: 1,
    max: 100_000,
    fallback: 64,
    roles: ['relay'],
    doc: 'Of them, those of one IPv4 address, or of the first 64 bits of an IPv6 address.',
  },
  reservationSeconds: {
    env: 'WEFT_RESERVATION_SECONDS',
    type: 'integer',
    min: 60,
    max: 86_400,
    unit: 's',
    fallback: 3_600,
    roles: ['relay'],
    doc: 'How long a place holds unless it is renewed.',
  },
  circuitsMax: {
    env: 'WEFT_CIRCUITS_MAX',
    type: 'integer',
    min: 1,
    max: 100_000,
    unit: 'circuits',
    fallback: 10_000,
    roles: ['relay'],
    doc: 'Connections that this relay carries at once; 100 KiB of memory each at worst.',
  },
  circuitsPerPeer: {
    env: 'WEFT_CIRCUITS_PER_PEER',
    type: 'integer',
    min: 1,
    max: 10_000,
    unit: 'circuits',
    fallback: 16,
    roles: ['relay'],
    doc: 'Of them, those that one peer has asked for.',
  },
  circuitsPerAddress: {
    env: 'WEFT_CIRCUITS_PER_ADDRESS',
    type: 'integer',
    min: 1,
    max: 100_000,
    unit: 'circuits',
    fallback: 2_048,
    roles: ['relay'],
    doc: 'Of them, those of all peers of one address, counted as for places; those of this machine are not limited.',
  },
  circuitMib: {
    env: 'WEFT_CIRCUIT_MIB',
    type: 'integer',
    min: 0,
    max: 1_000_000,
    unit: 'MiB',
    fallback: 0,
    roles: ['relay'],
    doc: 'What one circuit may carry, both ways together, before it is ended; 0 for as much as it likes.',
  },
  circuitSeconds: {
    env: 'WEFT_CIRCUIT_SECONDS',
    type: 'integer',
    min: 0,
    max: 31_536_000,
    unit: 's',
    fallback: 0,
    roles: ['relay'],
    doc: 'How long one circuit may last before it is ended; 0 for as long as it likes.',
  },
  circuitIdleSeconds: {
    env: 'WEFT_CIRCUIT_IDLE_SECONDS',
    type: 'integer',
    min: 60,
    max: 86_400,
    unit: 's',
    fallback: 120,
    roles: ['relay'],
    doc: 'How long one circuit may carry nothing before it is ended; peers that are there ping each other every 30 s.',
  },
  admission: {
    env: 'WEFT_ADMISSION',
    type: 'choice',
    choices: ['anyone', 'slots'],
    fallback: 'anyone',
    roles: ['relay'],
    doc: 'Whom the relay serves: anyone, or only peers for which the signer of a slot, or a sequencer of the market, has signed (`/weft/admit/1.0.0`). The latter needs the anchor chain.',
  },
  peersPerSlot: {
    env: 'WEFT_PEERS_PER_SLOT',
    type: 'integer',
    min: 1,
    max: 1_000,
    unit: 'peers',
    fallback: 4,
    roles: ['relay'],
    doc: 'Peers for which one slot may sign at a time, with --admission slots.',
  },
  rendezvous: {
    env: 'WEFT_RENDEZVOUS',
    type: 'choice',
    choices: ['on', 'off'],
    fallback: 'off',
    roles: ['relay'],
    doc: 'Whether peers may register here and be found under a name (`/rendezvous/1.0.0`).',
  },
  drainSeconds: {
    env: 'WEFT_DRAIN_SECONDS',
    type: 'integer',
    min: 0,
    max: 15,
    unit: 's',
    fallback: 10,
    roles: ['relay'],
    doc: 'How long a relay that is told to stop waits for those who have circuits to find another way; 0 does not wait, nor tell them.',
  },
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
  epochsKept: {
    env: 'WEFT_EPOCHS_KEPT',
    type: 'integer',
    min: 100,
    max: 100_000_000,
    unit: 'epochs',
    fallback: 1_000,
    roles: ['sequencer', 'validator'],
    doc: 'Newest epochs whose votes, records and evidence stay on disk. The guards of a validator stay longer, until the contract can count no vote of theirs any more.',
  },
  daysKept: {
    env: 'WEFT_DAYS_KEPT',
    type: 'integer',
    min: 2,
    max: 10_000,
    unit: 'days',
    fallback: 8,
    roles: ['sequencer'],
    doc: 'Days before the current one of which it stays known what each slot delivered.',
  },
  countsEveryEpochs: {
    env: 'WEFT_COUNTS_EVERY_EPOCHS',
    type: 'integer',
    min: 1,
    max: 100_000_000,
    unit: 'epochs',
    fallback: 300,
    roles: ['sequencer'],
    doc: 'Epochs between two updates of what slots have delivered on a day that goes on. What a day came to is told at its end in any case.',
  },
  dayBufferEpochs: {
    env: 'WEFT_DAY_BUFFER_EPOCHS',
    type: 'integer',
    min: 1,
    max: 100_000,
    unit: 'epochs',
    fallback: 5,
    roles: ['sequencer'],
    doc: 'Epochs after the last of a day before the day is closed: one at least so late must be done, and all of the day decided.',
  },
  slotsPerUpdate: {
    env: 'WEFT_SLOTS_PER_UPDATE',
    type: 'integer',
    min: 1,
    max: 1_000,
    unit: 'slots',
    fallback: 100,
    roles: ['sequencer'],
    doc: 'Slots that one call tells of; bounded by the gas of one block: 75,000 for each that is rewarded.',
  },
  projectsPerBatch: {
    env: 'WEFT_PROJECTS_PER_BATCH',
    type: 'integer',
    min: 1,
    max: BATCH_PROJECTS_MAX,
    fromMarket: { otherwise: 'default 50' },
    roles: ['sequencer'],
    doc: 'Projects that one batch may hold; bounded by the gas of one block.',
  },
  level: {
    env: 'WEFT_LEVEL',
    type: 'choice',
    choices: ['integrity', 'tally', 'recompute'],
    fallback: 'tally',
    roles: ['validator'],
    doc: 'How far a batch is checked: that its file is what the chain says; that its results follow from its submissions too; that the data are right too, for a share of its base projects.',
  },
  recomputeShare: {
    env: 'WEFT_RECOMPUTE_SHARE',
    type: 'integer',
    min: 1,
    max: 10_000,
    unit: 'basis points',
    fallback: 500,
    roles: ['validator'],
    doc: 'At level recompute: how many of ten thousand projects are computed anew. Nobody knows which before their batch is on chain.',
  },
  recomputeRpcUrl: {
    env: 'WEFT_RECOMPUTE_RPC_URL',
    type: 'rpc',
    fallback: '',
    roles: ['validator'],
    doc: `JSON-RPC endpoint of the source chain, or several, needed at level recompute. It must answer for blocks as old as an epoch whose batches come late. ${RPC_FORM}`,
  },
  windowUnit: {
    env: 'WEFT_WINDOW_UNIT',
    type: 'choice',
    choices: ['blocks', 'seconds'],
    fromMarket: { otherwise: 'default seconds' },
    roles: ['snapshotter', 'sequencer', 'validator'],
    doc: "Unit in which the market's snapshot window is meant; deployed sequencers count seconds.",
  },
} as const satisfies Record<string, SettingRow>

export type SettingName = keyof typeof SETTINGS
type ValueOf<Type extends SettingRow['type']> = Type extends 'integer'
  ? number
  : Type extends 'multiaddrs' | 'peers' | 'urls'
    ? readonly string[]
    : Type extends 'slots'
      ? readonly SlotId[]
      : Type extends 'address'
        ? Address
        : Type extends 'places'
          ? readonly PlaceSetting[]
          : Type extends 'key' | 'secret' | 'password' | 'pem'
            ? Secret<string>
            : Type extends 'computes'
              ? readonly FolderSet[]
              : Type extends 'market'
                ? MarketComputes
                : string
export type Settings = {
  readonly [Name in SettingName]:
    | ValueOf<(typeof SETTINGS)[Name]['type']>
    | ((typeof SETTINGS)[Name] extends { readonly fromMarket: object } ? undefined : never)
}

/** The settings that a role reads, in table order. */
export function settingsOf(role: Role): SettingName[] {
  return (Object.keys(SETTINGS) as SettingName[]).filter((name) => (SETTINGS[name].roles as readonly Role[]).includes(role))
}

const defaultInWords = (value: string): string => `default ${value || 'none'}`

/** What a setting is that nobody gives, in words. `tell` is for its default, which may be empty. */
export function unlessGiven(name: SettingName, tell = defaultInWords): string {
  const row: SettingRow = SETTINGS[name]
  return `${unlessGivenWhereNeeded(row, tell)}${row.optional === undefined ? '' : `; ${row.optional.otherwise}`}`
}

function unlessGivenWhereNeeded(row: SettingRow, tell: (value: string) => string): string {
  if (row.fallback !== undefined) return tell([row.fallback].flat().join(','))
  if (row.fromMarket !== undefined)
    return `from the market${row.fromMarket.otherwise && `; without a manifest ${row.fromMarket.otherwise}`}`
  if (row.unless !== undefined) return `needed, or ${flagOf(row.unless)}`
  return row.fromNetwork === undefined ? 'needed' : 'needed, or from the network file'
}

/** Text given by flag or environment. */
export type Given = Readonly<Partial<Record<string, string>>>

/** `dataDir` → `--data-dir`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** Variables that an operator's command reads. */
const OTHER_VARIABLES = ['WEFT_DEPLOYER_KEY', 'WEFT_KEYSTORE', 'WEFT_KEYSTORE_PASSWORD']

/** What is wrong with the names of the variables that begin with `WEFT_`. */
export function unknownVariables(env: Given): string[] {
  const known = new Set<string>([...Object.values(SETTINGS).map((row) => row.env), ...OTHER_VARIABLES])
  return Object.keys(env)
    .filter((name) => name.startsWith('WEFT_') && !known.has(name))
    .map((name) => `${name} is not a setting of Weft`)
}
