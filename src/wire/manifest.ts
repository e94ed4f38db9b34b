/**
 * A market's manifest: what everybody in the market must do alike, as canonical JSON under a CID that the chain names (docs/MARKET.md).
 * The market's owner writes it; whoever fetches it trusts nothing of it but that it hashes to that CID.
 */

import { z } from 'zod'
import { BATCH_PROJECTS_MAX } from '#domain/batch.ts'
import type { JsonValue } from '#domain/compute.ts'
import { isWeftError, WeftError } from '#domain/errors.ts'
import type { ComputeSetChoice, MarketRules, Voting } from '#domain/market-rules.ts'
import { canonicalJson, parseCanonicalJson } from './canonical-json.ts'
import { isRecord } from './untrusted.ts'

/** The largest that is read; the computes' configuration of a market with thousands of pairs takes a quarter of it. */
export const MANIFEST_BYTES_MAX = 1024 * 1024
/** The only version there is. Another one has other rules: whoever does not know them must not guess. */
const MANIFEST_VERSION = 1
/** What a problem repeats of a bad value. */
const SHOWN_LENGTH = 60
/** Told of one file: enough to mend it, and no file makes a message without end. */
const PROBLEMS_MAX = 50

export interface Manifest {
  readonly version: typeof MANIFEST_VERSION
  readonly namespace: string
  readonly sourceChainId: number
  /** In source blocks. The contract has it as well: they must agree. */
  readonly epochSize: number
  readonly window: { readonly unit: MarketRules['windowUnit'] }
  readonly deadlineBufferMaxBlocks: number
  readonly tally: MarketRules['tally']
  readonly voting: Voting
  readonly availability: MarketRules['availability']
  readonly completeness: MarketRules['completeness']
  readonly batch: {
    readonly form: MarketRules['batchForm']
    readonly tree: Exclude<MarketRules['batchTree'], 'either'>
    readonly anchoring: MarketRules['anchoring']
    readonly projectsPerBatch: number
    readonly projectsPerSlotMax: number
  }
  readonly computes: readonly ComputeSetChoice[]
}

/** What is said of a value instead of zod's words. */
const but = (expected: string) => ({
  error: ({ input }: { readonly input?: unknown }) =>
    input === undefined ? `is missing: ${expected}` : `${shown(input)} is not ${expected}`,
})

function shown(value: unknown): string {
  const text = JSON.stringify(value, (_name, item: unknown) => (typeof item === 'bigint' ? Number(item) : item))
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text
}

/** In canonical JSON an integer is a `bigint`; 5.0 is none. */
function integer(min: number, max: number) {
  const said = but(`an integer from ${min} to ${max}`)
  return z.codec(z.bigint(said).min(BigInt(min), said).max(BigInt(max), said), z.number(), { decode: Number, encode: BigInt })
}

/** Characters of a project id that are no colon. */
const text = (form: RegExp, expected: string) => z.string(but(expected)).regex(form, but(expected))
const list = <Item extends z.core.SomeType>(item: Item, lengthMax: number) =>
  z.array(item, but('a list')).max(lengthMax, but(`a list of at most ${lengthMax}`))
const object = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `has ${issue.keys.map((key) => shown(key)).join(', ')}, which version ${MANIFEST_VERSION} does not have`
        : but('an object').error(issue),
  })

const NAMESPACE = text(/^[\x21-\x39\x3b-\x7e]{1,128}$/, 'a namespace: printable, without spaces and colons, at most 128 characters')
const PROJECT_TYPE = text(/^[\x21-\x7e]{1,128}$/, 'a project type: printable, without spaces, at most 128 characters')
const DATA_SOURCE = text(
  /^[\x21-\x39\x3b-\x40\x5b-\x7e]{1,128}$/,
  'a data source: as in project ids, in lower case, without spaces and colons',
)
const NAME = text(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a name: small letters, digits, dots and dashes, at most 64 characters')

const MANIFEST = object({
  version: z.codec(z.literal(1n, but('1')), z.literal(MANIFEST_VERSION), { decode: (): 1 => 1, encode: (): 1n => 1n }),
  namespace: NAMESPACE,
  sourceChainId: integer(1, Number.MAX_SAFE_INTEGER),
  epochSize: integer(1, 255),
  window: object({ unit: z.enum(['blocks', 'seconds'], but("'blocks' or 'seconds'")) }),
  deadlineBufferMaxBlocks: integer(0, 1_000_000),
  availability: z.enum(['required', 'none'], but("'required' or 'none'")),
  completeness: z.enum(['required', 'none'], but("'required' or 'none'")),
  tally: object({ minVotes: integer(0, 10_000), minShareBp: integer(0, 10_000) }),
  voting: z.union(
    [
      z.literal('open'),
      object({
        projectTypes: list(PROJECT_TYPE, 1_000).min(1, but('a list of at least one')),
        dataSources: list(DATA_SOURCE, 10_000).optional(),
        turns: object({ epochsInADay: integer(1, 1_000_000_000) }).optional(),
      }).refine(({ turns, dataSources = [] }) => turns === undefined || dataSources.length > 0, {
        path: ['turns'],
        error: 'needs dataSources: these are what slots take turns on',
      }),
    ],
    but("'open' or an object with projectTypes"),
  ),
  batch: object({
    form: z.enum(['json', 'dag-cbor'], but("'json' or 'dag-cbor'")),
    tree: z.enum(['cumulative', 'fresh'], but("'cumulative' or 'fresh'")),
    anchoring: z.enum(['projects', 'roots'], but("'projects' or 'roots'")),
    projectsPerBatch: integer(1, BATCH_PROJECTS_MAX),
    projectsPerSlotMax: integer(1, 100_000),
  }),
  computes: list(object({ name: NAME, version: NAME, config: z.custom<JsonValue>().optional() }), 100),
})

/** The manifest's bytes. The same manifest always gives the same bytes, and so the same CID. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  return canonicalJson(z.encode(MANIFEST, manifest as z.output<typeof MANIFEST>) as JsonValue)
}

/**
 * Reads what lies under a CID; `what` is how it is called in messages. Throws `MANIFEST_INVALID` with all that is wrong: other bytes than
 * `encodeManifest` writes are refused too, for of two equal keys another reader might take the other.
 */
export function parseManifest(bytes: Uint8Array, what: string): Manifest {
  const manifest = manifestOf(readJson(bytes, what), what)
  const written = encodeManifest(manifest)
  if (written.length !== bytes.length || written.some((byte, index) => byte !== bytes[index]))
    throw invalid(what, ['is not canonical: spaces, order of keys, a key twice, or a number written otherwise'])
  return manifest
}

/** What a new market of ours asks for, where its owner says nothing else: more than one vote, and more than a third. */
const DRAFT_DEFAULTS = {
  version: BigInt(MANIFEST_VERSION),
  window: { unit: 'blocks' },
  // The published configuration signs 500 blocks ahead (spec/02 §1); twice that leaves room for heads that differ.
  deadlineBufferMaxBlocks: 1_000n,
  tally: { minVotes: 2n, minShareBp: 3_334n },
  voting: 'open',
  availability: 'required',
  completeness: 'none',
  batch: { form: 'json', tree: 'cumulative', anchoring: 'projects', projectsPerBatch: 50n, projectsPerSlotMax: 1_000n },
  computes: [],
} as const satisfies JsonValue

/** What the contract of the market says by itself. */
export interface ManifestGround {
  readonly sourceChainId: number
  readonly epochSize: number
}

/**
 * Reads what a market's owner wrote: spaces and order are free, a byte order mark is no matter, no key may come twice, and whatever is left out is the contract's, or our default; only the
 * namespace must be there. Throws `MANIFEST_INVALID`.
 */
export function completeManifest(bytes: Uint8Array, ground: ManifestGround, what: string): Manifest {
  const given = readJson(withoutMark(bytes), what, { areKeysOnce: true })
  if (!isRecord(given)) return manifestOf(given, what)
  const defaults: { [key: string]: JsonValue } = {
    ...DRAFT_DEFAULTS,
    sourceChainId: BigInt(ground.sourceChainId),
    epochSize: BigInt(ground.epochSize),
  }
  const merged = Object.entries(given).map(([key, value]) => {
    const below = defaults[key]
    return [key, isRecord(value) && isRecord(below) ? { ...below, ...value } : value]
  })
  return manifestOf({ ...defaults, ...Object.fromEntries(merged) }, what)
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/** Some editors begin a file with it. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  return BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte) ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes
}

function readJson(bytes: Uint8Array, what: string, how?: { readonly areKeysOnce: boolean }): JsonValue {
  if (bytes.length > MANIFEST_BYTES_MAX) throw invalid(what, [`is ${bytes.length} bytes long, at most ${MANIFEST_BYTES_MAX} are read`])
  try {
    return parseCanonicalJson(bytes, how)
  } catch (failure) {
    if (!isWeftError(failure, 'JSON_MALFORMED')) throw failure
    throw invalid(what, [`is no JSON: ${failure.facts.detail}`], failure)
  }
}

function manifestOf(value: JsonValue, what: string): Manifest {
  // Before anything else: what another version asks for cannot be judged by this one's rules.
  if (isRecord(value) && 'version' in value && value['version'] !== BigInt(MANIFEST_VERSION))
    throw invalid(what, [`version: this program knows version ${MANIFEST_VERSION}, not ${shown(value['version'])}; a newer one may`])
  const read = MANIFEST.safeParse(value, { reportInput: true })
  if (!read.success) throw invalid(what, problemsOf(read.error.issues))
  const manifest = read.data as Manifest
  const names = manifest.computes.map(({ name }) => name)
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  if (twice.length > 0)
    throw invalid(
      what,
      twice.map((name) => `computes: ${name} comes twice`),
    )
  return manifest
}

function problemsOf(issues: readonly z.core.$ZodIssue[], at: readonly PropertyKey[] = []): string[] {
  return issues.flatMap((issue) => {
    const path = [...at, ...issue.path]
    // Of the forms that a value may have, the one it was meant to be.
    const meant = issue.code === 'invalid_union' && isRecord(issue.input) ? issue.errors.at(-1) : undefined
    return meant === undefined ? [`${pathOf(path)}${issue.message}`] : problemsOf(meant, path)
  })
}

function pathOf(path: readonly PropertyKey[]): string {
  const text = path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`)).join('')
  return text === '' ? '' : `${text}: `
}

function invalid(manifest: string, problems: readonly string[], cause?: unknown): WeftError<'MANIFEST_INVALID'> {
  const more = problems.length - PROBLEMS_MAX
  const told = more > 0 ? [...problems.slice(0, PROBLEMS_MAX), `and ${more} more`] : problems
  return new WeftError('MANIFEST_INVALID', { manifest, problems: told }, cause)
}

/** What roles follow of it. */
export function rulesOf({
  namespace,
  window,
  deadlineBufferMaxBlocks,
  tally,
  voting,
  availability,
  completeness,
  batch,
}: Manifest): MarketRules {
  const { form: batchForm, tree: batchTree, ...ofBatches } = batch
  const ofVotes = { namespace, windowUnit: window.unit, deadlineBufferMaxBlocks, tally, voting, availability, completeness }
  return { ...ofVotes, batchForm, batchTree, ...ofBatches }
}
