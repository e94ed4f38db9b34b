import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { parseAddress, safeUint, type Address } from '#domain/ids.ts'
import { onDisk, replaceFile } from '#io/disk/disk.ts'
import { makeFolder } from '#io/disk/folder.ts'
import { textOf, unreadInWords } from './given-file.ts'

/** Where a network's contracts are: written by `./weft deploy`, read by every role (`--network`). */
export interface Network {
  readonly chainId: number
  readonly protocolState: Address
  readonly dataMarket: Address
  readonly nodes: Address
  readonly factory: Address
  /** Block in which the data market was created. */
  readonly deploymentBlock: number
}

/** Its name within a data directory. */
export const NETWORK_FILE = 'network.json'

/** Throws `SETTINGS_INVALID` with all that is wrong, for what is no network file. */
export function parseNetwork(json: string): Network {
  const problems: string[] = []
  const fields = objectIn(json)
  const integer = (name: string): number => {
    const value = typeof fields[name] === 'number' ? safeUint(fields[name]) : undefined
    if (value === undefined) problems.push(`${name} is no integer`)
    return value ?? 0
  }
  const address = (name: string): Address => {
    try {
      return parseAddress(String(fields[name]))
    } catch (failure) {
      if (!isWeftError(failure, 'ID_MALFORMED')) throw failure
      problems.push(`${name} is no address`)
      return '' as Address
    }
  }
  const network = {
    chainId: integer('chainId'),
    protocolState: address('protocolState'),
    dataMarket: address('dataMarket'),
    nodes: address('nodes'),
    factory: address('factory'),
    deploymentBlock: integer('deploymentBlock'),
  }
  if (problems.length > 0) throw new WeftError('SETTINGS_INVALID', { problems })
  return network
}

function objectIn(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
  }
  throw new WeftError('SETTINGS_INVALID', { problems: ['is no JSON object'] })
}

/** `undefined` when there is no such file. Throws `SETTINGS_INVALID`. */
export function findNetwork(path: string): Network | undefined {
  let json: string
  try {
    json = textOf(path)
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    const inside = join(path, NETWORK_FILE)
    const meant = existsSync(inside) ? `: ${inside} is in it` : ''
    throw new WeftError('SETTINGS_INVALID', { problems: [`${unreadInWords(path, failure)}${meant}`] }, failure)
  }
  try {
    return parseNetwork(json)
  } catch (failure) {
    if (!isWeftError(failure, 'SETTINGS_INVALID')) throw failure
    throw new WeftError('SETTINGS_INVALID', { problems: [`${path}: ${[failure.facts.problems].flat().join(', ')}`] }, failure)
  }
}

/** Nothing in it is secret, and the roles that read it may run as other users. */
const NETWORK_FILE_MODE = 0o644

/** Makes its folder, if need be. Whole or not at all: a role that reads it meanwhile finds the old one. Throws as `onDisk`. */
export function writeNetwork(path: string, network: Network): void {
  onDisk(path, 'writing it', () => {
    makeFolder(dirname(path))
    replaceFile(path, `${JSON.stringify(network, undefined, 2)}\n`, NETWORK_FILE_MODE)
  })
}
