import type { Network } from '#node/network.ts'
import type { Role } from './roles.ts'

/** What a setting is called, what it may be, and for whom. */
export interface SettingRow {
  readonly env: string
  readonly type:
    | 'integer'
    | 'text'
    | 'namespace'
    | 'slots'
    | 'rpc'
    | 'address'
    | 'choice'
    | 'key'
    | 'market'
    | 'computes'
    | 'host:port'
    | 'multiaddr'
    | 'multiaddrs'
    | 'peers'
    | 'places'
    | 'urls'
    | 'secret'
    | 'health'
    | 'hosts'
    | 'url'
    | 'password'
    | 'signer'
    | 'pem'
  readonly doc: string
  readonly roles: readonly Role[]
  /** Without it the setting must be given. */
  readonly fallback?: number | string | readonly string[]
  readonly min?: number
  readonly max?: number
  readonly unit?: string
  readonly choices?: readonly string[]
  /** What supplies it when neither flag nor variable does. */
  readonly fromNetwork?: keyof Network
  /** Roles that do without it, and how. */
  readonly optional?: { readonly roles: readonly Role[]; readonly otherwise: string }
  /** What may be given in its place, and then alone; it stands before it in the table. */
  readonly unless?: 'signerUrl'
  /** Modes of a sequencer that do without it. */
  readonly notIn?: readonly string[]
  /** The market says it, on chain: given, it must not say otherwise. What holds in a market that says nothing, in words. */
  readonly fromMarket?: { readonly otherwise: string }
}
