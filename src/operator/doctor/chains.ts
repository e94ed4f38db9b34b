import { paceInWords } from '#domain/beat.ts'
import { EPOCHS_AT_ONCE_MAX, SKIP_FROM } from '#domain/epoch.ts'
import type { Address, SlotId } from '#domain/ids.ts'
import { rangesOf } from '#domain/ranges.ts'
import type { AnchorChain, MarketState } from '#io/chain/port.ts'
import { connectAnchorChain } from '#io/chain/read/anchor.ts'
import { createRpc, type Rpc } from '#io/chain/rpc/rpc.ts'
import { systemClock } from '#io/clock/system.ts'
import { appointing } from '#life/appointment.ts'
import type { Role } from '#node/settings/roles.ts'
import type { Settings } from '#node/settings/settings.ts'
import { signerAccount } from '#node/signer.ts'
import { checkEndpoints, type EndpointReport, type RpcUse } from '#operator/rpc-check.ts'
import { lookElsewhere } from './elsewhere.ts'
import { bad, doubtful, type Finding, good, orFailed } from './finding.ts'
import { runningOn } from './machine.ts'
import { lookAtRules } from './rules.ts'

/** What chains say: endpoints, contracts, and the account and the slots of the role. */

/** Settings of a role, those that it has. */
export type Given = Partial<Settings>

const CLOCK_OFF_MS = 2_000
const CLOCK_WRONG_MS = 30_000
const OFFICES = { epochs: 'epochManager', sequencer: 'sequencer', validator: 'validator' } as const
const WEI_PER_ETHER = 1e18
const LOOK_BACK_BLOCKS = 50
/** Less is over before a node has computed anything. */
const WINDOW_MIN_SECONDS = 3
/** Between that of a release and that of a batch of some ten projects (contracts/snapshots). */
const GAS_PER_CALL = 300_000n
/** A validator makes so many within hours, where an epoch comes each minute. */
const CALLS_LOW = 1_000n

/** Whether the role has an account that sends transactions. */
export const isSending = (role: Role): boolean => role in OFFICES

interface Endpoints {
  readonly check: string
  /** What they are asked for. */
  readonly use: RpcUse
  readonly reports: readonly EndpointReport[]
}

/** One line per endpoint. By a clock that is off, the newest block of each is of another time. */
function endpointsOf({ check, use, reports }: Endpoints, isClockOff: boolean): readonly Finding[] {
  const findings = reports.map((report) => {
    const {
      endpoint,
      head = 0,
      headAgeSeconds = 0,
      blockSeconds,
      lagBlocks = 0,
      logsRangeBlocks = 0,
      latencyMs = 0,
      stateDepthBlocks = 0,
    } = report
    const problems = report.problems[use]
    const isClocks = isClockOff && report.failure === undefined
    const mend = isClocks
      ? 'set the clock first (`clock`), and look again'
      : 'name another endpoint (`./weft rpc check URL` says what each can do)'
    if (problems.length > 0) return bad(check, `${endpoint}: ${problems.join('; ')}`, mend)
    const detail = `${endpoint}: head ${head}, ${headAgeSeconds} s old${paceInWords(blockSeconds)}, ${lagBlocks} behind, ${latencyMs} ms; logs of ${logsRangeBlocks} blocks at once, state ${stateDepthBlocks} back`
    return good(check, detail)
  })
  if (reports.length === 1 && reports[0]?.failure === undefined)
    findings.push(
      doubtful(
        check,
        'there is one endpoint only: when it fails, so does the role',
        'name a second one, of another provider, behind a comma',
      ),
    )
  return findings
}

/** By the time that an endpoint writes into its answers, else by its newest block. */
async function clockOf(rpcUrl: string, reports: readonly EndpointReport[]): Promise<readonly Finding[]> {
  const [url = ''] = rpcUrl.split(/[,;]/)
  const startMs = systemClock.nowMs()
  const answer = await fetch(url.trim(), { method: 'POST', body: '{}', signal: AbortSignal.timeout(5_000), redirect: 'manual' }).catch(
    () => undefined,
  )
  await answer?.body?.cancel()
  const date = Date.parse(answer?.headers.get('date') ?? '')
  const age = reports.find(({ headAgeSeconds }) => headAgeSeconds !== undefined)?.headAgeSeconds
  if (Number.isNaN(date) && age === undefined) return []
  // A date is cut to its second.
  const offMs = Number.isNaN(date) ? Math.min(0, age ?? 0) * 1_000 : (startMs + systemClock.nowMs()) / 2 - (date + 500)
  const off = `${Math.abs(Math.round(offMs / 100) / 10)} s ${offMs < 0 ? 'behind' : 'ahead of'} that of the anchor endpoint`
  const mend = '`timedatectl set-ntp true`, or whatever keeps the clock of this machine'
  if (Math.abs(offMs) > CLOCK_WRONG_MS) return [bad('clock', off, mend)]
  return [Math.abs(offMs) > CLOCK_OFF_MS ? doubtful('clock', off, mend) : good('clock', off)]
}

function windowsOf(market: MarketState, anchorBlockSeconds: number): readonly Finding[] {
  const { epochSize, sourceBlockTimeSeconds, snapshotWindowBlocks, batchWindowBlocks, attestationWindowBlocks } = market
  const period = epochSize * sourceBlockTimeSeconds
  const seconds = (blocks: number): number => Math.round(blocks * anchorBlockSeconds * 10) / 10
  const window = seconds(snapshotWindowBlocks)
  const told = `an epoch each ${period} s; from its release ${window} s for submissions, ${seconds(batchWindowBlocks)} s for batches, ${seconds(attestationWindowBlocks)} s for attestations`
  const mend = '`./weft market set --snapshot-window … --batch-window … --attestation-window …`, by the owner of the market'
  if (batchWindowBlocks <= snapshotWindowBlocks)
    return [bad('windows', `${told}: batches come too late as soon as submissions are in`, mend)]
  if (attestationWindowBlocks <= batchWindowBlocks)
    return [doubtful('windows', `${told}: nobody can attest the last batches in time`, mend)]
  if (window < WINDOW_MIN_SECONDS) return [doubtful('windows', `${told}: that is hardly enough to compute and deliver`, mend)]
  const open = Math.ceil(window / period)
  if (open > EPOCHS_AT_ONCE_MAX)
    return [doubtful('windows', `${told}: ${open} epochs are open at once, and a snapshotter works on ${EPOCHS_AT_ONCE_MAX}`, mend)]
  return [good('windows', told)]
}

/** Blocks of the last minutes, on average, as contracts number them: windows are of those. */
async function blockSeconds(chain: AnchorChain): Promise<number> {
  const head = await chain.head()
  const before = await chain.block(Math.max(0, head.number - LOOK_BACK_BLOCKS) as typeof head.number)
  if (before === undefined || head.contractNumber === before.contractNumber) return 1
  return (head.timestamp - before.timestamp) / (head.contractNumber - before.contractNumber)
}

async function accountOf(
  role: Role,
  account: Address,
  market: MarketState,
  { chain, rpc }: { readonly chain: AnchorChain; readonly rpc: Rpc },
) {
  const office = OFFICES[role as keyof typeof OFFICES]
  if (office === undefined) return []
  const { isHeld, name, command } = appointing(office, { market, account, chain })
  const [balance = '0x0', price = '0x0'] = (await rpc.all([
    { method: 'eth_getBalance', params: [account, 'latest'] },
    { method: 'eth_gasPrice', params: [] },
  ])) as string[]
  return [
    isHeld
      ? good('account', `${account} is ${name} of the market`)
      : bad('account', `${account} is not ${name} of the market`, `\`${command}\``),
    balanceOf(account, { balance: BigInt(balance), price: BigInt(price) }),
  ]
}

/** How far it goes at the price of now: what a role spends of it in a day it says itself, when it runs. */
function balanceOf(account: Address, { balance, price }: { readonly balance: bigint; readonly price: bigint }): Finding {
  const ether = `${Number(balance) / WEI_PER_ETHER} ether`
  if (price === 0n) return good('balance', `${ether}; gas costs nothing now`)
  if (balance === 0n)
    return bad('balance', `${account} has no ether on the anchor chain, and gas has a price there`, `send ether to ${account}`)
  const calls = balance / (price * GAS_PER_CALL)
  if (calls < CALLS_LOW) return doubtful('balance', `${ether}, for some ${calls} calls at the price of now`, `send ether to ${account}`)
  return good('balance', ether)
}

/** Of the role that releases epochs: how final the blocks of an epoch are by then, and whether that goes with its other settings. */
function finalityOf({ headTag = 'latest', headOffset = 0, catchUp }: Given, market: MarketState, reports: readonly EndpointReport[]) {
  const { epochSize, sourceBlockTimeSeconds } = market
  const told = reports.filter(({ failure }) => failure === undefined)
  const backOf = ({ safeBlocksBack, finalizedBlocksBack }: EndpointReport) => (headTag === 'safe' ? safeBlocksBack : finalizedBlocksBack)
  const late = (blocks: number): string =>
    `epochs end ${blocks} blocks below the source head, ${Math.round(blocks * sourceBlockTimeSeconds)} s after it`
  if (headTag === 'latest') {
    const final = told.flatMap(({ finalizedBlocksBack }) => finalizedBlocksBack ?? [])
    const rest =
      final.length === 0
        ? ''
        : `; the chain itself calls blocks final ${Math.max(...final)} below it: \`source_rewritten\` says when it undoes some of an epoch`
    return good('finality', `${late(headOffset)}${rest}`)
  }
  const mute = told.find((report) => backOf(report) === undefined)
  if (mute !== undefined)
    return bad(
      'finality',
      `${mute.endpoint} calls no block ${headTag}, and --head-tag waits for that`,
      'name another endpoint in --source-rpc-url, or --head-tag latest with a larger --head-offset',
    )
  const detail = late(Math.max(headOffset, ...told.map((report) => backOf(report) ?? 0)))
  // Blocks become final by the dozen: of a chain in two steps, the second is as long as the first.
  const step = Math.max(0, ...told.map(({ safeBlocksBack = 0, finalizedBlocksBack = 0 }) => finalizedBlocksBack - safeBlocksBack))
  if (catchUp === 'skip' && step >= SKIP_FROM * epochSize)
    return bad(
      'finality',
      `${detail}; ${step} blocks become ${headTag} at once, ${Math.floor(step / epochSize)} epochs, of which --catch-up skip leaves out all but one`,
      '--catch-up release, or --head-tag latest with a --head-offset',
    )
  return good('finality', detail)
}

async function slotsOf(slots: Settings['slots'], account: Address, chain: AnchorChain): Promise<readonly Finding[]> {
  const states = new Map((await chain.slots()).map((state) => [state.slotId, state]))
  const isOurs = (slotId: SlotId): boolean => states.get(slotId)?.isActive === true && states.get(slotId)?.signer === account
  const ours = slots.filter(isOurs)
  const others = Map.groupBy(
    slots.filter((slotId) => !isOurs(slotId)),
    (slotId) => (states.get(slotId)?.isActive === true ? states.get(slotId)?.signer : undefined),
  )
  const ofOthers = [...others].map(([signer, ids]) => {
    const [are, ranges] = [ids.length > 1, rangesOf(ids).join(',')]
    const check = `${are ? 'slots' : 'slot'} ${ranges}`
    return signer === undefined
      ? bad(
          check,
          are ? 'there are no such slots, or they are not active' : 'there is no such slot, or it is not active',
          `take ${are ? 'them' : 'it'} out of --slots, or \`./weft slots mint\``,
        )
      : bad(
          check,
          `${are ? 'their' : 'its'} signer is ${signer}, the key is that of ${account}`,
          `\`./weft slots assign ${ranges
            .split(',')
            .map((range) => `${range}=${account}`)
            .join(' ')}\`, by the owner of the slot${are ? 's' : ''}; if it is to stay so, take ${are ? 'them' : 'it'} out of --slots`,
        )
  })
  return [...(ours.length === 0 ? [] : [good('slots', `${rangesOf(ours).join(',')} signed by ${account}`)]), ...ofOthers]
}

/** What the market says, as far as the endpoint connects to it. */
async function marketOf(role: Role, settings: Given, source: readonly EndpointReport[]): Promise<readonly Finding[]> {
  const { anchorRpcUrl: rpcUrl = '', anchorChainId, protocolState, dataMarket, slots } = settings
  if (anchorChainId === undefined || protocolState === undefined || dataMarket === undefined) return []
  const chain = await connectAnchorChain({
    rpcUrl,
    chainId: anchorChainId,
    protocolState,
    dataMarket,
    pollMs: 500,
    reorgDepthMax: 1,
    clock: systemClock,
  })
  const market = await chain.market()
  const others = source.flatMap(({ chainId }) => (chainId === undefined || chainId === market.sourceChainId ? [] : [chainId]))
  const account = signerAccount(settings)
  const rpc = createRpc({ rpcUrl, pause: systemClock })
  return [
    good('market', `${dataMarket} on chain ${anchorChainId}`),
    ...(others.length > 0
      ? [
          bad(
            'source chain',
            `the endpoint serves chain ${others[0]}, the market is of ${market.sourceChainId}`,
            'name an endpoint of that chain in --source-rpc-url',
          ),
        ]
      : []),
    ...windowsOf(market, await blockSeconds(chain)),
    ...(await lookAtRules(role, settings, chain)),
    ...(role === 'epochs' && source.some(({ failure }) => failure === undefined) ? [finalityOf(settings, market, source)] : []),
    ...(account === undefined ? [] : await accountOf(role, account, market, { chain, rpc })),
    ...(account === undefined || slots === undefined ? [] : await slotsOf(slots, account, chain)),
    ...(account === undefined
      ? []
      : await lookElsewhere({
          role,
          account,
          slots: role === 'snapshotter' ? slots : undefined,
          chain,
          rpc,
          run: runningOn(settings),
          sends: isSending(role),
        })),
  ]
}

/** Of the chains that the role reads. */
export async function lookAtChains(role: Role, settings: Given): Promise<readonly Finding[]> {
  const { anchorRpcUrl, sourceRpcUrl = settings.recomputeRpcUrl || undefined } = settings
  const mend = 'name an endpoint that answers, of the chain of the market (`./weft rpc check URL`)'
  const reportsOf = async (rpcUrl: string | undefined) => (rpcUrl === undefined ? [] : checkEndpoints(rpcUrl.split(',')))
  const [source, anchor] = [await reportsOf(sourceRpcUrl), await reportsOf(anchorRpcUrl)]
  const clock = anchorRpcUrl === undefined ? [] : await clockOf(anchorRpcUrl, anchor)
  const isClockOff = clock.some(({ state }) => state === 'bad')
  const sourceUse = role === 'epochs' ? 'source of epochs' : 'source of a snapshotter'
  return [
    ...endpointsOf({ check: 'anchor RPC', use: 'anchor', reports: anchor }, isClockOff),
    ...clock,
    ...(anchorRpcUrl === undefined ? [] : await orFailed('market', mend, () => marketOf(role, settings, source))),
    ...endpointsOf({ check: 'source RPC', use: sourceUse, reports: source }, isClockOff),
  ]
}
