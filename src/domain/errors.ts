/**
 * Failures. One class, one table. A bad submission is not a failure: it is a verdict (`rejection.ts`).
 * The kind decides everything: `caller` is answered, `transient` is retried within a named limit,
 * `operator` stops the process with exit code 1, `bug` crashes it.
 */

export type ErrorKind = 'caller' | 'transient' | 'operator' | 'bug'
export interface ErrorRow {
  readonly kind: ErrorKind
  /** The facts that every instance carries. */
  readonly facts: readonly string[]
  /** What to do next, for the person who reads it. */
  readonly help: string
}

export const ERRORS = {
  ID_MALFORMED: {
    kind: 'caller',
    facts: ['what', 'text'],
    help: 'Check the spelling: a project id is type[:dataSource]:namespace, other ids are decimal integers, addresses 0x and 40 hex digits, hashes 0x and 64.',
  },
  SETTINGS_INVALID: {
    kind: 'operator',
    facts: ['problems'],
    help: 'Correct each setting named; `weft settings` lists those of the roles, `--help` those of a command.',
  },
  DATA_DIR_UNKNOWN: {
    kind: 'operator',
    facts: ['dataDir'],
    help: 'No running devnet was found there. Start one with `weft devnet`, or pass --data-dir.',
  },
  DATA_DIR_LOCKED: {
    kind: 'operator',
    facts: ['dataDir', 'processId'],
    help: 'Another process uses this data directory. Stop it, or choose another with --data-dir.',
  },
  KEYSTORE_INVALID: {
    kind: 'operator',
    facts: ['path', 'detail'],
    help: 'The file is no Web3 Secret Storage (version 3) that Weft opens: scrypt or pbkdf2, aes-128-ctr, within its limits of cost.',
  },
  KEYSTORE_PASSWORD_WRONG: {
    kind: 'operator',
    facts: ['path'],
    help: 'The password does not open this keystore. Mind a line end in the password file: exactly one is taken off.',
  },
  CONFIRMATION_NEEDED: {
    kind: 'operator',
    facts: ['transactions'],
    help: 'Nothing was sent. Pass --yes to send without being asked, or --dry-run to look only.',
  },
  FUNDS_INSUFFICIENT: {
    kind: 'operator',
    facts: ['address', 'haveWei', 'neededWei'],
    help: 'The account cannot pay for the next transactions. Send it ether and run the command again; it continues where it stopped.',
  },
  PLAN_NOT_REACHED: {
    kind: 'operator',
    facts: ['rounds', 'steps'],
    help: 'What was sent did not lead to what was asked for: somebody else may be changing the same contracts. Look with --dry-run.',
  },
  IDENTITY_INVALID: {
    kind: 'operator',
    facts: ['path'],
    help: 'The file holds no libp2p identity; a full disk may have cut it. Restore it from a copy, or move it away: the next start makes a new one, and peers must be told the new address.',
  },
  STORE_FAILED: {
    kind: 'operator',
    facts: ['path', 'doing'],
    help: 'Check that the disk has room and that the data directory is writable.',
  },
  CHILD_PROCESS_FAILED: {
    kind: 'operator',
    facts: ['program', 'detail'],
    help: 'The program could not be started or ended early. Run `npm install` and try again.',
  },
  CHAIN_UNREACHABLE: {
    kind: 'transient',
    facts: ['endpoint', 'method'],
    help: 'The RPC endpoint did not answer. Is it running, and is the URL right?',
  },
  CHAIN_ANSWER_INVALID: {
    kind: 'transient',
    facts: ['endpoint', 'method', 'detail'],
    help: 'The RPC endpoint answered something that does not make sense. Try another endpoint.',
  },
  CHAIN_WRONG: {
    kind: 'operator',
    facts: ['endpoint', 'expectedChainId', 'gotChainId'],
    help: 'The RPC endpoint serves another chain. Correct the URL or the chain id.',
  },
  CHAIN_REORG_TOO_DEEP: {
    kind: 'operator',
    facts: ['depth', 'depthMax'],
    help: 'The chain was rewritten below what this role keeps. Remove the data directory and start anew.',
  },
  CALL_REVERTED: {
    kind: 'caller',
    facts: ['call', 'reason'],
    help: 'The contract refused the call; `weft explain` knows the short codes.',
  },
  CALL_NOT_SETTLED: {
    kind: 'transient',
    facts: ['call', 'waitedMs'],
    help: 'The transaction was sent but not mined in time. It stays journalled and is settled later; nothing is sent twice.',
  },
  CONTRACT_UNKNOWN: {
    kind: 'operator',
    facts: ['what', 'address'],
    help: 'No contract of that kind answers at this address. Check the addresses and the chain.',
  },
  IPFS_NOT_FOUND: {
    kind: 'transient',
    facts: ['cid', 'waitedMs'],
    help: 'No connected peer served this content in time. Is the node that holds it running and connected?',
  },
  IPFS_CONTENT_WRONG: {
    kind: 'transient',
    facts: ['cid', 'got'],
    help: 'The bytes served do not hash to their CID. Do not trust that copy; ask another source.',
  },
  IPFS_CONTENT_TOO_LARGE: { kind: 'caller', facts: ['cid', 'bytesMax'], help: 'The content is larger than the caller accepts.' },
  LINK_FAILED: {
    kind: 'transient',
    facts: ['address', 'detail'],
    help: 'The peer could not be reached or the connection ended. It is tried again.',
  },
  LISTEN_FAILED: {
    kind: 'operator',
    facts: ['address', 'detail'],
    help: 'Nothing can listen there. Is the port taken, or the address not one of this machine?',
  },
  COLLECTOR_UNAVAILABLE: { kind: 'transient', facts: ['endpoint', 'detail'], help: 'The local collector did not answer. Is it running?' },
  QUEUE_FULL: {
    kind: 'transient',
    facts: ['queue', 'lengthMax'],
    help: 'More work came in than can be done now. Send again a little later.',
  },
  COMPUTE_FAILED: {
    kind: 'transient',
    facts: ['projectId', 'epochId', 'detail'],
    help: 'The compute module failed; its own message says why.',
  },
  JSON_MALFORMED: {
    kind: 'caller',
    facts: ['detail'],
    help: 'The bytes or the value are not JSON that Python could have written (spec/03 §9).',
  },
  BATCH_MALFORMED: {
    kind: 'caller',
    facts: ['batchCid', 'detail'],
    help: 'The batch file does not have the form of the protocol (spec/06 §8).',
  },
  STATE_TRANSITION: {
    kind: 'bug',
    facts: ['machine', 'from', 'to'],
    help: 'A state machine was asked for a step it does not have. Please report it with the log.',
  },
  ATTESTATION_CONFLICT: {
    kind: 'operator',
    facts: ['batchCid', 'attestedRoot', 'newRoot'],
    help: 'This validator already attested another root for the batch; it never signs two. Look at the evidence in its data directory.',
  },
  STOPPED: { kind: 'caller', facts: ['what'], help: 'The process was asked to stop while this was under way.' },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS
type FactValue = string | number | boolean | readonly string[]
/** Distributes over a union of codes, so that a failure of one code is also a failure of any code. */
export type ErrorFacts<Code extends ErrorCode> = Code extends ErrorCode
  ? { readonly [Fact in (typeof ERRORS)[Code]['facts'][number]]: FactValue }
  : never

/** Every failure of Weft. Branch on `code` or `kind`, never on the message. Facts never hold secrets. */
export class WeftError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'WeftError'
  readonly code: Code
  readonly kind: ErrorKind
  readonly facts: ErrorFacts<Code>

  constructor(code: Code, facts: ErrorFacts<Code>, cause?: unknown) {
    const row: ErrorRow = ERRORS[code]
    const told = row.facts.map((fact) => `${fact}: ${String((facts as Record<string, unknown>)[fact])}`).join(', ')
    super(`${code} (${told}). ${row.help}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.kind = row.kind
    this.facts = facts
  }
}

/** Whether `failure` is a WeftError, of that code when one is given. */
export function isWeftError<Code extends ErrorCode>(failure: unknown, code?: Code): failure is WeftError<Code> {
  return failure instanceof WeftError && (code === undefined || failure.code === code)
}

/** What a log line says of a failure: its code and its facts, endpoints and peers among them. */
export function toldOf({ code, facts }: WeftError): Readonly<Record<string, string | number>> {
  const told: Record<string, string | number> = { code }
  for (const [fact, value] of Object.entries(facts)) told[fact] = typeof value === 'number' ? value : String(value)
  return told
}

/** `LISTEN_FAILED` with the system's own code, for example EADDRINUSE: libraries put advice and stack traces into their messages. */
export function listenFailed(address: string, cause: unknown): WeftError<'LISTEN_FAILED'> {
  const text = cause instanceof Error ? cause.message : String(cause)
  const detail = /\bE[A-Z]{4,}\b/.exec(text)?.[0] ?? text.replace(/\n.*/s, '')
  return new WeftError('LISTEN_FAILED', { address, detail }, cause)
}
