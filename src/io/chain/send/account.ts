import { getContractAddress } from 'viem/utils'
import { meaningOf } from '#domain/contract-codes.ts'
import { WeftError } from '#domain/errors.ts'
import { parseAddress } from '#domain/ids.ts'
import type { Address } from '#domain/ids.ts'
import type { CallOutcome, IntentJournal } from '#io/chain/port.ts'
import type { Signer } from '#io/keys/port.ts'
import type { Pace } from '#io/chain/rpc/pace.ts'
import { parseAnswer } from '#io/chain/rpc/rpc.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { suggestFees } from './fees.ts'
import { createGasLimit } from './gas-limit.ts'
import type { GasLimit } from './gas-limit.ts'
import { createIntents } from './intents.ts'
import { createLauncher } from './launch.ts'
import type { Launch } from './launch.ts'
import { createSettler } from './settle.ts'
import { countTransactions, estimateGas } from './transaction.ts'

/** An account, and what an operator does with it once in a while: deploys, changes settings, mints. Any call, any contract, one after the other. */

/** A transaction that creates a contract when it names no receiver. */
export interface AccountTransaction {
  /** The function, or the contract created: for messages and the journal. */
  readonly call: string
  readonly to?: Address
  readonly data: `0x${string}`
  readonly value?: bigint
  /** Where the contract must come to be, because other transactions say so. */
  readonly creates?: Address
}

export interface AccountOptions {
  readonly rpc: Rpc
  readonly chainId: number
  readonly signer: Signer
  /** This account's alone, as for a `ProtocolSender`. */
  readonly journal: IntentJournal
  readonly clock: Pace
  /** How long one transaction may take before `CALL_NOT_SETTLED`; it stays journalled. */
  readonly settleTimeoutMs: number
  readonly pollMs: number
}

export interface Account {
  readonly address: Address
  /** Nonce of the next transaction: it decides where a contract comes to be. */
  nextNonce(): Promise<number>
  /** Brings what an earlier process journalled to its outcome, whatever that is. How many there were. */
  settleEarlier(signal: AbortSignal): Promise<number>
  /** Asks the node what each would do now. Throws `CALL_REVERTED` for the first that would be refused, `FUNDS_INSUFFICIENT`. */
  check(transactions: readonly AccountTransaction[]): Promise<void>
  /**
   * Checks all, then sends all, in order, and waits until all are in the chain. `moved`: another transaction of this account took a
   * nonce, so a contract would not come to be, or did not come to be, where it must; nothing else was sent. Throws as `check`, `CALL_REVERTED`
   * also for what is refused when mined, and `CALL_NOT_SETTLED`.
   */
  send(transactions: readonly AccountTransaction[], signal: AbortSignal): Promise<'done' | 'moved'>
}

/** A rewrite that deep would have to happen while a command runs. */
const REORG_DEPTH_MAX = 64
const RAISE_FEE_AFTER_MS = 30_000
/** Stands for an account that nobody has named; a precompiled contract, so no key belongs to it. */
const NOBODY = parseAddress('0x0000000000000000000000000000000000000001')

/** Of who sends nothing. */
const NO_JOURNAL: IntentJournal = { get: () => undefined, scan: () => [], commit: () => Promise.resolve() }

/** The contract that an account's transaction with this nonce creates. */
export function createdAddress(from: Address, nonce: number): Address {
  return parseAddress(getContractAddress({ from: from as `0x${string}`, nonce: BigInt(nonce) }))
}

/** The failure of a refused call, with what the contract's code means. */
function reverted(call: string, reason: string): WeftError {
  const meaning = meaningOf(reason)
  return new WeftError('CALL_REVERTED', { call, reason: meaning === undefined ? reason : `${reason} (${meaning})` })
}

/** Makes transactions ready to be signed, and asks on the way whether they would be taken. */
function createPreparer(
  { rpc, gasLimit }: { readonly rpc: Rpc; readonly gasLimit: GasLimit },
  address: Address,
): (transactions: readonly AccountTransaction[], firstNonce: number) => Promise<Launch[]> {
  /** Throws `FUNDS_INSUFFICIENT` unless the account can pay for all, at the dearest. */
  async function checkFunds(launches: readonly Launch[]): Promise<void> {
    const [{ fees }, answer] = await Promise.all([suggestFees(rpc), rpc.call('eth_getBalance', [address, 'latest'])])
    const have = parseAnswer(rpc, 'eth_getBalance', () => BigInt(String(answer)))
    const feePerGas = 'gasPrice' in fees ? fees.gasPrice : fees.maxFeePerGas
    const needed = launches.reduce((sum, { draft }) => sum + draft.gas * feePerGas + draft.value, 0n)
    if (have < needed) throw new WeftError('FUNDS_INSUFFICIENT', { address, haveWei: String(have), neededWei: String(needed) })
  }

  /** With the gas that each takes. Each is asked for as if it were the next, so none may depend on one before it. */
  async function prepare(transactions: readonly AccountTransaction[], firstNonce: number): Promise<Launch[]> {
    const launches = await Promise.all(
      transactions.map(async ({ call, to, data, value = 0n }, index) => {
        const gas = await estimateGas(rpc, { kind: call, from: address, ...(to === undefined ? {} : { to }), data, value }, gasLimit)
        if (typeof gas === 'string') throw reverted(call, gas)
        return { intentId: `operator/${firstNonce + index}`, kind: call, draft: { to, data, value, gas } }
      }),
    )
    await checkFunds(launches)
    return launches
  }

  return prepare
}

/** An account whose key is elsewhere, for looking only: nothing can be sent. Without an account nobody is asked what would be taken. */
export function createOnlooker(rpc: Rpc, account: Address | undefined): Account {
  const address = account ?? NOBODY
  const prepare = createPreparer({ rpc, gasLimit: createGasLimit({ rpc, journal: NO_JOURNAL }) }, address)
  return {
    address,
    nextNonce: () => countTransactions(rpc, address, 'latest'),
    settleEarlier: () => Promise.resolve(0),
    async check(transactions) {
      if (account !== undefined) await prepare(transactions, 0)
    },
    send: () => Promise.reject(new WeftError('STOPPED', { what: 'a dry run' })),
  }
}

export function createAccount(options: AccountOptions): Account {
  const { rpc, chainId, clock, pollMs, settleTimeoutMs } = options
  const { signer } = options
  const { address } = signer
  const intents = createIntents(options.journal, address)
  const gasLimit = createGasLimit({ rpc, journal: options.journal })
  const context = { rpc, chainId, signer, intents, gasLimit }
  const launcher = createLauncher(context)
  const pace = { clock, pollMs, settleTimeoutMs, raiseFeeAfterMs: RAISE_FEE_AFTER_MS, reorgDepthMax: REORG_DEPTH_MAX }
  // Nothing runs beside an operator's transactions: no lock is needed.
  const settle = createSettler(context, launcher, (work) => work(), pace)

  const prepare = createPreparer(context, address)

  return {
    address,
    nextNonce: () => launcher.nextNonce(),
    async check(transactions) {
      await prepare(transactions, 0)
    },

    async settleEarlier(signal) {
      const minedCount = await countTransactions(rpc, address, 'latest')
      const pending = intents.all().filter(({ nonce }) => nonce >= minedCount)
      await launcher.rebroadcast(minedCount, Number.POSITIVE_INFINITY)
      // A refusal is an outcome too: what is to be done now is decided by what the chain says afterwards.
      for (const { intentId } of pending) await settle(intentId, true, signal)
      return pending.length
    },

    async send(transactions, signal) {
      const firstNonce = await launcher.nextNonce()
      const isInPlace = (nonceOf: (index: number) => number): boolean =>
        transactions.every(({ creates }, index) => creates === undefined || creates === createdAddress(address, nonceOf(index)))
      if (!isInPlace((index) => firstNonce + index)) return 'moved'
      const launches = await prepare(transactions, firstNonce)
      // The last moment at which stopping leaves nothing behind.
      signal.throwIfAborted()
      await launcher.launch(launches)
      const outcomes: CallOutcome[] = []
      for (const { intentId } of launches) outcomes.push(await settle(intentId, true, signal))
      outcomes.forEach((outcome, index) => {
        if (outcome.kind === 'refused') throw reverted(launches[index]?.kind ?? '', outcome.reason)
      })
      return isInPlace((index) => intents.get(launches[index]?.intentId ?? '')?.nonce ?? -1) ? 'done' : 'moved'
    },
  }
}
