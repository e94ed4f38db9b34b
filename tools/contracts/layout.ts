// Where the upgradeable contracts keep their state, and whether new code would find it there.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

/** A variable or a member of a struct; `offset` in bytes within its slot, from the lower end. */
export type StoredValue = { label: string; slot: number; offset: number; type: string }
export type StoredStruct = { bytes: number; members: StoredValue[] }
/** One contract's state. Types name structs; slots of members count from where their struct begins. */
export type StorageLayout = {
  contract: string
  variables: StoredValue[]
  /** ERC-7201 namespaces, own and inherited: id (which fixes the place) to the struct kept there. */
  namespaces: Record<string, string>
  structs: Record<string, StoredStruct>
}

/** Contracts that live behind proxies, with their sources; and the desk, which runs on the market's state. */
export const UPGRADEABLE = {
  PowerloomProtocolState: 'contracts/src/ProtocolState.sol',
  PowerloomDataMarket: 'contracts/src/DataMarket.sol',
  MarketDesk: 'contracts/src/market/MarketDesk.sol',
  PowerloomNodes: 'contracts/src/Nodes.sol',
} as const

type SolcMember = { label: string; slot: string; offset: number; type: string }
type SolcType = { label: string; numberOfBytes: string; members?: SolcMember[] }
type SolcLayout = { storage: SolcMember[]; types: Record<string, SolcType> | null }
type AstNode = {
  id: number
  nodeType: string
  name: string
  nodes: AstNode[]
  linearizedBaseContracts: number[]
  documentation?: { text: string }
}
type SolcOutput = {
  errors?: { severity: string; formattedMessage: string }[]
  sources: Record<string, { ast: AstNode }>
  contracts: Record<string, Record<string, { storageLayout: SolcLayout }>>
}
type Solc = { compile(input: string, callbacks: { import(path: string): { contents: string } }): string }

/** Analysis only: no code is asked for, which makes it a matter of a second. */
function analyse(sources: Record<string, string>): SolcOutput {
  const solc = createRequire(import.meta.url)('solc') as Solc
  const input = {
    language: 'Solidity',
    sources: Object.fromEntries(Object.entries(sources).map(([path, content]) => [path, { content }])),
    settings: { evmVersion: 'cancun', outputSelection: { '*': { '': ['ast'], '*': ['storageLayout'] } } },
  }
  const find = (path: string) => join(ROOT, path.startsWith('@') ? 'node_modules' : '', path)
  const answer = solc.compile(JSON.stringify(input), { import: (path) => ({ contents: readFileSync(find(path), 'utf8') }) })
  const output = JSON.parse(answer) as SolcOutput
  const errors = (output.errors ?? []).filter((error) => error.severity === 'error')
  if (errors.length > 0) throw new Error(errors.map((error) => error.formattedMessage).join('\n'))
  return output
}

function valuesOf(members: SolcMember[], types: Record<string, SolcType>): StoredValue[] {
  return members.map(({ label, slot, offset, type }) => ({ label, slot: Number(slot), offset, type: types[type]?.label ?? type }))
}

function structsOf(types: Record<string, SolcType>): Record<string, StoredStruct> {
  const structs = Object.values(types).flatMap(({ label, numberOfBytes, members }) =>
    members === undefined ? [] : [[label, { bytes: Number(numberOfBytes), members: valuesOf(members, types) }] as const],
  )
  return Object.fromEntries(structs.sort(([a], [b]) => (a < b ? -1 : 1)))
}

type Namespace = { id: string; source: string; contract: string; struct: string }

/** The namespaces of a contract and all it inherits from, by the annotation that ERC-7201 prescribes. */
function namespacesOf(contract: string, output: SolcOutput): Namespace[] {
  const contracts = Object.entries(output.sources).flatMap(([source, { ast }]) =>
    ast.nodes.filter((node) => node.nodeType === 'ContractDefinition').map((node) => ({ source, node })),
  )
  const bases = contracts.find(({ node }) => node.name === contract)?.node.linearizedBaseContracts ?? []
  return contracts
    .filter(({ node }) => bases.includes(node.id))
    .flatMap(({ source, node }) =>
      node.nodes.flatMap((inner) => {
        const id = /@custom:storage-location (erc7201:\S+)/.exec(inner.documentation?.text ?? '')?.[1]
        return id === undefined ? [] : [{ id, source, contract: node.name, struct: inner.name }]
      }),
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** solc leaves namespaces out of its layouts, so it is asked about contracts that have such structs as variables. */
function probeOf(probe: string, namespaces: Namespace[]): string {
  const imports = namespaces.map(({ source, contract }) => `import {${contract}} from "${source}";\n`)
  const variables = namespaces.map(({ contract, struct }, i) => `${contract}.${struct} n${i};\n`)
  return `pragma solidity ^0.8.0;\n${imports.join('')}contract ${probe} {\n${variables.join('')}}\n`
}

/** The layouts of all upgradeable contracts as the sources have them. */
export function compiledLayouts(): StorageLayout[] {
  const sources = Object.fromEntries(Object.values(UPGRADEABLE).map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]))
  const output = analyse(sources)
  const found = Object.entries(UPGRADEABLE).map(([contract, path]) => ({ contract, path, namespaces: namespacesOf(contract, output) }))
  const probes = analyse(Object.fromEntries(found.map(({ contract, namespaces }) => [`${contract}.probe`, probeOf('Probe', namespaces)])))
  return found.map(({ contract, path, namespaces }) => {
    const own = output.contracts[path]?.[contract]?.storageLayout
    const probe = probes.contracts[`${contract}.probe`]?.['Probe']?.storageLayout
    if (own === undefined || probe === undefined) throw new Error(`solc answered without a layout of ${contract}`)
    const [types, probeTypes] = [own.types ?? {}, probe.types ?? {}]
    const places = valuesOf(probe.storage, probeTypes)
    return {
      contract,
      variables: valuesOf(own.storage, types),
      namespaces: Object.fromEntries(namespaces.map(({ id }, i) => [id, places[i]?.type ?? ''])),
      structs: { ...structsOf(types), ...structsOf(probeTypes) },
    }
  })
}

/** Path of a committed layout, from the root of the repository. */
export const layoutPath = (contract: string): string => `contracts/layouts/${contract}.json`

/** One row per value, so that a change reads well in review. */
export function layoutText(layout: StorageLayout): string {
  const rows = (values: StoredValue[], indent: string) => values.map((value) => `${indent}${JSON.stringify(value)}`).join(',\n')
  const structs = Object.entries(layout.structs).map(
    ([name, { bytes, members }]) =>
      `    ${JSON.stringify(name)}: {\n      "bytes": ${bytes},\n      "members": [\n${rows(members, '        ')}\n      ]\n    }`,
  )
  const namespaces = Object.entries(layout.namespaces).map(([id, struct]) => `    ${JSON.stringify(id)}: ${JSON.stringify(struct)}`)
  return (
    `{\n  "contract": ${JSON.stringify(layout.contract)},\n  "variables": [\n${rows(layout.variables, '    ')}\n  ],\n` +
    `  "namespaces": {\n${namespaces.join(',\n')}\n  },\n  "structs": {\n${structs.join(',\n')}\n  }\n}\n`
  )
}

const placeOf = ({ slot, offset }: StoredValue) => slot * 32 + offset

/** What became of values that stored data already stands in; behind the last of them anything may be added. */
function moved(where: string, before: StoredValue[], after: StoredValue[]): string[] {
  const problems = before.flatMap((old, i) => {
    const now = after[i]
    if (now === undefined) return [`${where}: ${old.label} is gone`]
    const same = now.label === old.label && now.slot === old.slot && now.offset === old.offset && now.type === old.type
    return same ? [] : [`${where}: ${describe(old)} became ${describe(now)}`]
  })
  const end = Math.max(-1, ...before.map(placeOf))
  const inserted = after.slice(before.length).filter((added) => placeOf(added) <= end)
  return [...problems, ...inserted.map((added) => `${where}: ${describe(added)} is not behind what was there`)]
}

const describe = ({ label, slot, offset, type }: StoredValue) => `${label} (${type}, slot ${slot}, byte ${offset})`

/**
 * Why code with the layout `after` must not run on the state that code with the layout `before` wrote; empty when it may.
 * Values keep name, place and type. Added may be: variables and members behind the last one, and namespaces. A struct
 * that stands in an array must keep its size as well; inside another struct growth shows as members that moved.
 */
export function incompatibilities(before: StorageLayout, after: StorageLayout): string[] {
  const problems = moved(before.contract, before.variables, after.variables)
  for (const [id, struct] of Object.entries(before.namespaces)) {
    if (after.namespaces[id] !== struct)
      problems.push(`${before.contract}: ${id} holds ${after.namespaces[id] ?? 'nothing'}, not ${struct}`)
  }
  const types = [before.variables, ...Object.values(before.structs).map(({ members }) => members)].flat().map(({ type }) => type)
  for (const [name, old] of Object.entries(before.structs)) {
    const now = after.structs[name]
    if (now === undefined) {
      problems.push(`${name} is gone`)
      continue
    }
    problems.push(...moved(name, old.members, now.members))
    const isElement = types.some((type) => type.includes(`${name}[`))
    if (isElement && now.bytes !== old.bytes) problems.push(`${name}: ${old.bytes} bytes became ${now.bytes}, and arrays hold it`)
  }
  return problems
}
