import { detailOf, WeftError } from '#domain/errors.ts'
import type { BlockNumber } from '#domain/ids.ts'
import { honestMajority } from '#domain/quorum.ts'
import type { AnchorChain } from '#io/chain/port.ts'
import { openAnchor, type Proof, type VerifyPlaces, type VerifyRequest, verifyOn } from './verify.ts'

/** One of several endpoints, each asked by itself, and whether it says what is agreed on. */
export interface EndpointSaid {
  /** Scheme and host: what may be printed. */
  readonly endpoint: string
  readonly ok: boolean
  readonly detail: string
}

/** Endpoints between commas, each as `createRpc` takes one. */
export const endpointsIn = (rpcUrl: string): string[] => rpcUrl.split(',').map((url) => url.trim())

/** Scheme and host, and a number where several have them. */
function namesOf(urls: readonly string[]): string[] {
  const hosts = urls.map((url) => (URL.canParse(url) ? new URL(url).origin : 'an endpoint'))
  return hosts.map((host, index) => (hosts.indexOf(host) === hosts.lastIndexOf(host) ? host : `${host} (number ${index + 1})`))
}

/** Endpoints of which an error repeats what they said. */
const TOLD_MAX = 5

/** Who reads JSON sees nothing of what was told endpoint by endpoint: the error says it again, those that are left out first. */
export function aboutAll(about: string, said: readonly EndpointSaid[]): string {
  const inOrder = [...said].sort((left, right) => Number(left.ok) - Number(right.ok)).slice(0, TOLD_MAX)
  return `${about}: ${inOrder.map(({ endpoint, detail }) => `${endpoint} ${detail}`).join('; ')}`
}

interface Verdict {
  readonly proof: Proof
  readonly data: Uint8Array | undefined
  /** Of a block that all have. */
  readonly blockHash: string
}

export interface Agreement {
  /** How many must say the same: more than half, unless it is said. */
  readonly agree: number | undefined
  onEndpoint(said: EndpointSaid): void
}

/**
 * Proves a data point with each endpoint by itself, and gives what so many of them say alike: of a block that all have, of the data point and of
 * each step. One that says otherwise, or nothing, is told of. Throws `ENDPOINTS_DISAGREE`.
 */
export async function verifyAtEach(places: VerifyPlaces, request: VerifyRequest, { agree, onEndpoint }: Agreement): Promise<Proof> {
  const urls = endpointsIn(places.anchorRpcUrl)
  const names = namesOf(urls)
  const opened = await Promise.all(urls.map((anchorRpcUrl) => unlessFailed(() => openWithHead({ ...places, anchorRpcUrl }))))
  const common = Math.min(...opened.flatMap((each) => ('failure' in each ? [] : [each.value.head]))) as BlockNumber
  const verdicts = await Promise.all(
    opened.map((each) => ('failure' in each ? each : unlessFailed(() => verdictOf(each.value.chain, common, request)))),
  )
  const keys = verdicts.map((each) => ('failure' in each ? undefined : keyOf(each.value)))
  const agreed = mostOf(keys.filter((key) => key !== undefined))
  const said = verdicts.map((verdict, index): EndpointSaid => {
    const [endpoint, ok] = [names[index] as string, keys[index] !== undefined && keys[index] === agreed]
    return { endpoint, ok, detail: 'failure' in verdict ? verdict.failure : inWords(verdict.value, common) }
  })
  for (const each of said) onEndpoint(each)
  const agreeing = keys.filter((key) => key !== undefined && key === agreed).length
  const needed = agree ?? honestMajority(urls.length)
  const index = keys.indexOf(agreed)
  const winner = verdicts[index]
  if (agreeing < needed || winner === undefined || 'failure' in winner)
    throw new WeftError('ENDPOINTS_DISAGREE', {
      about: aboutAll(`epoch ${request.epochId} of ${request.projectId}`, said),
      agreeing,
      needed,
    })
  const { proof, data } = winner.value
  for (const step of proof.steps) request.onStep(step)
  if (data !== undefined) request.onData(data)
  return proof
}

type Tried<Value> = { readonly value: Value } | { readonly failure: string }

/** An endpoint that fails is one that does not agree. */
async function unlessFailed<Value>(work: () => Promise<Value>): Promise<Tried<Value>> {
  try {
    return { value: await work() }
  } catch (failure) {
    return { failure: detailOf(failure) }
  }
}

async function openWithHead(places: VerifyPlaces): Promise<{ readonly chain: AnchorChain; readonly head: BlockNumber }> {
  const chain = await openAnchor(places)
  return { chain, head: (await chain.head()).number }
}

async function verdictOf(chain: AnchorChain, common: BlockNumber, request: VerifyRequest): Promise<Verdict> {
  let data: Uint8Array | undefined
  const onData = (bytes: Uint8Array): void => {
    data = bytes
  }
  const [block, proof] = await Promise.all([chain.block(common), verifyOn(chain, { ...request, onData, onStep: () => undefined })])
  return { proof, data, blockHash: block?.hash ?? 'none' }
}

/** What has to be alike. How many have attested so far may differ while they do. */
function keyOf({ blockHash, proof }: Verdict): string {
  const told = ['reported', 'cid', 'batch', 'submissions_root', 'cids_root']
  const steps = proof.steps.map(({ step, ok, detail }) => [step, ok, told.includes(step) ? detail : ''])
  return JSON.stringify([blockHash, proof.status, steps])
}

function mostOf(keys: readonly string[]): string | undefined {
  const counts = [...Map.groupBy(keys, (key) => key)].sort(([, left], [, right]) => right.length - left.length)
  return counts[0]?.[0]
}

function inWords({ blockHash, proof }: Verdict, common: number): string {
  const outcome = proof.ok ? 'verified' : `not verified: ${proof.failed}`
  return `${proof.status ?? 'untold'}, ${outcome}; ${proof.steps[0]?.detail ?? ''}; block ${common} is ${blockHash}`
}
