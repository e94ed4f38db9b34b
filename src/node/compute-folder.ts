import { join, resolve } from 'node:path'
import { z } from 'zod'
import type {
  AggregateCompute,
  ComputeLimits,
  ComputeSet,
  ComputeSetModule,
  Preload,
  SchemaResult,
  SnapshotCompute,
} from '#domain/compute.ts'
import { isWeftError, WeftError } from '#domain/errors.ts'
import { type Isolate, openIsolate } from '#io/isolate/isolate.ts'
import type { Part } from '#io/isolate/messages.ts'
import { NO_OBJECT, problemText } from './computes.ts'
import { textOf, unreadInWords } from './given-file.ts'

/** A compute set of a folder outside this program (docs/BUILDING.md). What it computes it computes in an isolate. */
export interface FolderSet extends ComputeSetModule {
  readonly folder: string
  /** Where a project type or a task type stands in its files: `…/compute.ts:12`. */
  placeOf(word: string): string
  /** Ends its thread. */
  stop(): Promise<void>
}

/** The configuration that a folder brings for its own market. */
const CONFIG_FILE = 'config.json'
/** The file that a set's problems are told of. */
const ENTRY = 'compute.ts'

/** Loads the sets of several folders. Throws `SETTINGS_INVALID` with all that is wrong with any of them, by file and line. */
export function openComputeFolders(folders: readonly string[]): readonly FolderSet[] {
  const problems: string[] = []
  const sets = folders.flatMap((folder) => {
    try {
      return [openComputeFolder(folder)]
    } catch (failure) {
      if (!isWeftError(failure, 'SETTINGS_INVALID')) throw failure
      problems.push(...[failure.facts.problems].flat().map(String))
      return []
    }
  })
  if (problems.length === 0) return sets
  for (const set of sets) void set.stop()
  throw new WeftError('SETTINGS_INVALID', { problems })
}

/** Throws `SETTINGS_INVALID`. */
export function openComputeFolder(given: string): FolderSet {
  const folder = resolve(given)
  const isolate = openIsolate(folder)
  if ('problems' in isolate) throw invalid(folder, isolate.problems)
  try {
    const { name, version } = described(folder, isolate)
    return {
      name,
      version,
      folder,
      placeOf: (word) => join(folder, isolate.placeOf(word) ?? ENTRY),
      config: { '~standard': { version: 1, validate: (config) => validate(folder, isolate, config) } },
      create: (config) => setOf(folder, isolate, config),
      stop: () => isolate.stop(),
    }
  } catch (failure) {
    void isolate.stop()
    throw failure
  }
}

/** What stands in a folder's `config.json`; without the file there is nothing to configure. Throws `SETTINGS_INVALID`. */
export function configIn({ folder }: FolderSet): unknown {
  const path = join(folder, CONFIG_FILE)
  let text: string
  try {
    text = textOf(path)
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new WeftError('SETTINGS_INVALID', { problems: [unreadInWords(path, failure)] }, failure)
  }
  try {
    return JSON.parse(text)
  } catch (failure) {
    throw new WeftError('SETTINGS_INVALID', { problems: [`${path} cannot be read as JSON: ${(failure as Error).message}`] }, failure)
  }
}

const invalid = (folder: string, problems: readonly string[]) =>
  new WeftError('SETTINGS_INVALID', { problems: problems.map((problem) => join(folder, problem)) })

const WORD = z.string({ error: 'is not a text' }).min(1, { error: 'is empty' })
const WORDS = z.array(WORD, { error: 'is not a list of texts' })
const LIST = { error: 'is not a list' }

const DESCRIBED = z.object(
  {
    name: WORD.regex(/^[\w.-]+$/, { error: 'is made of other characters than letters, digits, dots and dashes' }),
    version: WORD,
    hasConfig: z.literal(true, { error: 'is no form of a configuration: `configOf(…)` makes one' }),
    hasCreate: z.literal(true, { error: 'is no function' }),
  },
  { error: 'is no compute set: export one as default' },
)
const FIELD_NAMES: Readonly<Record<string, string>> = { hasConfig: 'config', hasCreate: 'create' }

function described(folder: string, isolate: Isolate): z.infer<typeof DESCRIBED> {
  const outcome = isolate.now({ do: 'describe' })
  if (!outcome.ok) throw invalid(folder, [placed(outcome.message)])
  const form = DESCRIBED.safeParse(outcome.value)
  if (form.success) return form.data
  const named = form.error.issues.map((issue) => ({ ...issue, path: issue.path.map((key) => FIELD_NAMES[String(key)] ?? key) }))
  throw invalid(
    folder,
    named.map((issue) => `${ENTRY}: ${issue.path.length === 0 ? 'the default export ' : ''}${problemText(issue)}`),
  )
}

/** A message that names its file, or else stands for the set. */
const placed = (message: string): string => (/^[\w./-]+\.ts:/.test(message) ? message : `${ENTRY}: ${message}`)

function validate(folder: string, isolate: Isolate, config: unknown): SchemaResult<unknown> {
  const outcome = isolate.now({ do: 'validate', config })
  if (!outcome.ok) return { issues: [{ message: join(folder, placed(outcome.message)) }] }
  return outcome.value as SchemaResult<unknown>
}

const NO_FUNCTION = { error: 'is no function' }
const WHOLE = z.literal(true, NO_FUNCTION)
/** Of a function it is only said that there is one: what is left of the member is none. */
const FUNCTION = z.undefined(NO_FUNCTION).optional()
const PROJECT = { projectType: WORD, description: z.string({ error: 'is not a text' }).optional(), isWhole: WHOLE }
const most = (min: number, expected: string) => z.int({ error: expected }).min(min, { error: expected }).optional()
const LIMITS = z.strictObject(
  {
    timeMs: most(1, 'is no number of milliseconds'),
    // A thread that has less does not start.
    memoryMb: most(16, 'is no number of megabytes from 16 on'),
    requests: most(0, 'is no number of requests'),
    snapshotBytes: most(1, 'is no number of bytes'),
  },
  NO_OBJECT,
)
const PARTS = z.object({
  limits: LIMITS.optional(),
  preloads: z.array(z.looseObject({ taskType: WORD, isWhole: WHOLE }), LIST),
  snapshots: z.array(
    z.looseObject({
      ...PROJECT,
      isBulk: z.boolean(),
      isJoining: z.boolean(),
      joining: FUNCTION,
      all: FUNCTION,
      dataSources: WORDS,
      preloads: WORDS,
    }),
    LIST,
  ),
  aggregates: z.array(
    z.looseObject({
      ...PROJECT,
      aggregateOn: z.enum(['SingleProject', 'MultiProject'], { error: 'is neither SingleProject nor MultiProject' }),
      baseProjectTypes: WORDS,
    }),
    LIST,
  ),
})
const WORK_OF: Readonly<Record<string, string>> = { preloads: 'preload', snapshots: 'compute', aggregates: 'aggregate' }

/** Each part as it is declared, its work done in the isolate. Throws `SETTINGS_INVALID`. */
function setOf(folder: string, isolate: Isolate, config: unknown): ComputeSet {
  const outcome = isolate.now({ do: 'create', config })
  if (!outcome.ok) throw invalid(folder, [placed(outcome.message)])
  const form = PARTS.safeParse(outcome.value)
  if (!form.success) {
    const named = form.error.issues.map((issue) => ({
      ...issue,
      path: issue.path.map((key) => (key === 'isWhole' ? (WORK_OF[String(issue.path[0])] ?? key) : key)),
    }))
    throw invalid(
      folder,
      named.map((issue) => `${ENTRY}: ${problemText(issue)}`),
    )
  }
  const { preloads, snapshots, aggregates, limits } = form.data as typeof form.data & { readonly limits?: ComputeLimits }
  const work = (part: Part, index: number) => async (input: object) =>
    (await isolate.run({ part, index, config }, { ...input }, limits)) as never
  return {
    preloads: preloads.map((part, index): Preload => ({ ...part, preload: work('preloads', index) })),
    // Of the rest of a part only its author and the domain know: it goes on as it is declared.
    snapshots: snapshots.map((part, index) => {
      const all = part.isBulk ? { all: work('bulks', index) } : {}
      const joining = part.isJoining ? { joining: work('joinings', index) } : {}
      return { ...part, compute: work('snapshots', index), ...all, ...joining } as unknown as SnapshotCompute
    }),
    aggregates: aggregates.map((part, index) => ({ ...part, aggregate: work('aggregates', index) }) as unknown as AggregateCompute),
    limits,
  }
}
