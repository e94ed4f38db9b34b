import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/**
 * What others build on, as the compiler declares it, comments left out: of each entry of the package all that its declarations lead to. Committed in
 * docs/interfaces, where a change of it is seen, and with it whether it breaks anybody.
 */

const ROOT = join(import.meta.dirname, '../..')
export const INTERFACES = join(ROOT, 'docs/interfaces')
export const ENTRIES = { 'weft-client': 'src/client/client.ts', 'weft-compute': 'src/domain/compute.ts' } as const
/** Codes come often, and have a page of their own: docs/ERRORS.md. */
const LEFT_OUT = ['ERRORS']

interface Module {
  /** By the name that it declares, of several where there are overloads. */
  readonly declared: Map<string, string[]>
  /** By local name, where it comes from. */
  readonly imported: Map<string, Source>
  /** By the name that others see. */
  readonly exported: Map<string, Source>
  /** All of whose exports are its own, too. */
  readonly all: string[]
}
interface Source {
  readonly module: string
  readonly name: string
}

/** The reports by name. Types are checked as a browser has them, where there is nothing of Node.js; what is wrong is printed, and thrown. */
export function interfaceReports(): ReadonlyMap<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-interfaces-'))
  try {
    const tsc = [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', import.meta.dirname, '--outDir', folder]
    execFileSync(process.execPath, tsc, { stdio: ['ignore', 'inherit', 'inherit'] })
    const modules = new Map<string, Module>()
    const moduleAt = (path: string): Module => {
      const module = modules.get(path) ?? parse(readFileSync(join(folder, path.replace(/\.ts$/, '.d.ts')), 'utf8'), path)
      modules.set(path, module)
      return module
    }
    return new Map(Object.entries(ENTRIES).map(([name, path]) => [name, reportOf(path, moduleAt)]))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function reportOf(entry: string, moduleAt: (path: string) => Module): string {
  const found = new Map<string, Map<string, string>>()
  const names = exportsOf(entry, moduleAt)
  const sources = [...names.values()]
  // A list that grows is walked to its end.
  for (const { module: path, name } of sources) {
    const there = found.get(path) ?? new Map<string, string>()
    found.set(path, there)
    if (there.has(name)) continue
    if (!path.endsWith('.ts')) {
      there.set(name, name)
      continue
    }
    const module = moduleAt(path)
    const texts = module.declared.get(name)
    if (texts === undefined) {
      const further = module.exported.get(name) ?? module.imported.get(name)
      if (further !== undefined) sources.push(further)
      continue
    }
    const text = LEFT_OUT.includes(name) ? `declare const ${name}: …` : texts.join('\n')
    there.set(name, text)
    for (const [word] of text.matchAll(/[A-Za-z_$][\w$]*/g)) {
      if (module.imported.has(word)) sources.push(module.imported.get(word) as Source)
      else if (module.declared.has(word)) sources.push({ module: path, name: word })
    }
  }
  const parts = [...found].sort(([left], [right]) => (left < right ? -1 : 1)).flatMap(([path, there]) => partOf(path, there))
  return `${[`// Exported: ${[...names.keys()].sort().join(', ')}`, ...parts].join('\n\n')}\n`
}

function partOf(path: string, declared: ReadonlyMap<string, string>): string[] {
  if (declared.size === 0) return []
  const sorted = [...declared].sort(([left], [right]) => (left < right ? -1 : 1))
  if (!path.endsWith('.ts')) return [`// ${path}: ${sorted.map(([name]) => name).join(', ')}`]
  return [`// ${path}\n${sorted.map(([, text]) => text).join('\n')}`]
}

function exportsOf(path: string, moduleAt: (path: string) => Module): ReadonlyMap<string, Source> {
  const { exported, all } = moduleAt(path)
  return new Map([...all.flatMap((other) => [...exportsOf(other, moduleAt)]), ...exported])
}

const DECLARATION = /^(export )?(?:declare )?(?:abstract )?(?:interface|type|const|let|function|class) ([\w$]+)/
const BEGINS = /^(?=(?:export|import|declare|interface|type|const|let|function|class|abstract)\b)/m

/** The compiler begins each statement at the left edge, and nothing else. */
function parse(text: string, path: string): Module {
  const module: Module = { declared: new Map(), imported: new Map(), exported: new Map(), all: [] }
  for (const statement of text.split(BEGINS).map((piece) => piece.trim())) {
    const from = /from ['"](.+?)['"];$/.exec(statement)?.[1]
    const place = from === undefined ? path : placeOf(from, path)
    const list = /^(import|export) (?:type )?\{([^}]*)\}/.exec(statement)
    const [, isExported, name] = DECLARATION.exec(statement) ?? []
    if (list !== null)
      for (const { outer, inner } of namesIn(list[2] ?? ''))
        if (list[1] === 'import') module.imported.set(outer, { module: place, name: inner })
        else if (from === undefined) module.exported.set(outer, module.imported.get(inner) ?? { module: path, name: inner })
        else module.exported.set(outer, { module: place, name: inner })
    else if (statement.startsWith('export * from')) module.all.push(place)
    else if (statement.startsWith('import ')) module.imported.set(/(\w+) from/.exec(statement)?.[1] ?? '', { module: place, name: '*' })
    else if (name !== undefined) {
      module.declared.set(name, [...(module.declared.get(name) ?? []), statement])
      if (isExported !== undefined) module.exported.set(name, { module: path, name })
    }
  }
  return module
}

/** `type A, B as C` */
function namesIn(list: string): { readonly outer: string; readonly inner: string }[] {
  const words = list.split(',').map((part) => part.trim().replace(/^type /, ''))
  return words.filter((word) => word !== '').map((word) => ({ inner: word.split(' as ')[0] ?? '', outer: word.split(' as ').at(-1) ?? '' }))
}

function placeOf(specifier: string, importer: string): string {
  if (specifier.startsWith('#')) return `src/${specifier.slice(1)}`
  return specifier.startsWith('.') ? join(dirname(importer), specifier) : specifier
}

if (import.meta.main) for (const [name, report] of interfaceReports()) writeFileSync(join(INTERFACES, `${name}.d.ts`), report)
