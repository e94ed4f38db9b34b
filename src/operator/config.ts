import { isWeftError, WeftError } from '#domain/errors.ts'
import { parseAddress, type Address } from '#domain/ids.ts'
import { isSequencerId, SEQUENCER_ID_FORM } from './sequencer-id.ts'

/** What `./weft deploy` is asked for. Whatever is left out stays as it is on chain, or becomes what `wanted.ts` says on a new network. */
export interface DeployConfig {
  readonly nodes?: {
    readonly name?: string
    readonly priceWei?: bigint
    /** Seconds since 1970; 0 keeps minting closed. */
    readonly mintStartTime?: number
  }
  readonly market?: {
    readonly epochSize?: number
    readonly sourceChainId?: number
    readonly sourceBlockTimeSeconds?: number
    readonly blockNumbersAsEpochIds?: boolean
    /** In anchor blocks from the release block. */
    readonly windows?: { readonly snapshotBlocks?: number; readonly batchBlocks?: number; readonly attestationBlocks?: number }
    readonly minAttestations?: number
    readonly epochManager?: Address
    readonly sequencers?: readonly Address[]
    readonly validators?: readonly Address[]
    readonly admins?: readonly Address[]
    /** The sequencer's name in the network, for example its peer id; empty takes it away. */
    readonly sequencerId?: string
    /** Whether sequencers may anchor batches by their roots alone. */
    readonly rootOnlyBatches?: boolean
    readonly dailySnapshotQuota?: bigint
    readonly rewardPoolWei?: bigint
    /** The rewards flag that services read. */
    readonly rewards?: boolean
  }
  /** The signer of each slot, slot 1 first. */
  readonly slots?: readonly Address[]
}

/** A configuration of ten thousand slots takes half a megabyte. */
const CONFIG_BYTES_MAX = 4 * 1024 * 1024
/** The registry's own limit on nodes, unless it was raised. */
const SLOTS_MAX = 10_000
/** Far above any market; each costs gas to grant. */
const ROLE_MEMBERS_MAX = 1_000
const WINDOW_BLOCKS_MAX = 10_000_000
const NAME_LENGTH_MAX = 100
/** Node prices and reward pools are kept in 112 bits. */
const WEI_MAX = 2n ** 112n - 1n

/** Reads one value; says what is wrong with it instead of throwing, so that everything is found in one go. */
type Reader<Value> = (value: unknown, path: string, problems: string[]) => Value | undefined

/** No address is longer: it may be a private key that was put where it does not belong, and appears in no message. */
const LONG_HEX = /[0-9a-fA-F]{41,}/

function show(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value)
  return LONG_HEX.test(json) ? '[secret]' : json.slice(0, 60)
}

function reader<Value>(expected: string, read: (value: unknown) => Value | undefined): Reader<Value> {
  return (value, path, problems) => {
    const result = read(value)
    if (result === undefined) problems.push(`${path}: ${show(value)} is not ${expected}`)
    return result
  }
}

const integer = (min: number, max: number): Reader<number> =>
  reader(`an integer from ${min} to ${max}`, (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined,
  )

/** Amounts do not fit into JSON's numbers: they are decimal text. */
const amount = (min: bigint): Reader<bigint> =>
  reader(`a decimal integer in quotes, from ${min} to ${WEI_MAX}`, (value) => {
    if (typeof value !== 'string' || !/^(0|[1-9][0-9]{0,40})$/.test(value)) return undefined
    return BigInt(value) >= min && BigInt(value) <= WEI_MAX ? BigInt(value) : undefined
  })

const flag: Reader<boolean> = reader('true or false', (value) => (typeof value === 'boolean' ? value : undefined))

const text: Reader<string> = reader(`text of at most ${NAME_LENGTH_MAX} characters`, (value) =>
  typeof value === 'string' && value.length <= NAME_LENGTH_MAX ? value : undefined,
)

const sequencerId: Reader<string> = reader(SEQUENCER_ID_FORM, (value) =>
  typeof value === 'string' && isSequencerId(value) ? value : undefined,
)

/** Seconds with up to four decimals: the contract counts in 1e-4 s. */
const seconds: Reader<number> = reader('a number of seconds from 0.0001 to 1000000 with at most four decimals', (value) =>
  typeof value === 'number' && value >= 0.0001 && value <= 1_000_000 && Math.round(value * 10_000) / 10_000 === value ? value : undefined,
)

const address: Reader<Address> = reader('an address that is not zero: 0x and 40 hex digits', (value) => {
  try {
    const parsed = parseAddress(typeof value === 'string' ? value : '')
    return /^0x0+$/.test(parsed) ? undefined : parsed
  } catch (failure) {
    if (isWeftError(failure, 'ID_MALFORMED')) return undefined
    throw failure
  }
})

function listOf<Value>(read: Reader<Value>, options: { readonly max: number; readonly isSet: boolean }): Reader<readonly Value[]> {
  return (value, path, problems) => {
    if (!Array.isArray(value) || value.length > options.max) {
      problems.push(`${path}: ${show(value)} is not a list of at most ${options.max}`)
      return undefined
    }
    const items = value.map((item, index) => read(item, `${path}[${index}]`, problems))
    if (options.isSet && new Set(items).size < items.length) problems.push(`${path}: names something twice`)
    return items as Value[]
  }
}

type Shape<Value> = { readonly [Name in keyof Value]-?: Reader<Exclude<Value[Name], undefined>> }

function object<Value>(shape: Shape<Value>): Reader<Value> {
  return (value, path, problems) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      problems.push(`${path === '' ? '' : `${path}: `}${show(value)} is not an object`)
      return undefined
    }
    const result: Record<string, unknown> = {}
    for (const [name, item] of Object.entries(value)) {
      const at = path === '' ? name : `${path}.${name}`
      if (!Object.hasOwn(shape, name)) problems.push(`${at} is no setting; there are ${Object.keys(shape).join(', ')}`)
      else result[name] = shape[name as keyof Value](item, at, problems)
    }
    return result as Value
  }
}

const CONFIG = object<DeployConfig>({
  nodes: object<NonNullable<DeployConfig['nodes']>>({ name: text, priceWei: amount(1n), mintStartTime: integer(0, 2 ** 40 - 1) }),
  market: object<NonNullable<DeployConfig['market']>>({
    epochSize: integer(1, 255),
    sourceChainId: integer(1, Number.MAX_SAFE_INTEGER),
    sourceBlockTimeSeconds: seconds,
    blockNumbersAsEpochIds: flag,
    windows: object<NonNullable<NonNullable<DeployConfig['market']>['windows']>>({
      snapshotBlocks: integer(1, WINDOW_BLOCKS_MAX),
      batchBlocks: integer(1, WINDOW_BLOCKS_MAX),
      attestationBlocks: integer(1, WINDOW_BLOCKS_MAX),
    }),
    minAttestations: integer(1, ROLE_MEMBERS_MAX),
    epochManager: address,
    sequencers: listOf(address, { max: ROLE_MEMBERS_MAX, isSet: true }),
    validators: listOf(address, { max: ROLE_MEMBERS_MAX, isSet: true }),
    admins: listOf(address, { max: ROLE_MEMBERS_MAX, isSet: true }),
    sequencerId,
    rootOnlyBatches: flag,
    dailySnapshotQuota: amount(1n),
    rewardPoolWei: amount(0n),
    rewards: flag,
  }),
  slots: listOf(address, { max: SLOTS_MAX, isSet: false }),
})

/** What no single value shows. */
function contradictions({ market }: DeployConfig): string[] {
  const problems: string[] = []
  const { snapshotBlocks = 0, batchBlocks = Number.POSITIVE_INFINITY, attestationBlocks = Number.POSITIVE_INFINITY } = market?.windows ?? {}
  if (snapshotBlocks >= batchBlocks) problems.push('market.windows: batchBlocks must be above snapshotBlocks')
  if (Math.max(snapshotBlocks, Number.isFinite(batchBlocks) ? batchBlocks : 0) >= attestationBlocks)
    problems.push('market.windows: attestationBlocks must be above the other two')
  if (market?.blockNumbersAsEpochIds === true && (market.epochSize ?? 1) !== 1)
    problems.push('market.blockNumbersAsEpochIds: needs epochSize 1')
  const { validators, minAttestations = 0 } = market ?? {}
  if (validators !== undefined && minAttestations > validators.length)
    problems.push(`market.minAttestations: ${minAttestations} is more than there are validators, nothing would ever be final`)
  return problems
}

function parseJson(json: string, file: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    // The parser quotes what it stumbled over, and the file may be that of a key: only where is told.
    const where = / at position \d+( \(line \d+ column \d+\))?$/.exec((cause as Error).message)?.[0] ?? ''
    throw new WeftError('SETTINGS_INVALID', { problems: [`${file} is no JSON${where}`] })
  }
}

/** Strict; all problems at once. `file` is how the text is called in them. Throws `SETTINGS_INVALID`. */
export function parseConfig(json: string, file: string): DeployConfig {
  const problems: string[] = []
  if (json.length > CONFIG_BYTES_MAX)
    throw new WeftError('SETTINGS_INVALID', { problems: [`${file} is larger than ${CONFIG_BYTES_MAX} bytes`] })
  const config = CONFIG(parseJson(json, file), '', problems)
  if (config !== undefined && problems.length === 0) problems.push(...contradictions(config))
  if (config === undefined || problems.length > 0)
    throw new WeftError('SETTINGS_INVALID', { problems: problems.map((problem) => `${file}: ${problem}`) })
  return config
}
