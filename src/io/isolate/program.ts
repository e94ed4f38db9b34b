import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, extname, join, relative, resolve, sep } from 'node:path'
import vm from 'node:vm'

/** One file of a program: its text without types, every line where it was. */
export interface Source {
  readonly text: string
  /** What stands in an import, and the file that is meant. */
  readonly imports: Readonly<Record<string, string>>
}
/** By name: the folder's own as they lie there, Weft's as `weft:domain/compute.ts`. In an order in which what is imported may come later. */
export type Sources = Readonly<Record<string, Source>>

/** The file of a folder that exports its compute set. */
export const ENTRY_FILE = 'compute.ts'
/** Enough for any set, and a bound for who imports himself into the file system. */
const FILES_MAX = 200
const SOURCE_BYTES_MAX = 4 * 1024 * 1024

const WEFT = join(import.meta.dirname, '../..')
const OURS = 'weft:'
export const HARDEN = `${OURS}io/isolate/harden.ts`
export const SERVE = `${OURS}io/isolate/serve.ts`
const COMPUTE = `${OURS}domain/compute.ts`

/** Reads a folder's program from `compute.ts` on, with what it imports and what serves it. Or all that is wrong with it, by file and line. */
export function readProgram(folder: string): { readonly sources: Sources } | { readonly problems: readonly string[] } {
  const sources: Record<string, Source> = {}
  const problems: string[] = []
  const names = [ENTRY_FILE, HARDEN, SERVE]
  for (const name of names) {
    if (sources[name] !== undefined) continue
    if (Object.keys(sources).length >= FILES_MAX) return { problems: [`has more than ${FILES_MAX} files`] }
    sources[name] = { text: '', imports: {} }
    const text = textOf(name, folder, problems)
    if (text === undefined) continue
    const imports: Record<string, string> = {}
    for (const specifier of requestsOf(text, name, problems)) {
      const meant = fileMeant(specifier, name, folder)
      if (meant === undefined)
        problems.push(
          `${name}:${lineOf(text, specifier)}: imports '${specifier}': a compute imports 'weft/compute' and .ts files of its folder`,
        )
      else imports[specifier] = meant
    }
    sources[name] = { text, imports }
    names.push(...Object.values(imports))
  }
  return problems.length > 0 ? { problems } : { sources }
}

/** Weft's own files are named as its sources are, also where a package has them as JavaScript. */
const BUILT = extname(import.meta.filename)
const pathOf = (name: string, folder: string): string =>
  name.startsWith(OURS) ? join(WEFT, name.slice(OURS.length)).replace(/\.ts$/, BUILT) : join(folder, name)

function textOf(name: string, folder: string, problems: string[]): string | undefined {
  try {
    const text = readFileSync(pathOf(name, folder), 'utf8')
    if (text.length > SOURCE_BYTES_MAX) problems.push(`${name}: is longer than ${SOURCE_BYTES_MAX} bytes`)
    else return stripTypeScriptTypes(text)
  } catch (failure) {
    const { code, message, stack } = failure as NodeJS.ErrnoException
    // Where it stumbled stands in the first line of the stack, and nowhere else.
    const line = /^:(\d+)\n/.exec(stack ?? '')?.[1]
    if (line !== undefined) problems.push(`${name}:${line}: ${message}`)
    else problems.push(`${name}: ${code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code ?? message})`}`)
  }
  return undefined
}

function requestsOf(text: string, name: string, problems: string[]): readonly string[] {
  // Names of Weft may hold such words; what a set may do is looked at here, before any of it runs.
  const dynamic = name.startsWith(OURS) ? -1 : text.search(/\bimport\s*\(/)
  if (dynamic >= 0) problems.push(`${name}:${lineAt(text, dynamic)}: import(…) is not there: a compute imports at its beginning`)
  try {
    const module = new vm.SourceTextModule(text, { identifier: name })
    if (module.hasTopLevelAwait()) problems.push(`${name}: awaits outside of any function`)
    return module.moduleRequests.map(({ specifier }) => specifier)
  } catch (failure) {
    problems.push(`${name}: ${failure instanceof Error ? failure.message : String(failure)}`)
    return []
  }
}

function fileMeant(specifier: string, importer: string, folder: string): string | undefined {
  const isOurs = importer.startsWith(OURS)
  if (!isOurs && specifier === 'weft/compute') return COMPUTE
  if (isOurs && specifier.startsWith('#')) return `${OURS}${specifier.slice(1)}`
  if (!specifier.startsWith('./') && !specifier.startsWith('../')) return undefined
  const home = isOurs ? WEFT : resolve(folder)
  const path = resolve(dirname(pathOf(importer, folder)), isOurs ? specifier.replace(/\.js$/, '.ts') : specifier)
  if (!path.startsWith(`${home}${sep}`) || !path.endsWith('.ts')) return undefined
  return `${isOurs ? OURS : ''}${relative(home, path)}`
}

/** Where a text of a folder's own files stands in quotes first: `compute.ts:12`. */
export function placeIn(sources: Sources, word: string): string | undefined {
  for (const [name, { text }] of Object.entries(sources)) {
    if (name.startsWith(OURS)) continue
    const at = ["'", '"', '`'].map((quote) => text.indexOf(`${quote}${word}${quote}`)).filter((index) => index >= 0)
    if (at.length > 0) return `${name}:${lineAt(text, Math.min(...at))}`
  }
  return undefined
}

const lineOf = (text: string, specifier: string): number =>
  lineAt(text, Math.max(text.indexOf(`'${specifier}'`), text.indexOf(`"${specifier}"`), 0))
const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length
