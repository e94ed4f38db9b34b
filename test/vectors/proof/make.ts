// Makes the vectors of docs/PROOF.md anew, on a chain of its own with the contracts as they are: `node test/vectors/proof/make.ts`. Needed when
// the code of a market's desk has changed. Everything in them changes with the time of day.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProjectId } from '#domain/ids.ts'
import { systemClock } from '#io/clock/system.ts'
import { BY_PROJECTS, BY_ROOTS, MANIFEST_CID, NEVER, openFinalChain, PROJECTS } from '#roles/consumer/proof/final.test-chain.ts'
import { makeProof } from '#roles/consumer/proof/make.ts'
import type { Proof } from '#wire/proof.ts'

const world = await openFinalChain()
const make = (epochId: typeof BY_PROJECTS) =>
  makeProof({ projectId: PROJECTS[8] as ProjectId, epochId, signal: NEVER }, { ...world, clock: systemClock })
const [projects, roots] = [await make(BY_PROJECTS), await make(BY_ROOTS)]
const pending = await world.lie({ ...projects, ...(await world.pendingWords()) })
const { hash: blockHash } = await world.states.header()
const { dataMarket, chainId: anchorChainId } = world.chain
await world.stop()

/** With its last digit another one. */
const flipped = (text: string): string => text.slice(0, -1) + (text.endsWith('0') ? '1' : '0')
const swapped = (list: readonly string[]): string[] => [flipped(list[0] as string), ...list.slice(1)]
const OTHER = `0x${'11'.repeat(20)}`

interface Case {
  readonly name: string
  readonly on: 'projects' | 'roots' | 'pending'
  /** Fields of the proof that are others; `null` under `without` a field that is left out. */
  readonly set?: Readonly<Record<string, unknown>>
  readonly without?: string
  /** What is trusted instead. */
  readonly trust?: Readonly<Record<string, unknown>>
  readonly failsAt: string
}

const by = (on: Case['on'], set: Readonly<Record<string, unknown>>, failsAt: string, name = Object.keys(set)[0] as string): Case => ({
  name,
  on,
  set,
  failsAt,
})
/** Of what the caller does not say. */
const believed = (made: Case, ...trust: readonly string[]): Case => ({
  ...made,
  name: `${made.name}, believed`,
  trust: Object.fromEntries(trust.map((field) => [field, made.set?.[field]])),
})

const cases: Case[] = [
  by('projects', { format: 'proof' }, 'form'),
  by('projects', { version: 2 }, 'form'),
  by('projects', { more: 1 }, 'form', 'a field that the form does not have'),
  { name: 'a field is lacking', on: 'projects', without: 'nodes', failsAt: 'form' },
  by('projects', { record: `${projects.record}0` }, 'form', 'half a byte'),
  by('projects', { anchorChainId: 1 }, 'asked'),
  by('projects', { dataMarket: OTHER }, 'asked'),
  believed(by('projects', { dataMarket: OTHER }, 'contract'), 'dataMarket'),
  by('projects', { projectId: PROJECTS[0] }, 'asked'),
  believed(by('projects', { projectId: PROJECTS[0] }, 'project'), 'projectId'),
  believed(by('roots', { projectId: PROJECTS[0] }, 'project'), 'projectId'),
  by('projects', { epochId: BY_ROOTS }, 'asked'),
  believed(by('projects', { epochId: BY_ROOTS }, 'epoch'), 'epochId'),
  { name: 'another block is trusted', on: 'projects', trust: { blockHash: flipped(blockHash) }, failsAt: 'block' },
  by('projects', { header: flipped(projects.header) }, 'block'),
  by('projects', { protocolState: OTHER }, 'contract'),
  by('projects', { nodes: [] }, 'contract'),
  by('projects', { batchNumber: 2 }, 'epoch'),
  by('projects', { manifest: { cid: MANIFEST_CID, fromEpochId: 1 } }, 'manifest'),
  by('roots', { manifest: null }, 'manifest'),
  by('roots', { manifest: { cid: MANIFEST_CID, fromEpochId: 1 } }, 'manifest', 'manifest.fromEpochId'),
  by('roots', { manifest: { cid: projects.batchCid, fromEpochId: 2 } }, 'manifest', 'manifest.cid'),
  by('projects', { batchCid: projects.snapshotCid }, 'batch'),
  by('roots', { batchCid: projects.batchCid }, 'batch'),
  by('projects', { record: flipped(projects.record) }, 'batch'),
  by('roots', { record: projects.record }, 'batch'),
  by('projects', { index: projects.index - 1 }, 'project'),
  by('roots', { index: roots.index - 1 }, 'project'),
  by('projects', { projectSiblings: roots.projectSiblings }, 'project'),
  by('roots', { projectSiblings: null }, 'project'),
  by('roots', { projectSiblings: swapped(roots.projectSiblings ?? []) }, 'project', 'projectSiblings, one digit'),
  by('projects', { snapshotCid: roots.snapshotCid }, 'cids_root'),
  by('roots', { snapshotCid: projects.snapshotCid }, 'cids_root'),
  by('projects', { cidSiblings: swapped(projects.cidSiblings) }, 'cids_root'),
  by('roots', { cidSiblings: swapped(roots.cidSiblings) }, 'cids_root'),
  by('projects', { snapshot: roots.snapshot }, 'cid'),
  by('projects', { snapshot: '*' }, 'cid', 'snapshot that is no base64'),
  { name: 'all of it is true, and the batch is not final', on: 'pending', trust: { epochId: pending.epochId }, failsAt: 'final' },
]

const trusted = ({ projectId, epochId }: Proof) => ({ blockHash, dataMarket, anchorChainId, projectId, epochId })
const vectors = {
  origin: 'Made by test/vectors/proof/make.ts on anvil with the contracts of this repository.',
  proofs: Object.fromEntries(Object.entries({ projects, roots, pending }).map(([name, proof]) => [name, { trust: trusted(proof), proof }])),
  cases: cases.map((each) => ({ ...each, name: `${each.name} (${each.on})` })),
}
writeFileSync(join(import.meta.dirname, 'proofs.json'), `${JSON.stringify(vectors, null, 1)}\n`)
process.stdout.write(`wrote ${cases.length} cases\n`)
