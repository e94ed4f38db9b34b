import type { Address, SlotId } from '#domain/ids.ts'
import { meant, nearest } from '#domain/nearest.ts'
import type { Secret } from '#domain/secret.ts'
import type { FolderSet } from '#node/compute-folder.ts'
import type { MarketComputes } from '#node/computes.ts'
import type { PlaceSetting } from '#node/pin-places.ts'
import { ACCOUNT_SETTINGS } from './account.ts'
import { CHAIN_SETTINGS } from './chain.ts'
import { COLLECTOR_SETTINGS } from './collector.ts'
import { CONTENT_SETTINGS } from './content.ts'
import { EPOCHS_SETTINGS } from './epochs.ts'
import { HTTP_SETTINGS } from './http.ts'
import { MARKET_SETTINGS } from './market.ts'
import { P2P_SETTINGS } from './p2p.ts'
import { PROCESS_SETTINGS } from './process.ts'
import { RELAY_SETTINGS } from './relay.ts'
import { SCALE_OUT_SETTINGS } from './scale-out.ts'
import { SEQUENCER_SETTINGS } from './sequencer.ts'
import { SNAPSHOTTER_SETTINGS } from './snapshotter.ts'
import { VALIDATOR_SETTINGS } from './validator.ts'
import type { Role } from './roles.ts'
import type { SettingRow } from './row.ts'

/** Every setting, once, in the order in which people read them: `readSettings`, `--help` and docs/CLI.md come from here. A flag wins over the environment. */
export const SETTINGS = {
  ...PROCESS_SETTINGS,
  ...SCALE_OUT_SETTINGS,
  ...CHAIN_SETTINGS,
  ...ACCOUNT_SETTINGS,
  ...MARKET_SETTINGS,
  ...EPOCHS_SETTINGS,
  ...SNAPSHOTTER_SETTINGS,
  ...COLLECTOR_SETTINGS,
  ...P2P_SETTINGS,
  ...HTTP_SETTINGS,
  ...RELAY_SETTINGS,
  ...CONTENT_SETTINGS,
  ...SEQUENCER_SETTINGS,
  ...VALIDATOR_SETTINGS,
} as const satisfies Record<string, SettingRow>

export type SettingName = keyof typeof SETTINGS
type ValueOf<Type extends SettingRow['type']> = Type extends 'integer'
  ? number
  : Type extends 'multiaddrs' | 'peers' | 'urls' | 'hosts'
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

const orMeant = (names: readonly string[]): string => (names.length === 0 ? '' : meant(names))

/** What is wrong with the names of the variables that begin with `WEFT_`. */
export function unknownVariables(env: Given): string[] {
  const known = new Set<string>([...Object.values(SETTINGS).map((row) => row.env), ...OTHER_VARIABLES])
  return Object.keys(env)
    .filter((name) => name.startsWith('WEFT_') && !known.has(name))
    .map((name) => `${name} is not a setting of Weft${orMeant(nearest(name, [...known]))}`)
}
