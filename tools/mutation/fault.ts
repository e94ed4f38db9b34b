import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { applyPatch, parsePatch, type StructuredPatch } from 'diff'

/**
 * A fault of the kind that a tired developer makes, kept as a patch in `test/faults/<area>`. Its first line says what is broken, its second
 * which promise that breaks; then comes a unified diff.
 */
export interface Fault {
  /** `<area>/<file name without its end>`. */
  readonly name: string
  readonly sentence: string
  readonly breaks: string
  /** The patched file, from the root of the project. */
  readonly path: string
  readonly patch: StructuredPatch
}

/** Every fault below the folder, by name. Throws, with the file's name, over one that is not of this form. */
export function readFaults(folder: string): readonly Fault[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.patch'))
    .sort()
    .map((file) => parseFault(relative('.', file).replace(/\.patch$/, ''), readFileSync(join(folder, file), 'utf8')))
}

function parseFault(name: string, text: string): Fault {
  const [sentence = '', second = ''] = text.split('\n')
  const breaks = /^breaks: (.+)$/.exec(second)?.[1]
  const patches = parsePatch(text.slice(Math.max(0, text.indexOf('\n--- ') + 1)))
  const [patch] = patches
  const path = patch?.newFileName?.replace(/^b\//, '')
  if (!/^.+\.$/.test(sentence) || breaks === undefined) throw new Error(`${name}: a fault begins with a sentence, then "breaks: …"`)
  if (patches.length !== 1 || patch === undefined || path === undefined || patch.hunks.length === 0)
    throw new Error(`${name}: a fault is the unified diff of one file`)
  return { name, sentence, breaks, path, patch }
}

/** The file's text with the fault in it. Throws when the lines that it changes are no longer there: then the fault wants to be made anew. */
export function faultyText(root: string, fault: Fault): string {
  const text = readFileSync(join(root, fault.path), 'utf8')
  const faulty = applyPatch(text, fault.patch, { fuzzFactor: 0 })
  if (faulty === false) throw new Error(`${fault.name} no longer applies to ${fault.path}`)
  return faulty
}

/** Plants the fault in the tree below `root`; what comes back takes it out again. */
export function plant(root: string, fault: Fault): () => void {
  const path = join(root, fault.path)
  const sound = readFileSync(path, 'utf8')
  writeFileSync(path, faultyText(root, fault))
  return () => writeFileSync(path, sound)
}
