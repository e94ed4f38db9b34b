import type { Role } from './roles.ts'
import type { SettingRow } from './row.ts'

const withKey: readonly Role[] = ['epochs', 'snapshotter', 'sequencer', 'validator']
const sending: readonly Role[] = ['epochs', 'sequencer', 'validator']

/** What a collector signs with, where it has to. */
export const forClaims = {
  roles: ['collector'],
  otherwise: 'a collector needs --slots and --signer-key only for relays that serve none but slots (--admission)',
} as const

/** Who a role is, and what its transactions may cost. */
export const ACCOUNT_SETTINGS = {
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
    doc: 'Epochs to listen to after the start before anything is signed, each until half of the time for its batches is over: should another process sign with the same account meanwhile, this one does not begin. Who starts again within an hour on the same store, and no copy of it, reads what has come since instead, and begins then. 0 begins at once. It is listened for as long as the role runs.',
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
} as const satisfies Record<string, SettingRow>
