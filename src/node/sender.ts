import { codeOf } from '#domain/contract-codes.ts'
import { isWeftError, toldOf } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import type { Recorder } from '#domain/recorder.ts'
import type { CallOutcome, Intent, ProtocolCall, ProtocolSender } from '#io/chain/port.ts'
import type { ProvenRpc } from '#io/chain/proof/proven-rpc.ts'
import { createProtocolSender } from '#io/chain/send/sender.ts'
import { countTransactions } from '#io/chain/send/transaction.ts'
import { systemClock } from '#io/clock/system.ts'
import type { RoleHome } from './home.ts'
import type { Settings } from './settings/settings.ts'
import { signerOf } from './signer.ts'

/** What roles that send calls need; signing transactions loads libraries that the others do without. */

/** How long one call waits for its block before the role hears of it; it stays journalled either way. */
const SETTLE_TIMEOUT_MS = 120_000
const WEI_PER_GWEI = 1_000_000_000n

/** Sends from the role's own account; intents are journalled in the role's store. */
export function protocolSender(settings: Settings, { store, report, notes }: RoleHome, { rpc }: ProvenRpc): ProtocolSender {
  const { anchorRpcUrl: rpcUrl, anchorChainId: chainId, protocolState, dataMarket, pollMs } = settings
  const feePerGasMaxWei = settings.feePerGasMax > 0 ? BigInt(settings.feePerGasMax) * WEI_PER_GWEI : undefined
  const sender: ProtocolSender = createProtocolSender({
    rpcUrl,
    rpc,
    chainId,
    protocolState,
    dataMarket,
    signer: signerOf(settings),
    journal: store,
    clock: systemClock,
    pollMs,
    settleTimeoutMs: SETTLE_TIMEOUT_MS,
    feePerGasMaxWei,
    gasPerTransactionMax: BigInt(settings.gasPerTransactionMax),
    onHeld(failure, needsPerson) {
      const facts = { ...toldOf(failure), account: sender.address }
      if (needsPerson) report('call_needs_person', facts)
      else report('call_held', facts)
    },
    onShared: (nonce) => report('account_shared', { address: sender.address, nonce }),
  })
  return countedCalls(sender, notes.recorder)
}

/** The same sender; what becomes of each call is counted. */
function countedCalls(sender: ProtocolSender, recorder: Recorder): ProtocolSender {
  const count = ({ kind: call }: ProtocolCall, outcome: string, code: string): void =>
    recorder.add('weft_transactions_total', { call, outcome, code })
  const ended = (call: ProtocolCall, outcome: CallOutcome): CallOutcome => {
    count(call, outcome.kind, outcome.kind === 'refused' ? (codeOf(outcome.reason) ?? '') : '')
    return outcome
  }
  const failed = (calls: readonly ProtocolCall[], signal: AbortSignal) => (failure: unknown) => {
    if (!signal.aborted) for (const call of calls) count(call, 'failed', isWeftError(failure) ? failure.code : '')
    throw failure
  }
  return {
    ...sender,
    send: (intentId, call, signal) => sender.send(intentId, call, signal).then((outcome) => ended(call, outcome), failed([call], signal)),
    sendInOrder: (intents, signal) =>
      sender.sendInOrder(intents, signal).then(
        (outcomes) => outcomes.map((outcome, index) => ended((intents[index] as Intent).call, outcome)),
        failed(
          intents.map(({ call }) => call),
          signal,
        ),
      ),
  }
}

/** Whether all that was sent with the account, by whomever, is in the chain, as far as the endpoint knows. */
export async function hasSettled({ rpc }: ProvenRpc, account: Address): Promise<boolean> {
  const [latest, pending] = await Promise.all([countTransactions(rpc, account, 'latest'), countTransactions(rpc, account, 'pending')])
  return pending <= latest
}
