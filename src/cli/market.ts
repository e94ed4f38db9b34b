import { buildCommand, buildRouteMap } from '@stricli/core'
import { WeftError } from '#domain/errors.ts'
import { parseAddress, type Address } from '#domain/ids.ts'
import { stopSignal } from '#node/stop.ts'
import type { MarketForm } from '#operator/market-plan.ts'
import { isSequencerId, SEQUENCER_ID_FORM } from '#operator/sequencer-id.ts'
import { graphCommand } from './graph.ts'
import { draftOf, inWords, MANIFEST_FILE_FLAG, manifestFacts, tellManifest, withContent } from './manifest.ts'
import {
  CONTRACT_FLAGS,
  conductOf,
  type ContractFlags,
  dataDirOf,
  MARKET_FLAG,
  type MarketFlag,
  PLACE_FLAGS,
  type PlaceFlags,
  placesOf,
  rpcUrlOf,
  SEND_FLAGS,
  type SendFlags,
  tell,
  toJson,
} from './operator.ts'
import { integerIn } from './parse.ts'
import { withContracts } from './with-contracts.ts'

const BLOCKS_MAX = 10_000_000
const MEMBERS_MAX = 1_000
/** Where values begin; those of several lines go on there. */
const VALUE_COLUMN = 30
/** The contracts keep pools and allowances in 128 bits. */
const AMOUNT_MAX = 2n ** 128n - 1n

/** Addresses between commas. */
function addresses(text: string): readonly Address[] {
  return text.split(',').map((item) => parseAddress(item.trim()))
}

function wei(text: string): bigint {
  if (!/^(0|[1-9][0-9]{0,40})$/.test(text) || BigInt(text) > AMOUNT_MAX)
    throw new SyntaxError(`'${text}' is not a decimal integer up to ${AMOUNT_MAX}`)
  return BigInt(text)
}

function allowance(text: string): bigint | 'unlimited' {
  return text === 'unlimited' ? text : wei(text)
}

function sequencerId(text: string): string {
  if (!isSequencerId(text)) throw new SyntaxError(`'${text}' is not ${SEQUENCER_ID_FORM}`)
  return text
}

const optional = <Value>(parse: (text: string) => Value, brief: string) => ({ kind: 'parsed', parse, optional: true, brief }) as const
const either = (brief: string) => ({ kind: 'boolean', optional: true, brief }) as const

interface ShowFlags extends PlaceFlags, ContractFlags, MarketFlag {
  readonly manifest: boolean
}

const showCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: ShowFlags) {
    const { findAddresses, openReader } = await import('#operator/addresses.ts')
    const { readMarket, readMarkets } = await import('#operator/market.ts')
    const rpc = openReader(rpcUrlOf(this.process, flags))
    const given = placesOf(this.process, flags)
    const { daysOf, tellMarketDay } = await import('#operator/days.ts')
    const { protocolState, nodes } = await findAddresses(rpc, given)
    const markets =
      given.dataMarket === undefined
        ? await readMarkets(rpc, protocolState)
        : [await readMarket(rpc, { protocolState, dataMarket: given.dataMarket })]
    const folder = dataDirOf(this.process, flags)
    if (flags.json) {
      const told = await Promise.all(
        markets.map(async ({ manifest, pendingManifest, ...market }) => ({
          ...market,
          days: await daysOf(rpc, nodes, market.address),
          manifest: manifest && (await withContent(manifest, folder)),
          pendingManifest: pendingManifest && (await withContent(pendingManifest, folder)),
        })),
      )
      this.process.stdout.write(`${toJson({ protocolState, markets: told })}\n`)
      return
    }
    this.process.stdout.write(
      `${markets.length} ${markets.length === 1 ? 'data market' : 'data markets'} of ProtocolState ${protocolState}\n`,
    )
    for (const { manifest, pendingManifest, ...market } of markets) {
      this.process.stdout.write('\n')
      const days = (await daysOf(rpc, nodes, market.address)).map(tellMarketDay)
      const manifests = {
        manifest: await inWords(manifest, { folder, isWhole: flags.manifest }),
        ...(pendingManifest && { pendingManifest: await inWords(pendingManifest, { folder, isWhole: flags.manifest }) }),
      }
      for (const [name, value] of Object.entries({ ...market, days, ...manifests })) {
        const shown = (Array.isArray(value) ? value.join('\n'.padEnd(VALUE_COLUMN + 1)) : String(value)) || 'none'
        this.process.stdout.write(`${`  ${name}`.padEnd(VALUE_COLUMN)}${shown}\n`)
      }
    }
  },
  parameters: {
    flags: {
      ...PLACE_FLAGS,
      ...CONTRACT_FLAGS,
      ...MARKET_FLAG,
      manifest: { kind: 'boolean', default: false, withNegated: false, brief: 'Print manifests whole, not in short' },
    },
  },
  docs: { brief: 'Show every data market, its settings and its days, or the one named' },
})

type ChangeFlags = PlaceFlags & ContractFlags & SendFlags

interface CreateFlags extends ChangeFlags {
  readonly epochSize: number
  readonly sourceChainId: number
  readonly sourceBlockTime: number
  readonly blockNumberIds: boolean
  readonly owner?: Address
}

const createCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: CreateFlags) {
    const { createMarket } = await import('#operator/market.ts')
    const { epochSize, sourceChainId, sourceBlockTime: sourceBlockTimeSeconds, blockNumberIds: usesBlockNumbersAsEpochIds, owner } = flags
    const form: MarketForm = { epochSize, sourceChainId, sourceBlockTimeSeconds, usesBlockNumbersAsEpochIds }
    await withContracts(this.process, flags, async (session, { protocolState }) => {
      const created = await createMarket(session, { protocolState, owner, form }, conductOf(this.process, flags), stopSignal())
      const { dataMarket } = created
      if (!flags.json && dataMarket !== undefined)
        this.process.stdout.write(
          `dataMarket     ${dataMarket}\nIt has no windows and no roles yet: \`./weft market set --data-market ${dataMarket} …\`\n`,
        )
      tell(this.process, flags, created, dataMarket === undefined ? {} : { dataMarket })
    })
  },
  parameters: {
    flags: {
      ...PLACE_FLAGS,
      ...CONTRACT_FLAGS,
      ...SEND_FLAGS,
      epochSize: { kind: 'parsed', parse: integerIn(1, 255), brief: 'Source blocks per epoch' },
      sourceChainId: { kind: 'parsed', parse: integerIn(1, Number.MAX_SAFE_INTEGER), brief: 'Chain that the data comes from' },
      sourceBlockTime: { kind: 'parsed', parse: seconds, brief: 'Seconds between two blocks of the source chain, at most four decimals' },
      blockNumberIds: { kind: 'boolean', default: false, withNegated: false, brief: 'Epoch ids are block numbers; needs --epoch-size 1' },
      owner: optional(parseAddress, 'Owner of the market; default: the account that signs'),
    },
  },
  docs: { brief: 'Create another data market; the owner of ProtocolState only' },
})

function seconds(text: string): number {
  if (!/^(0|[1-9][0-9]{0,6})(\.[0-9]{1,4})?$/.test(text) || Number(text) === 0)
    throw new SyntaxError(`'${text}' is no number of seconds with at most four decimals`)
  return Number(text)
}

interface SetFlags extends ChangeFlags, MarketFlag {
  readonly snapshotWindow?: number
  readonly batchWindow?: number
  readonly attestationWindow?: number
  readonly minAttestations?: number
  readonly epochManager?: Address
  readonly dailyQuota?: bigint
  readonly rewardPoolWei?: bigint
  readonly addSequencer?: readonly Address[]
  readonly removeSequencer?: readonly Address[]
  readonly addValidator?: readonly Address[]
  readonly removeValidator?: readonly Address[]
  readonly addAdmin?: readonly Address[]
  readonly removeAdmin?: readonly Address[]
  readonly sequencerId?: string
  readonly rootOnlyBatches?: boolean
  readonly rewards?: boolean
  readonly rewardAllowanceWei?: bigint | 'unlimited'
  readonly enabled?: boolean
  readonly manifest?: string
  readonly fromEpoch?: number
}

const setCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: SetFlags) {
    const { changeMarket } = await import('#operator/market.ts')
    const change = {
      snapshotWindowBlocks: flags.snapshotWindow,
      batchWindowBlocks: flags.batchWindow,
      attestationWindowBlocks: flags.attestationWindow,
      attestationsMin: flags.minAttestations,
      epochManager: flags.epochManager,
      dailySnapshotQuota: flags.dailyQuota,
      rewardPoolWei: flags.rewardPoolWei,
      addSequencers: flags.addSequencer ?? [],
      removeSequencers: flags.removeSequencer ?? [],
      addValidators: flags.addValidator ?? [],
      removeValidators: flags.removeValidator ?? [],
      addAdmins: flags.addAdmin ?? [],
      removeAdmins: flags.removeAdmin ?? [],
      sequencerId: flags.sequencerId,
      rootOnlyBatchesAllowed: flags.rootOnlyBatches,
      rewardsEnabled: flags.rewards,
      rewardAllowanceWei: flags.rewardAllowanceWei,
      isEnabled: flags.enabled,
      draft: draftOf(flags),
    }
    await withContracts(this.process, flags, async (session, { protocolState, dataMarket }) => {
      if (dataMarket === undefined)
        throw new WeftError('SETTINGS_INVALID', {
          problems: ['--data-market (WEFT_DATA_MARKET) is needed: there is more than one, or none'],
        })
      const place = { protocolState, dataMarket }
      const carried = await changeMarket(session, { place, change }, conductOf(this.process, flags), stopSignal())
      const isThere = carried.outcome === 'changed' || carried.outcome === 'unchanged'
      const manifest = await manifestFacts(isThere ? dataDirOf(this.process, flags) : undefined, carried.manifest)
      if (!flags.json) tellManifest(this.process, manifest)
      tell(this.process, flags, carried, { dataMarket, ...manifest })
    })
  },
  parameters: {
    flags: {
      ...PLACE_FLAGS,
      ...CONTRACT_FLAGS,
      ...MARKET_FLAG,
      ...SEND_FLAGS,
      snapshotWindow: optional(integerIn(1, BLOCKS_MAX), 'Blocks after release for submissions'),
      batchWindow: optional(integerIn(1, BLOCKS_MAX), 'Blocks after release for batches; more than for submissions'),
      attestationWindow: optional(integerIn(1, BLOCKS_MAX), 'Blocks after release for attestations; more than for batches'),
      minAttestations: optional(integerIn(1, MEMBERS_MAX), 'Attestations that a batch needs at least'),
      epochManager: optional(parseAddress, 'The one account that releases epochs'),
      dailyQuota: optional(wei, 'Snapshots that a slot delivers on a day to share the pool'),
      rewardPoolWei: optional(wei, 'Wei shared by the eligible slots of a day'),
      addSequencer: optional(addresses, 'Accounts that become sequencers, between commas'),
      removeSequencer: optional(addresses, 'Accounts that cease to be sequencers'),
      addValidator: optional(addresses, 'Accounts that become validators'),
      removeValidator: optional(addresses, 'Accounts that cease to be validators'),
      addAdmin: optional(addresses, 'Accounts that become admins: they may set the sequencer id'),
      removeAdmin: optional(addresses, 'Accounts that cease to be admins'),
      sequencerId: optional(sequencerId, "The sequencer's name in the network, for example its peer id; the owner or an admin"),
      rootOnlyBatches: either('Whether sequencers may anchor batches by their roots alone'),
      rewards: either('Whether sequencers send what slots delivered'),
      rewardAllowanceWei: optional(
        allowance,
        'Wei that rewards are paid from, from now on, or `unlimited`; the owner of ProtocolState only',
      ),
      manifest: MANIFEST_FILE_FLAG,
      fromEpoch: optional(
        integerIn(0, Number.MAX_SAFE_INTEGER),
        'With --manifest: the epoch from which it applies, not released yet; without it, far enough ahead for the roles to fetch it',
      ),
      enabled: either('Whether epochs may be released; the owner of ProtocolState only'),
    },
  },
  docs: {
    brief: 'Change settings and roles of a data market; its owner only',
    fullDescription: 'What is so already is not sent.',
  },
})

export const marketRoutes = buildRouteMap({
  routes: { graph: graphCommand, show: showCommand, create: createCommand, set: setCommand },
  docs: { brief: 'Show, create and change data markets' },
})
