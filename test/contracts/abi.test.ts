// The compiled contracts answer every call, and emit every event, of the deployed ones.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AbiEvent, type AbiFunction, toEventSelector, toEventSignature, toFunctionSelector, toFunctionSignature } from 'viem'
import { describe, expect, test } from 'vitest'
import { dataMarketAbi } from '#wire/abi/data-market.ts'
import { dataMarketFactoryAbi } from '#wire/abi/data-market-factory.ts'
import { nodesAbi } from '#wire/abi/nodes.ts'
import { protocolStateAbi } from '#wire/abi/protocol-state.ts'

const ROOT = join(import.meta.dirname, '../..')

type Parameter = { type: string; name: string; indexed?: boolean; components?: Parameter[] }
type Entry = { type: string; name?: string; stateMutability?: string; inputs?: Parameter[]; outputs?: Parameter[] }
type Deployed = {
  functions: { signature: string; selector: string; stateMutability: string; inputs: string[]; outputs: string[] }[]
  events: { signature: string; topic: string; inputs: string[] }[]
  errors: string[]
  receivesEther: boolean
}

const MODULES: Record<string, readonly unknown[]> = {
  PowerloomProtocolState: protocolStateAbi,
  PowerloomDataMarket: dataMarketAbi,
  DataMarketFactory: dataMarketFactoryAbi,
  PowerloomNodes: nodesAbi,
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))
const deployed = (readJson(join(ROOT, 'test/vectors/contract-selectors.json')) as { contracts: Record<string, Deployed> }).contracts
const compiledAbi = (name: string) => (readJson(join(ROOT, `contracts/artifacts/${name}.json`)) as { abi: Entry[] }).abi

function typeOf(parameter: Parameter): string {
  if (!parameter.type.startsWith('tuple')) return parameter.type
  const components = (parameter.components ?? []).map((component) => `${typeOf(component)} ${component.name}`)
  return `(${components.join()})${parameter.type.slice('tuple'.length)}`
}

/** An ABI in the form of the committed list. */
function describeAbi(abi: Entry[]): Deployed {
  return {
    functions: abi
      .filter((entry) => entry.type === 'function')
      .map((entry) => ({
        signature: toFunctionSignature(entry as AbiFunction),
        selector: toFunctionSelector(entry as AbiFunction),
        stateMutability: entry.stateMutability ?? '',
        inputs: (entry.inputs ?? []).map((input) => input.name),
        outputs: (entry.outputs ?? []).map((output) => `${typeOf(output)} ${output.name}`.trim()),
      })),
    events: abi
      .filter((entry) => entry.type === 'event')
      .map((entry) => ({
        signature: toEventSignature(entry as AbiEvent),
        topic: toEventSelector(entry as AbiEvent),
        inputs: (entry.inputs ?? []).map((input) => `${input.type}${input.indexed ? ' indexed' : ''} ${input.name}`),
      })),
    errors: abi.filter((entry) => entry.type === 'error').map((entry) => toFunctionSignature(entry as unknown as AbiFunction)),
    receivesEther: abi.some((entry) => entry.type === 'receive'),
  }
}

/** Getters of mappings have unnamed arguments; giving them names breaks nobody. */
const namesFit = (theirs: string[], ours: string[]) => theirs.every((name, i) => name === '' || name === ours[i])

function expectSuperset(theirs: Deployed, ours: Deployed): void {
  const functions = new Map(ours.functions.map((row) => [row.selector, row]))
  for (const wanted of theirs.functions) {
    const found = functions.get(wanted.selector)
    expect(found, wanted.signature).toMatchObject({
      signature: wanted.signature,
      stateMutability: wanted.stateMutability,
      outputs: wanted.outputs,
    })
    expect(namesFit(wanted.inputs, found?.inputs ?? []), `${wanted.signature}: ${found?.inputs}`).toBe(true)
  }
  const events = new Map(ours.events.map((row) => [row.topic, row]))
  for (const wanted of theirs.events) expect(events.get(wanted.topic), wanted.signature).toEqual(wanted)
  expect(ours.errors).toEqual(expect.arrayContaining(theirs.errors))
  if (theirs.receivesEther) expect(ours.receivesEther).toBe(true)
}

describe.each(Object.entries(MODULES))('%s', (name, moduleAbi) => {
  const theirs = deployed[name]
  if (theirs === undefined) throw new Error(`${name} is missing in contract-selectors.json`)

  test('the artifact has everything the deployed contract has', () => {
    expectSuperset(theirs, describeAbi(compiledAbi(name)))
  })

  test('the module exports the ABI of the artifact', () => {
    expect(moduleAbi).toEqual(compiledAbi(name))
  })

  // Present on the machines where the deployed ABIs are at hand; the committed list is what counts elsewhere.
  const abiFile = join(ROOT, `../shared/abi/${name}.json`)
  test.runIf(existsSync(abiFile))('the committed list is that of the deployed ABI', () => {
    const described = describeAbi(readJson(abiFile) as Entry[])
    const bySignature = <T extends { signature: string }>(rows: T[]) => [...rows].sort((a, b) => (a.signature < b.signature ? -1 : 1))
    expect({
      ...described,
      functions: bySignature(described.functions),
      events: bySignature(described.events),
      errors: described.errors.sort(),
    }).toEqual(theirs)
  })
})

describe('limits', () => {
  test.each(Object.keys(MODULES))('%s leaves room for a small upgrade, and can be created', (name) => {
    const artifact = readJson(join(ROOT, `contracts/artifacts/${name}.json`)) as { bytecode: string; deployedBytecode: string }
    expect(artifact.deployedBytecode.length / 2 - 1).toBeLessThanOrEqual(24_576 - 230)
    expect(artifact.bytecode.length / 2 - 1).toBeLessThanOrEqual(49_152)
    // Nothing left for a linker to fill in.
    expect(artifact.bytecode).toMatch(/^0x[0-9a-f]+$/)
  })

  test('constructors take nothing', () => {
    for (const name of Object.keys(MODULES)) {
      const declared = compiledAbi(name).find((entry) => entry.type === 'constructor')
      expect(declared?.inputs ?? []).toEqual([])
    }
  })
})

describe('error codes', () => {
  const codes = readJson(join(ROOT, 'contracts/DataMarketErrors.json')) as Record<string, string>

  test('the table keeps the wording clients print', () => {
    expect(codes).toMatchObject({
      E01: 'onlyValidator',
      E02: 'notActive',
      E03: 'onlyOwner',
      E04: 'onlySequencer',
      E05: 'onlyEpochManager',
      E19: 'Input lengths do not match',
      E20: 'Epoch end must be equal or greater than begin!',
      E21: 'Epoch size is not correct!',
      E22: 'Epoch is not continuous!',
      E23: 'projectIds and snapshotCids length mismatch!',
      E24: 'projectIds and snapshotCids length cannot be zero!',
      E25: 'Snapshot for this project and epoch already exists!',
      E26: 'batch ID does not belong to epoch ID',
      E39: 'Batch submissions completed for this epoch',
    })
  })

  test('the table lists exactly the codes that the sources raise', () => {
    const raised = globSync('contracts/src/**/*.sol', { cwd: ROOT }).flatMap(
      (file) => readFileSync(join(ROOT, file), 'utf8').match(/(?<=")E\d\d(?=")/g) ?? [],
    )
    expect(Object.keys(codes).sort()).toEqual([...new Set(raised)].sort())
  })
})
