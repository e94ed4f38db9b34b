/**
 * Failures. One class, one table. A bad submission is not a failure: it is a verdict (`rejection.ts`).
 * The kind decides everything: `caller` is answered, `transient` is retried within a named limit,
 * `operator` stops the process with exit code 1, `bug` crashes it.
 */

import { printable } from './printable.ts'

export type ErrorKind = 'caller' | 'transient' | 'operator' | 'bug'
export interface ErrorRow {
  readonly kind: ErrorKind
  /** The facts that every instance carries. */
  readonly facts: readonly string[]
  /** Those that it carries where they are known. */
  readonly factsKnown?: readonly string[]
  /** What to do next, for the person who reads it. */
  readonly help: string
}

export const ERRORS = {
  ID_MALFORMED: {
    kind: 'caller',
    facts: ['what', 'text'],
    help: 'Check the spelling: a project id is type[:dataSource]:namespace, a submission id a UUID, a CID as its gateways have it; other ids are decimal integers, addresses 0x and 40 hex digits, hashes 0x and 64.',
  },
  PROJECT_AMBIGUOUS: {
    kind: 'caller',
    facts: ['text', 'projects'],
    help: 'Several projects of the epoch have this in their ids. Give more of the one that is meant, or all of it.',
  },
  STATE_UNPROVED: {
    kind: 'caller',
    facts: ['what', 'detail'],
    help: 'Nothing in the proof leads from the block to what is asked of the contract. Have the proof made anew.',
  },
  FILE_UNREADABLE: {
    kind: 'caller',
    facts: ['path', 'detail'],
    help: 'A regular file is needed, of a size that its form allows. Behind a project an epoch is needed: `./weft verify PROJECT latest`.',
  },
  ENDPOINTS_DISAGREE: {
    kind: 'caller',
    facts: ['about', 'agreeing', 'needed'],
    help: 'Too few of the endpoints named say the same. Name others, or say with --agree how many are enough. The block of a proof may be of another chain, or a reorganisation took it: have the proof made anew.',
  },
  ENDPOINT_APART: {
    kind: 'transient',
    facts: ['endpoint', 'expected', 'got'],
    help: 'The endpoint is behind the others, or ahead of them: what it says contradicts none, and is not what enough of them say. Ask again; one that stays behind is stuck, or does not hold all.',
  },
  PROOF_IMPOSSIBLE: {
    kind: 'caller',
    facts: ['projectId', 'epochId', 'detail'],
    help: 'What is final on chain can be proved, of markets whose contract keeps its state as Weft does (docs/PROOF.md), where the endpoint answers `eth_getProof` and somebody serves the bytes.',
  },
  SETTINGS_INVALID: {
    kind: 'operator',
    facts: ['problems'],
    help: 'Correct what is named. `--help` after the command lists what it takes; docs/CLI.md has it all.',
  },
  DATA_DIR_UNKNOWN: {
    kind: 'operator',
    facts: ['dataDir'],
    help: 'No devnet runs or was kept there. Start one with `./weft devnet`, or pass --data-dir; what asks a network takes --rpc, --network and --gateway for another.',
  },
  DATA_DIR_EMPTY: {
    kind: 'operator',
    facts: ['dataDir'],
    help: 'No role has kept anything there. Pass --data-dir with the data directory of a role, of a node, or of a devnet.',
  },
  LOG_NOT_KEPT: {
    kind: 'operator',
    facts: ['dataDir'],
    help: 'Roles have worked there, and none of them has kept its log: an older Weft did not. What it wrote to stderr is with whoever started it: `journalctl -u weft -o cat | ./weft logs`.',
  },
  BACKUP_INVALID: {
    kind: 'operator',
    facts: ['path', 'detail'],
    help: 'The folder is no backup that this Weft can restore, or not whole any more: nothing was restored. Take another one; `./weft backup` writes each under a name of its own when it is whole.',
  },
  FOLDER_NOT_EMPTY: {
    kind: 'caller',
    facts: ['path'],
    help: 'The folder holds something, and nothing of it is replaced. Name one that does not exist.',
  },
  DATA_DIR_FOREIGN: {
    kind: 'operator',
    facts: ['dataDir', 'found'],
    help: 'A devnet empties its folder, and this one holds what no devnet made: nothing was touched. Name an empty folder, or one that does not exist (--data-dir). What a devnet of an earlier build has made may be among it: take that out by hand if you know it is yours.',
  },
  DATA_DIR_LOCKED: {
    kind: 'operator',
    facts: ['dataDir', 'processId'],
    help: 'Another process uses this data directory. Stop that one first. Another directory does not help a role that goes on under the same key: what it must not sign again is in this one.',
  },
  DATA_DIR_OF_OTHER: {
    kind: 'operator',
    facts: ['dataDir', 'found', 'role'],
    help: 'The data directory is that of another role, or of another market: nothing was touched. Name another one (--data-dir).',
  },
  SIGNER_IN_USE: {
    kind: 'operator',
    facts: ['what', 'processId', 'dataDir'],
    help: 'Another process of this machine signs for it: two would sign two different answers, which are held against the account. Stop that one first, and go on in its data directory.',
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
  TWIN_FOUND: {
    kind: 'transient',
    facts: ['account', 'transactionHash'],
    help: 'The account has sent a transaction that this process did not: another one signs with the same key. Nothing is signed any more. Stop one of the two, then start this one again.',
  },
  SIGNER_FAILED: {
    kind: 'transient',
    facts: ['signer', 'account', 'detail'],
    help: 'The remote signer gave no signature: it is down, slow, has no such key, or its certificate is not trusted. Nothing was sent or stored; it is asked again. `./weft doctor` asks it for one.',
  },
  SIGNER_LIED: {
    kind: 'transient',
    facts: ['signer', 'account', 'by'],
    help: 'What the remote signer gave is no signature of this account over what it was asked to sign: it has another key under that name, or is not what it says it is. It was used for nothing, and nothing was sent or stored. Look who answers there.',
  },
  EXPORT_UNCONFIRMED: {
    kind: 'operator',
    facts: ['path'],
    help: 'Nothing was written. A bare key is given out only when a person at a terminal has said yes twice.',
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
  IDENTITY_LOCKED: {
    kind: 'operator',
    facts: ['path'],
    help: 'The libp2p identity is encrypted there. Give its password: --identity-password file:PATH (WEFT_IDENTITY_PASSWORD).',
  },
  STORE_FAILED: {
    kind: 'operator',
    facts: ['path', 'doing'],
    help: 'The disk or its file system failed. The log of the system says more; what was acknowledged before is kept.',
  },
  STORE_FULL: {
    kind: 'transient',
    facts: ['path', 'doing'],
    help: 'The disk, or what this user may take of it, is full. Make room: a role that runs goes on by itself, anything else is started again. What was acknowledged before is kept.',
  },
  STORE_FORBIDDEN: {
    kind: 'operator',
    facts: ['path', 'doing'],
    help: 'This user may not do that there, or the file system is read-only. Give the place to the user that runs Weft.',
  },
  STORE_PLACE_WRONG: {
    kind: 'operator',
    facts: ['path', 'doing'],
    help: 'A file stands where a folder belongs, or the reverse, or the folder above is missing or holds no files. Correct the path, or move aside what stands there.',
  },
  STORE_NEWER: {
    kind: 'operator',
    facts: ['path', 'version', 'known'],
    help: 'A newer Weft has written the file, in a form that this one does not know: nothing was touched. Run the newer one again. There is no way back but a backup from before (`./weft restore`).',
  },
  STORE_FOREIGN: {
    kind: 'operator',
    facts: ['path', 'found'],
    help: 'The file is a database of another program: nothing was touched. Name another data directory (--data-dir), or move the file away.',
  },
  STORE_CORRUPT: {
    kind: 'operator',
    facts: ['path', 'doing'],
    help: 'The file is damaged, or not what its name says. Keep it, and restore a backup (`./weft restore`). A validator must not go on without one under the same key: it could attest twice.',
  },
  DATABASE_UNREACHABLE: {
    kind: 'transient',
    facts: ['database', 'detail'],
    help: 'The database server did not answer, or refused. Is it running, is the URL right, may this user make tables there?',
  },
  DATABASE_FULL: {
    kind: 'transient',
    facts: ['database'],
    help: 'The disk of the index is full: what is indexed is served, and nothing more is taken in. Make room; it goes on by itself, from where it is.',
  },
  DATABASE_NOT_LED: {
    kind: 'transient',
    facts: ['database'],
    help: 'Another process writes this index; this one serves what is there, and takes over when that one ends.',
  },
  DATABASE_OF_ANOTHER: {
    kind: 'operator',
    facts: ['database', 'expected', 'got'],
    help: 'The database holds the index of another data market, or of another version of Weft. Name another file or database; an index is read again from the chain.',
  },
  FAULT_NOT_HEALED: {
    kind: 'operator',
    facts: ['fault', 'epochId', 'detail'],
    help: 'A fault that was planted in a devnet did not heal within the epochs in which it must. On a busy machine try again; otherwise the logs in the data directory (`--keep`) say where it stopped.',
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
  CHAIN_DISPUTED: {
    kind: 'transient',
    facts: ['endpoint', 'method', 'detail'],
    help: 'RPC endpoints of one chain say different things of its contracts, and not more than half of them say the same. They are asked again until they do. Take the one away that is wrong, here or there where the detail says so, or name one more, so that most decide; `./weft rpc check URL` says what an endpoint can do.',
  },
  CHAIN_WRONG: {
    kind: 'operator',
    facts: ['endpoint', 'expectedChainId', 'gotChainId'],
    help: 'The RPC endpoint serves another chain. Correct the URL or the chain id.',
  },
  CHAIN_EXCHANGED: {
    kind: 'transient',
    facts: ['endpoint', 'detail'],
    help: 'Behind the URL that served the chain is another one now, or the same begun anew: nothing that it says counts, and the role goes on by itself when the right one is back. Correct the URL. Who has begun a development chain anew begins with an empty data directory, too.',
  },
  CHAIN_REORG_TOO_DEEP: {
    kind: 'operator',
    facts: ['depth', 'depthMax'],
    help: 'The chain was rewritten below what this role keeps. Is the endpoint on the right chain? Keep the data directory, with what the role must not sign again, and start it again when the endpoint agrees with others.',
  },
  CALL_REVERTED: {
    kind: 'caller',
    facts: ['call', 'reason'],
    help: 'The contract refused the call, and nothing of it was done.',
  },
  CALL_NOT_SETTLED: {
    kind: 'transient',
    facts: ['call', 'waitedMs'],
    help: 'The transaction was sent but not mined in time. It stays journalled and is settled later; nothing is sent twice.',
  },
  CALL_UNFUNDED: {
    kind: 'transient',
    facts: ['call', 'account', 'haveWei', 'neededWei'],
    help: 'The account cannot pay for what it has to send. Send it ether on the anchor chain; it is tried again until then, and no restart is needed.',
  },
  CALL_FEE_CAPPED: {
    kind: 'transient',
    facts: ['call', 'detail'],
    help: 'The fee is above what the node, or `--fee-per-gas-max`, allows. Raise the cap if the price of the chain is real; it is tried again until then.',
  },
  CALL_UNDERPRICED: {
    kind: 'transient',
    facts: ['call', 'detail'],
    help: 'The node wants a higher fee than was offered. The transaction is replaced at a higher one.',
  },
  CALL_NONCE_LOW: {
    kind: 'transient',
    facts: ['call', 'detail'],
    help: 'The node says that the nonce is used up: the transaction is mined, or another one of this account is. The chain is looked at, and what is lost is signed anew.',
  },
  CALL_NONCE_HIGH: {
    kind: 'transient',
    facts: ['call', 'detail'],
    help: 'The node lacks a transaction before this one. All that are journalled are handed to it again.',
  },
  CALL_TOO_LARGE: {
    kind: 'transient',
    facts: ['call', 'detail'],
    help: 'The node takes no transaction of that size. Use another endpoint, or smaller batches (`projectsPerBatch` of the market).',
  },
  CALL_GAS_LOW: {
    kind: 'transient',
    facts: ['call', 'detail'],
    help: 'The node wants more gas than was estimated. Is the endpoint on the right fork of its chain? Try another one.',
  },
  CALL_GAS_HIGH: {
    kind: 'transient',
    facts: ['call', 'detail'],
    help: 'The call takes more gas than a transaction, or a block, of this chain may have. Batches of fewer projects (`projectsPerBatch` of the market) take less.',
  },
  CALL_FORBIDDEN: {
    kind: 'transient',
    facts: ['call', 'detail'],
    help: 'The chain or the endpoint takes no transactions from this account. Ask whoever runs it to allow it, or use another endpoint.',
  },
  CALL_POOL_FULL: {
    kind: 'transient',
    facts: ['call', 'detail'],
    help: 'The node has no room for more transactions. It is handed over again.',
  },
  CALL_NOT_TAKEN: {
    kind: 'transient',
    facts: ['call', 'detail'],
    help: 'The node does not take the transaction, in words that are not known. It is handed over again; `detail` has the words.',
  },
  CONTRACT_UNKNOWN: {
    kind: 'operator',
    facts: ['what', 'address'],
    help: 'No contract of that kind answers at this address. Check the addresses and the chain.',
  },
  MANIFEST_INVALID: {
    kind: 'operator',
    facts: ['manifest', 'problems'],
    help: "A market's manifest is not what docs/MARKET.md describes; each problem names its field. Correct the file; where it is one that the market has already, its owner sets a corrected one with `./weft market set --manifest`.",
  },
  MANIFEST_DENIED: {
    kind: 'operator',
    facts: ['dataMarket', 'epochId', 'sinceEpochId'],
    help: 'This role has followed a manifest of the market before, and no contract takes one back; the anchor endpoint says now that there is none. It lies, or it is of another network: check --anchor-rpc-url. No flags are followed instead.',
  },
  MANIFEST_UNAVAILABLE: {
    kind: 'transient',
    facts: ['cid', 'lookedIn'],
    help: "Nobody has the market's manifest whose CID the chain names. Put its file into the folder `manifests` beside network.json as CID.json, pass it as --manifest, or connect to an IPFS node that holds it.",
  },
  MARKET_CONTRADICTED: {
    kind: 'operator',
    facts: ['problems'],
    help: "Flags, the market's manifest and its contract do not say the same. Leave flags away that the manifest answers; the market's owner corrects the manifest.",
  },
  IPFS_NOT_FOUND: {
    kind: 'transient',
    facts: ['cid', 'waitedMs'],
    help: 'No connected peer served this content in time, nor a gateway that was asked. Is the node that holds it running and connected?',
  },
  IPFS_CONTENT_WRONG: {
    kind: 'transient',
    facts: ['cid', 'got'],
    help: 'The bytes served do not hash to their CID. Do not trust that copy; ask another source.',
  },
  IPFS_CONTENT_TOO_LARGE: {
    kind: 'caller',
    facts: ['cid', 'bytesMax'],
    help: 'The content, or one block of it, is larger than is accepted, whoever serves it. Where `cid` is that of a block, add the content anew in blocks as `ipfs add` makes them; its CID will be another one.',
  },
  CONTENT_NOT_HERE: {
    kind: 'caller',
    facts: ['cid'],
    help: 'This gateway serves what one folder holds, and asks nobody. Ask another gateway.',
  },
  CONTENT_NOT_SERVED: {
    kind: 'transient',
    facts: ['cid', 'waitedMs'],
    help: 'This gateway does not hold the content, and no peer that it is connected to served it in time. Ask again later, or another gateway.',
  },
  PLACE_FAILED: {
    kind: 'transient',
    facts: ['place', 'detail'],
    help: 'A place that is to keep copies did not do what it was asked: it is down, slow, full, or refuses the token. It is asked again.',
  },
  COPY_FAILED: {
    kind: 'transient',
    facts: ['place', 'cid', 'reason', 'detail'],
    help: 'The place does not hold this content, or it could not be read back there: `reason` is the code. It is tried again; `./weft explain` knows the code.',
  },
  COPIES_TOO_FEW: {
    kind: 'transient',
    facts: ['cid', 'held', 'needed'],
    help: 'Fewer places hold the batch than `--pin-min` asks for, so it is not anchored yet. The log names the places; it is tried again while its window is open.',
  },
  LINK_FAILED: {
    kind: 'transient',
    facts: ['address', 'detail'],
    help: 'The peer could not be reached, or the connection ended: does it run, is the address right? Roles try again by themselves.',
  },
  LISTEN_FAILED: {
    kind: 'operator',
    facts: ['address', 'detail'],
    help: 'Nothing can listen there. Is the port taken, or the address not one of this machine?',
  },
  SEQUENCERS_UNKNOWN: {
    kind: 'transient',
    facts: ['place', 'detail'],
    help: "The list of trusted sequencers could not be had, is not what its pin says, or names no sequencer of the market that the chain names too. Is --trusted-sequencers right, and the market's address? With --sequencers no list is needed.",
  },
  COLLECTOR_UNAVAILABLE: {
    kind: 'transient',
    facts: ['endpoint', 'detail'],
    help: 'The local collector did not answer, or did not take it: `detail` says which. Does it run, and is `--collector` its address?',
  },
  QUEUE_FULL: {
    kind: 'transient',
    facts: ['queue', 'lengthMax'],
    factsKnown: ['waitMs'],
    help: 'More work came in than can be done now. Send again a little later.',
  },
  COMPUTE_FAILED: {
    kind: 'transient',
    facts: ['projectId', 'epochId', 'detail'],
    help: 'The compute module failed; its own message says why.',
  },
  HISTORY_MISSING: {
    kind: 'transient',
    facts: ['projectId', 'epochId', 'detail'],
    help: 'An aggregate needs this earlier epoch, and this node cannot tell what the others take for it. The next epochs heal by themselves.',
  },
  COMPUTE_LIMIT: {
    kind: 'transient',
    facts: ['limit', 'allowed', 'detail'],
    help: 'A compute takes more time, memory, questions or bytes than its set, or any node, allows. `limits` of the set say what it may take (docs/BUILDING.md).',
  },
  THREAD_UNAVAILABLE: {
    kind: 'transient',
    facts: ['what', 'detail'],
    help: 'The system gives this process no further thread; `EAGAIN` is a limit of threads (`ulimit -u`, `TasksMax=` of a systemd unit, `--pids-limit` of a container), or too little memory; `EMFILE` one of open files (`ulimit -n`, `LimitNOFILE=`). Raise it.',
  },
  JSON_MALFORMED: {
    kind: 'caller',
    facts: ['detail'],
    help: 'The bytes or the value are not JSON that Python could have written.',
  },
  BATCH_MALFORMED: {
    kind: 'caller',
    facts: ['batchCid', 'detail'],
    help: 'The batch file does not have the form of the protocol.',
  },
  BATCH_NOT_READ: {
    kind: 'transient',
    facts: ['batchCid', 'file'],
    help: 'The chain names this batch, and its file is `waiting` to be read, `unavailable` for nobody serves it, or `malformed`. Who voted for what stands there alone.',
  },
  PROJECT_UNKNOWN: {
    kind: 'caller',
    facts: ['projectId'],
    factsKnown: ['nearest'],
    help: 'No project that is known has this id, or this in its id. `./weft projects PART`, or `/v1/projects?search=PART` of an api, finds those that have a part in any case of letters.',
  },
  EPOCH_UNKNOWN: {
    kind: 'caller',
    facts: ['epochId', 'newestEpochId'],
    help: 'The index has no release of this epoch: it is still to come, was skipped, or is older than what is kept.',
  },
  BATCH_UNKNOWN: {
    kind: 'caller',
    facts: ['batchCid'],
    help: 'No batch of this market has this CID. `/v1/epochs/{epochId}` lists those of an epoch.',
  },
  SLOT_UNKNOWN: { kind: 'caller', facts: ['slotId'], help: 'There is no such slot on chain. `/v1/slots` lists those there are.' },
  ANSWER_TOO_LARGE: {
    kind: 'caller',
    facts: ['lengthMax'],
    help: 'The snapshots asked for are longer than one answer may be: ask for fewer at once.',
  },
  NOT_FINAL: {
    kind: 'caller',
    facts: ['projectId', 'epochId', 'status'],
    help: 'The data point is on chain and not final, so that nothing proves it yet. Its status changes within the attestation window of the market.',
  },
  NODE_STATUS_ABSENT: {
    kind: 'caller',
    facts: ['path'],
    help: 'Deployed nodes answer this of their own snapshotter. An api has none: ask `/v1/slots/{slotId}` what became of a slot.',
  },
  REQUEST_INVALID: {
    kind: 'caller',
    facts: ['problems'],
    help: 'Correct what is named. `/openapi.json` of the server lists its routes and what each takes.',
  },
  REQUEST_TOO_LARGE: { kind: 'caller', facts: ['bytesMax'], help: 'No question needs so many bytes.' },
  REQUEST_TOO_LONG: {
    kind: 'transient',
    facts: ['limitMs'],
    help: 'The answer took longer than any may: ask for less at once, or name the epoch.',
  },
  REQUEST_FAILED: { kind: 'bug', facts: ['requestId'], help: 'The question found a fault of the server. Its log has more under this id.' },
  ROUTE_UNKNOWN: { kind: 'caller', facts: ['method', 'path'], help: '`/openapi.json` of the server lists its routes.' },
  ORIGIN_REFUSED: {
    kind: 'caller',
    facts: ['origin'],
    help: 'This answers programs of this machine, and no page of elsewhere, which would take their turns from them. Who wants to read it in a browser types its address in.',
  },
  HOST_REFUSED: {
    kind: 'caller',
    facts: ['host'],
    help: 'These routes answer whoever calls them by an address of this machine, or by a name of --health-hosts (`/metrics` and the like) or --http-hosts: by any other name a page of elsewhere could read them in a browser.',
  },
  TOKEN_WRONG: {
    kind: 'caller',
    facts: ['path'],
    help: 'The server asks for its read token: `token` in the body of a POST, `Authorization: Bearer …` with a GET.',
  },
  EPOCH_NOT_KEPT: {
    kind: 'caller',
    facts: ['epochId', 'newestEpochId'],
    help: 'This sequencer has seen no release of the epoch, or keeps it no more. Its batches are on chain and on IPFS all the same.',
  },
  EPOCH_OPEN: {
    kind: 'caller',
    facts: ['epochId', 'state'],
    help: 'What was voted for is told once the window of the epoch is over, so that nobody votes as others did. How many voted is told before.',
  },
  SUBMISSION_NOT_KEPT: {
    kind: 'caller',
    facts: ['submissionId', 'lookedIn'],
    help: 'No vote with this id is recorded in the epochs looked through. With `epoch` an older one is looked through.',
  },
  SUBMISSION_AMBIGUOUS: {
    kind: 'caller',
    facts: ['submissionId', 'epochId'],
    help: 'Several votes of the epoch bear this id, for senders choose theirs. `slot` and `project` say which is meant.',
  },
  NOT_BATCHED: {
    kind: 'caller',
    facts: ['what', 'epochId', 'state'],
    help: 'Only what an anchored batch holds can be proved. `/v1/epochs/{epochId}/projects` says what became of each project, and why.',
  },
  SLOT_NOT_SEEN: {
    kind: 'caller',
    facts: ['slotId'],
    help: 'No submission signed by the slot has come since this process started.',
  },
  DAYS_NOT_READ: {
    kind: 'transient',
    facts: ['what'],
    help: 'The process is still reading the chain. Ask again in a moment.',
  },
  CHECKOUT_NEEDED: {
    kind: 'caller',
    facts: ['command'],
    help: 'The command works on the sources and tests of Weft, which an installed package does not have. Run it in a checkout of the repository.',
  },
  DASHBOARD_UNBUILT: {
    kind: 'operator',
    facts: ['detail'],
    help: 'The pages of the dashboard could not be built from `dashboard/`. It takes what `npm install` brings, vite among it, and a writable `node_modules`. Everything but the dashboard goes on without.',
  },
  CLIENT_OPTIONS_INVALID: {
    kind: 'caller',
    facts: ['problems'],
    help: 'Correct what is named; the types of the client, or its documentation, say what it takes.',
  },
  API_FAILED: {
    kind: 'transient',
    facts: ['endpoint', 'detail'],
    help: 'The endpoint gave no usable answer. Is the URL that of an api, and does it run? A client that is given several asks the next one.',
  },
  API_REFUSED: {
    kind: 'caller',
    facts: ['endpoint', 'status', 'refusal', 'detail'],
    help: 'The api does not answer this, and says why. `/openapi.json` of the endpoint lists its routes and what each takes.',
  },
  VERIFICATION_FAILED: {
    kind: 'operator',
    facts: ['step', 'expected', 'got', 'endpoint'],
    help: 'The endpoint said what does not hold. Use nothing of it, and ask another one.',
  },
  VALUE_UNEXPECTED: {
    kind: 'caller',
    facts: ['projectId', 'epochId', 'problems'],
    help: 'The snapshot is what was agreed upon, and not of the form that was asked for. In a snapshot integers are `bigint`, other numbers `number`.',
  },
  STATE_TRANSITION: {
    kind: 'bug',
    facts: ['machine', 'from', 'to'],
    help: 'A state machine was asked for a step it does not have. Please report it with the log.',
  },
  ATTESTATION_CONFLICT: {
    kind: 'operator',
    facts: ['batchCid', 'attestedRoot', 'newRoot'],
    help: 'This validator already attested another root for the batch, or the same root for other projects and CIDs; it never signs two. `./weft trace` names the evidence.',
  },
  INTERCHANGE_REFUSED: {
    kind: 'operator',
    facts: ['path', 'problems'],
    help: 'The file is none that `./weft guards export` wrote for this validator, on this chain, for this market. Nothing was taken from it.',
  },
  LOG_UNREACHABLE: {
    kind: 'transient',
    facts: ['servers', 'detail'],
    help: 'No NATS server with JetStream answers at --nats. Start one, or name others; what was acknowledged is kept there.',
  },
  LOG_MOVED: {
    kind: 'transient',
    facts: ['log', 'position'],
    help: 'Another process keeps this partition of the sequencer now: this one was taken for dead. Nothing of what it acknowledged is lost. It waits until a partition is free.',
  },
  LEASE_LOST: {
    kind: 'transient',
    facts: ['name'],
    help: 'The process did not reach NATS for some seconds, or was not run by the machine for as long: another one may do its work now. It waits until it is needed.',
  },
  LOG_MESSAGES_SHORT: {
    kind: 'operator',
    facts: ['servers', 'bytesMax', 'needed'],
    help: 'The NATS servers take no message that is as long as a submission may be. Raise `max_payload` of all of them; their own 1 MiB will do.',
  },
  PARTITIONS_DIFFER: {
    kind: 'operator',
    facts: ['asked', 'agreed'],
    help: 'All processes of a sequencer must have the same --partitions as the first: otherwise one slot would vote in two boxes. docs/SCALING.md says how it is changed.',
  },
  STOPPED: { kind: 'caller', facts: ['what'], help: 'The process was asked to stop while this was under way.' },
  STOP_TIMED_OUT: {
    kind: 'bug',
    facts: ['waitedMs', 'open'],
    help: 'The process was asked to stop and ended by force, because this had not stopped. What is journalled is kept: start it again.',
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS
type FactValue = string | number | boolean | readonly string[]
type FactsKnown<Row> = Row extends { readonly factsKnown: readonly (infer Fact extends string)[] } ? Fact : never
/** Distributes over a union of codes, so that a failure of one code is also a failure of any code. */
export type ErrorFacts<Code extends ErrorCode> = Code extends ErrorCode
  ? { readonly [Fact in (typeof ERRORS)[Code]['facts'][number]]: FactValue } & {
      readonly [Fact in FactsKnown<(typeof ERRORS)[Code]>]?: FactValue
    }
  : never

/** Every failure of Weft. Branch on `code` or `kind`, never on the message. Facts never hold secrets. */
export class WeftError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'WeftError'
  readonly code: Code
  readonly kind: ErrorKind
  readonly facts: ErrorFacts<Code>

  constructor(code: Code, facts: ErrorFacts<Code>, cause?: unknown) {
    const row: ErrorRow = ERRORS[code]
    const given: Readonly<Record<string, unknown>> = facts
    const named = [...row.facts, ...(row.factsKnown ?? []).filter((fact) => given[fact] !== undefined)]
    const told = named.map((fact) => `${fact}: ${printable(String(given[fact]))}`).join(', ')
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

/** What a failure says of itself, whatever was thrown. */
export const detailOf = (failure: unknown): string => (failure instanceof Error ? failure.message : String(failure))

/** For who asks from outside: what was asked elsewhere in vain has the places of endpoints, databases and peers among its facts. */
export const toldOutside = ({ code, kind, message }: WeftError): string =>
  kind === 'transient' && code !== 'QUEUE_FULL' ? `${code}. ${ERRORS[code].help}` : message

/** What a log line says of a failure: its code and its facts, endpoints and peers among them. */
export function toldOf({ code, facts }: WeftError): Readonly<Record<string, string | number>> {
  const told: Record<string, string | number> = { code }
  for (const [fact, value] of Object.entries(facts)) told[fact] = typeof value === 'number' ? value : String(value)
  return told
}

/** `LISTEN_FAILED` with the system's own code, for example EADDRINUSE: libraries put advice and stack traces into their messages. */
export function listenFailed(address: string, cause: unknown): WeftError<'LISTEN_FAILED'> {
  const text = detailOf(cause)
  const detail = /\bE[A-Z]{4,}\b/.exec(text)?.[0] ?? text.replace(/\n.*/s, '')
  return new WeftError('LISTEN_FAILED', { address, detail }, cause)
}

/** What system and SQLite call it, by our code. Of SQLite the primary result codes: https://www.sqlite.org/rescode.html */
const STORE_CAUSES = {
  STORE_FULL: ['ENOSPC', 'EDQUOT', 'EFBIG', 13],
  STORE_FORBIDDEN: ['EACCES', 'EPERM', 'EROFS', 3, 8, 23],
  STORE_PLACE_WRONG: ['ENOENT', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ELOOP', 'ENAMETOOLONG', 14],
  STORE_CORRUPT: [11, 26],
} as const satisfies Partial<Record<ErrorCode, readonly (string | number)[]>>
type StoreCode = 'STORE_FAILED' | keyof typeof STORE_CAUSES

/** What a disk refused, under the code of its cause: each asks something else of a person. */
export function storeFailed(path: string, doing: string, cause: unknown): WeftError<StoreCode> {
  const { code, errcode, message } = (cause ?? {}) as { readonly code?: unknown; readonly errcode?: unknown; readonly message?: unknown }
  // Of a failure that a library has wrapped, often only the text is left.
  const name = [code, message].map((text) => /\bE[A-Z]{2,}\b/.exec(String(text))?.[0]).find((word) => word !== undefined)
  // The upper bits of SQLite's codes go into detail.
  const word = typeof errcode === 'number' ? errcode & 0xff : name
  const row = Object.entries(STORE_CAUSES).find(([, words]) => (words as readonly unknown[]).includes(word))
  if (row !== undefined) return new WeftError(row[0] as StoreCode, { path, doing }, cause)
  return new WeftError('STORE_FAILED', { path, doing: name === undefined ? doing : `${doing} (${name})` }, cause)
}

/** Whether a disk failed, for whatever reason. */
export function isStoreFailure(failure: unknown): failure is WeftError<StoreCode> {
  return isWeftError(failure) && (failure.code === 'STORE_FAILED' || failure.code in STORE_CAUSES)
}
