import type { JsonValue, Schema } from './compute.ts'
import { type SnapshotOf, type SnapshotSchema, snapshotProblems } from './snapshot-schema.ts'

/**
 * The form of a configuration, in the words in which snapshots are declared.
 *
 *     const config = configOf(object({ tokens: list(text()), blocks: int() }))
 */
export function configOf<const Form extends SnapshotSchema>(form: Form): Schema<SnapshotOf<Form>> {
  return {
    '~standard': {
      version: 1,
      validate(value) {
        const config = fitted(form, (value ?? null) as JsonValue)
        const issues = snapshotProblems(form as SnapshotSchema, config).map((message) => ({
          message: message.replace('the snapshot', 'the configuration'),
        }))
        return issues.length > 0 ? { issues } : { value: config as unknown as SnapshotOf<Form> }
      },
    },
  }
}

/** JSON that people write knows one kind of number, canonical JSON two: either is the kind that is declared, where it can be. */
function fitted(form: SnapshotSchema, value: JsonValue): JsonValue {
  if (form.kind === 'float' && typeof value === 'bigint') return Number(value)
  if (form.kind === 'nullable') return value === null ? null : fitted(form.of, value)
  if (form.kind === 'either') return form.of.map((each) => fitted(each, value)).find((each, index) => isOf(form.of[index], each)) ?? value
  if (form.kind !== 'float' && typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  if (value === null || typeof value !== 'object') return value
  if (form.kind === 'list' && Array.isArray(value)) return value.map((item) => fitted(form.of, item))
  if ((form.kind !== 'map' && form.kind !== 'object') || Array.isArray(value)) return value
  const formOf = (name: string) => (form.kind === 'map' ? form.of : Object.hasOwn(form.fields, name) ? form.fields[name] : undefined)
  const entries = Object.entries(value as { readonly [name: string]: JsonValue })
  return Object.fromEntries(
    entries.map(([name, item]) => {
      const below = formOf(name)
      return [name, below === undefined ? item : fitted(below, item)]
    }),
  )
}

const isOf = (form: SnapshotSchema | undefined, value: JsonValue): boolean =>
  form !== undefined && snapshotProblems(form, value).length === 0
