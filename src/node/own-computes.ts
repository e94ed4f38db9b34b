import { join } from 'node:path'
import type { JsonValue } from '#domain/compute.ts'
import { WeftError } from '#domain/errors.ts'
import { configIn, type FolderSet } from './compute-folder.ts'
import { COMPUTE_SETS, openComputes } from './computes.ts'

/** What a market's manifest says of one compute set. */
export interface ComputeChoice {
  readonly name: string
  readonly version: string
  readonly config: JsonValue
}

/**
 * Sets of folders as the devnet's manifest names them, each with what its `config.json` says; there `$name` stands for what lies under that
 * name in `places`, the addresses of this devnet's source chain. Throws `SETTINGS_INVALID` with all that is wrong with any of them.
 */
export function ownChoices(sets: readonly FolderSet[], shipped: readonly ComputeChoice[], places: JsonValue): readonly ComputeChoice[] {
  const choices = filledIn(sets, places)
  openComputes([...shipped, ...choices], [...COMPUTE_SETS, ...sets])
  return choices
}

/** Each set with the configuration of its folder, `$name` filled in. Throws `SETTINGS_INVALID`. */
export function filledIn(sets: readonly FolderSet[], places: JsonValue): readonly ComputeChoice[] {
  return sets.map((set) => ({ name: set.name, version: set.version, config: configOf(set, places) }))
}

function configOf(set: FolderSet, places: JsonValue): JsonValue {
  const problems: string[] = []
  const names = Object.keys(places as object)
  const fill = (value: JsonValue): JsonValue => {
    if (typeof value === 'string' && value.startsWith('$')) {
      const name = value.slice(1)
      if (names.includes(name)) return (places as { readonly [name: string]: JsonValue })[name] as JsonValue
      problems.push(
        `${join(set.folder, 'config.json')}: ${names.length === 0 ? `${value} is a name of a devnet: say what it is here` : `the devnet has no ${value}. It has ${names.map((known) => `$${known}`).join(', ')}`}`,
      )
    }
    if (Array.isArray(value)) return value.map(fill)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item)]))
  }
  const filled = fill((configIn(set) ?? null) as JsonValue)
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return filled
}
