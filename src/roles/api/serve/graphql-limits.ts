import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { PAGE_LENGTH, PAGE_LENGTH_MAX } from '#wire/api.ts'

/** What a query may ask for, worked out before anything else looks at it: checking whether fields fit together is itself work without end. */

/** Words and signs of a query. */
export const TOKENS_MAX = 1_000
/** A list of points of a list of projects is 4 deep; the rest is for readers that nest fragments. */
const DEPTH_MAX = 8
/** Fields at the top, aliases included: each is a question of its own. */
const ROOT_FIELDS_MAX = 10
/** Entries that lists may bring together, by the limits that the query names. */
const ROWS_MAX = 10_000
/** Fields that an answer may have. */
const FIELDS_MAX = 500_000

/** Fields with a page of entries; `batches` has those of an epoch, as a rule a handful. */
const LISTS: ReadonlySet<string> = new Set(['projects', 'points', 'series', 'epochs', 'slots', 'submissions', 'outvoted', 'votes'])

/**
 * What there is to know of the types comes in lists as well, about this long: as aliases within aliases, a few kilobytes of query would be a hundred million
 * fields.
 */
const TYPE_LISTS: ReadonlyMap<string, number> = new Map([
  ['types', 40],
  ['fields', 20],
  ['args', 6],
  ['enumValues', 20],
  ['inputFields', 1],
  ['interfaces', 1],
  ['possibleTypes', 1],
  ['directives', 6],
])

export interface Weight {
  readonly rows: number
  readonly fields: number
  readonly depth: number
}

/** Names of the fields of the document. Throws `GraphQLError` when it asks for more than anybody may. */
export function checkLimits(document: DocumentNode, variables: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const operations = document.definitions.filter((each): each is OperationDefinitionNode => each.kind === Kind.OPERATION_DEFINITION)
  const fragments = new Map(
    document.definitions.flatMap((each) => (each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each] as const] : [])),
  )
  const scale = createScale(fragments, variables)
  for (const { selectionSet } of operations) {
    const roots = scale.width(selectionSet)
    if (roots > ROOT_FIELDS_MAX) throw tooMuch(`${roots} questions at once, at most ${ROOT_FIELDS_MAX}`)
    const { rows, fields, depth } = scale.weigh(selectionSet)
    if (depth > DEPTH_MAX) throw tooMuch(`${depth} levels, at most ${DEPTH_MAX}`)
    if (rows > ROWS_MAX) throw tooMuch(`up to ${rows} entries, at most ${ROWS_MAX}: name smaller limits`)
    if (fields > FIELDS_MAX) throw tooMuch(`up to ${fields} fields, at most ${FIELDS_MAX}: name smaller limits`)
  }
  return scale.names
}

const tooMuch = (what: string): GraphQLError =>
  new GraphQLError(`The query asks for too much: ${what}.`, { extensions: { code: 'REQUEST_TOO_LARGE' } })

function createScale(fragments: ReadonlyMap<string, FragmentDefinitionNode>, variables: Readonly<Record<string, unknown>>) {
  const names = new Set<string>()
  // A fragment is weighed once, however often it is spread: each may spread the one before twice.
  const weighed = new Map<string, Weight>()
  const widths = new Map<string, number>()
  const open = new Set<string>()

  function throughFragment<Value>(
    name: string,
    known: Map<string, Value>,
    work: (fragment: FragmentDefinitionNode) => Value,
    nothing: Value,
  ): Value {
    const found = known.get(name)
    if (found !== undefined) return found
    const fragment = fragments.get(name)
    // One that contains itself, or that there is none of, is for the validation to tell.
    if (fragment === undefined || open.has(name)) return nothing
    open.add(name)
    const value = work(fragment)
    open.delete(name)
    known.set(name, value)
    return value
  }

  function width(set: SelectionSetNode): number {
    return set.selections.reduce((sum, each) => {
      if (each.kind === Kind.FIELD) return sum + 1
      if (each.kind === Kind.INLINE_FRAGMENT) return sum + width(each.selectionSet)
      return sum + throughFragment(each.name.value, widths, (fragment) => width(fragment.selectionSet), 0)
    }, 0)
  }

  function weigh(set: SelectionSetNode): Weight {
    return set.selections.reduce<Weight>((sum, each) => {
      if (each.kind === Kind.FIELD) return added(sum, weighField(each))
      if (each.kind === Kind.INLINE_FRAGMENT) return added(sum, weigh(each.selectionSet))
      return added(
        sum,
        throughFragment(each.name.value, weighed, (fragment) => weigh(fragment.selectionSet), NOTHING),
      )
    }, NOTHING)
  }

  function weighField(field: FieldNode): Weight {
    const name = field.name.value
    names.add(name)
    if (field.selectionSet === undefined) return { rows: 0, fields: 1, depth: 1 }
    const inner = weigh(field.selectionSet)
    // How deep the types go, validation limits.
    if (name.startsWith('__')) return { rows: 0, fields: 1 + inner.fields, depth: 1 }
    const types = TYPE_LISTS.get(name)
    if (types !== undefined) return { rows: 0, fields: 1 + types * inner.fields, depth: 1 }
    const times = LISTS.has(name) ? lengthOf(field, variables) : 1
    return { rows: times * (inner.rows + (LISTS.has(name) ? 1 : 0)), fields: 1 + times * inner.fields, depth: 1 + inner.depth }
  }

  return { names, width, weigh }
}

const NOTHING: Weight = { rows: 0, fields: 0, depth: 0 }

const added = (left: Weight, right: Weight): Weight => ({
  rows: left.rows + right.rows,
  fields: left.fields + right.fields,
  depth: Math.max(left.depth, right.depth),
})

/** The larger where two are named: both are read, and a cursor goes past `last`. What is no number is refused later. */
function lengthOf({ arguments: given = [] }: FieldNode, variables: Readonly<Record<string, unknown>>): number {
  const numbers = given
    .filter(({ name }) => name.value === 'limit' || name.value === 'last')
    .map(({ value }) =>
      Number(value.kind === Kind.INT ? value.value : value.kind === Kind.VARIABLE ? variables[value.name.value] : PAGE_LENGTH_MAX),
    )
    .map((number) => (number >= 1 && number <= PAGE_LENGTH_MAX ? number : PAGE_LENGTH_MAX))
  return numbers.length === 0 ? PAGE_LENGTH : Math.max(...numbers)
}
