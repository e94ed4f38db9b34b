import { join } from 'node:path'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { type Address, parseBlockNumber } from '#domain/ids.ts'
import type { Secret } from '#domain/secret.ts'
import type { IntentJournal } from '#io/chain/port.ts'
import { readBlock } from '#io/chain/rpc/block.ts'
import { createRpc, type Rpc } from '#io/chain/rpc/rpc.ts'
import { createOnlooker, createAccount, type Account } from '#io/chain/send/account.ts'
import { systemClock } from '#io/clock/system.ts'
import { onDisk } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { decryptKeystore } from '#io/keys/keystore.ts'
import type { Signer } from '#io/keys/port.ts'
import { createSigner, parsePrivateKey } from '#io/keys/secp256k1.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { contentOf } from '#node/given-file.ts'
import { remoteSignerOf } from '#node/signer.ts'
import type { RemoteSettings } from '#node/signer-settings.ts'

/** Where an operator's key comes from: a keystore and its password, the key itself, or a remote signer. */
export type KeySource =
  | { readonly kind: 'keystore'; readonly path: string; readonly password: () => Promise<Secret<string>> }
  | { readonly kind: 'key'; readonly text: Secret<string> }
  /** A key that another machine has. */
  | { readonly kind: 'remote'; readonly settings: RemoteSettings }
  /** For a dry run, which signs nothing; as nobody when there is none. */
  | { readonly kind: 'address'; readonly address: Address | undefined }

export interface SessionOptions {
  readonly rpcUrl: string
  readonly key: KeySource
  /** Keeps the journal of the operator's transactions; made when it is needed. */
  readonly dataDir: string
  readonly isDryRun: boolean
}

/** An account at work on a chain. */
export interface Session {
  readonly rpc: Rpc
  readonly chainId: number
  readonly operator: Account
  stop(): Promise<void>
}

const POLL_MS = 250
/** Blocks take seconds, a fee that is too low some minutes. */
const SETTLE_TIMEOUT_MS = 300_000

/** A dry run has nothing to remember; whatever tried to send would fail here, before it reached the node. */
const NO_JOURNAL: IntentJournal = {
  get: () => undefined,
  scan: () => [],
  commit: () => Promise.reject(new WeftError('STOPPED', { what: 'a dry run' })),
}

/** Throws `KEYSTORE_INVALID`, `KEYSTORE_PASSWORD_WRONG`, `SETTINGS_INVALID`. */
async function openSigner(source: Exclude<KeySource, { kind: 'address' }>): Promise<Signer> {
  return source.kind === 'remote' ? remoteSignerOf(source.settings) : createSigner(await readKey(source))
}

async function readKey(source: Extract<KeySource, { kind: 'keystore' | 'key' }>): Promise<Secret<Uint8Array>> {
  if (source.kind === 'keystore') {
    const { path } = source
    return decryptKeystore(contentOf(path, '--keystore'), { path, password: await source.password() })
  }
  try {
    return parsePrivateKey(source.text.reveal().trim())
  } catch (failure) {
    if (!isWeftError(failure, 'ID_MALFORMED')) throw failure
    throw new WeftError('SETTINGS_INVALID', { problems: ['WEFT_DEPLOYER_KEY is no private key: 64 hex digits, or file:PATH'] }, failure)
  }
}

/**
 * One journal per chain: another chain may have the same id, as development chains do, and what was journalled for one must never be
 * sent to the other.
 */
async function journalPath(rpc: Rpc, chainId: number, dataDir: string): Promise<string> {
  const genesis = await readBlock(rpc, parseBlockNumber(0))
  return join(dataDir, `operator-${chainId}-${genesis?.hash.slice(2, 10) ?? 'unknown'}.sqlite`)
}

/** Throws `CHAIN_UNREACHABLE`, `DATA_DIR_LOCKED`, `STORE_FAILED`, `SIGNER_FAILED`, `SIGNER_LIED`, and as `openSigner`. */
export async function openSession({ rpcUrl, key, dataDir, isDryRun }: SessionOptions): Promise<Session> {
  const rpc = createRpc({ rpcUrl, pause: systemClock })
  if (key.kind === 'address')
    return { rpc, chainId: await readChainId(rpc), operator: createOnlooker(rpc, key.address), stop: async () => undefined }
  const signer = await openSigner(key)
  const chainId = await readChainId(rpc)
  const options = { rpc, chainId, signer, clock: systemClock, settleTimeoutMs: SETTLE_TIMEOUT_MS, pollMs: POLL_MS }
  if (isDryRun) return { rpc, chainId, operator: createAccount({ ...options, journal: NO_JOURNAL }), stop: async () => undefined }
  onDisk(dataDir, 'creating it', () => makeFolder(dataDir))
  const journal = openSqliteStore({ path: await journalPath(rpc, chainId, dataDir) })
  return { rpc, chainId, operator: createAccount({ ...options, journal }), stop: () => journal.close() }
}

export async function readChainId(rpc: Rpc): Promise<number> {
  return Number(await rpc.call('eth_chainId', []))
}
