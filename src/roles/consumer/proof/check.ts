import { isWeftError } from '#domain/errors.ts'
import { PROOF, PROOF_FORMAT, PROOF_VERSION, type Proof } from '#wire/proof.ts'
import { isRecord } from '#wire/untrusted.ts'
import { failed, held, type Link } from '#roles/consumer/link.ts'
import { headerOf } from './header.ts'
import * as links from './links.ts'
import { bytesOf, type Facts, type Finding, type Trust } from './links.ts'
import { createMarketReader } from './market.ts'
import { batchBytes } from './record.ts'
import { createState, type Lacking, type NodeOf, nodesByHash } from './state.ts'

export type { Trust }

/** The links of a proof, in order; each stands on the ones before (P1). */
export const CHECK_STEPS = [
  'form',
  'asked',
  'block',
  'contract',
  'epoch',
  'manifest',
  'batch',
  'project',
  'cids_root',
  'final',
  'attested',
  'cid',
] as const
export type CheckStep = (typeof CHECK_STEPS)[number]

export interface CheckResult extends Link<CheckStep> {
  /** With the last step, where it holds: the data. */
  readonly data?: Uint8Array
}

/** Problems of the form that are told. */
const PROBLEMS_MAX = 5

/**
 * Checks a proof, step by step, and ends after the first that fails: data are proved when the last step, `cid`, holds. It asks nobody anything, and
 * never throws, whatever `proof` is: parsed JSON, of which nothing is believed.
 */
export async function* checkProof(proof: unknown, trust: Trust): AsyncGenerator<CheckResult, void> {
  const parsed = parseProof(proof)
  if (typeof parsed === 'string') return yield failed('form', parsed)
  yield held('form', `version ${PROOF_VERSION}, ${parsed.nodes.length} nodes, ${parsed.snapshot.length} characters of data`)
  const nodes = nodesByHash(parsed.nodes.map(bytesOf))
  yield* followProof(parsed, trust, { nodeOf: (hash) => nodes.get(hash) })
}

/** The proof, or what is wrong with its form. */
function parseProof(proof: unknown): Proof | string {
  if (!isRecord(proof)) return 'it is no proof: no JSON object, or not the whole of one'
  if (proof['format'] !== PROOF_FORMAT) return `it is no proof: \`format\` is not ${PROOF_FORMAT}`
  if (proof['version'] !== PROOF_VERSION)
    return `version ${JSON.stringify(proof['version'])?.slice(0, 40)} of the form, and only version ${PROOF_VERSION} is known here`
  const { success, data, error } = PROOF.safeParse(proof)
  if (success) return headerOf(bytesOf(data.header)) === undefined ? 'header: is no RLP of a header' : data
  return error.issues
    .slice(0, PROBLEMS_MAX)
    .map(({ path, message }) => `${path.join('.') || 'the proof'}: ${message}`)
    .join('; ')
}

/** Where the nodes of a proof are: in the proof, or with an endpoint while it is made. */
export interface NodeSource {
  readonly nodeOf: NodeOf
  readonly fetchLacking?: (lacking: Lacking) => Promise<void>
}

/** All steps but `form`, of a proof that has it. Throws what `fetchLacking` throws. */
export async function* followProof(proof: Proof, trust: Trust, { nodeOf, fetchLacking }: NodeSource): AsyncGenerator<CheckResult, void> {
  const header = headerOf(bytesOf(proof.header))
  const state = createState(header?.stateRoot ?? '', nodeOf, fetchLacking)
  const market = createMarketReader(proof.dataMarket, state)
  const batch = () => market.batch(proof.epochId, proof.batchNumber)
  const facts: Facts = { proof, header, state, market, record: batchBytes(bytesOf(proof.record)), batch }
  const chain: readonly (readonly [CheckStep, () => Finding | Promise<Finding>])[] = [
    ['asked', () => links.asked(proof, trust)],
    ['block', () => links.block(facts, trust)],
    ['contract', () => links.contract(facts)],
    ['epoch', () => links.epoch(facts)],
    ['manifest', () => links.manifest(facts)],
    ['batch', () => links.batchKept(facts)],
    ['project', () => links.project(facts)],
    ['cids_root', () => links.cidsRoot(facts)],
    ['final', () => links.final(facts)],
    ['attested', () => links.attested(facts)],
    ['cid', () => links.cid(proof)],
  ]
  for (const [step, check] of chain) {
    const found = await findingOf(check)
    if ('failed' in found) return yield failed(step, found.failed)
    yield { ...held(step, found.held), ...(found.data && { data: found.data }) }
  }
}

/** What the nodes do not prove is what is wrong. */
async function findingOf(check: () => Finding | Promise<Finding>): Promise<Finding> {
  try {
    return await check()
  } catch (failure) {
    if (!isWeftError(failure, 'STATE_UNPROVED')) throw failure
    return { failed: `${failure.facts.what} is not proved: ${failure.facts.detail}` }
  }
}
