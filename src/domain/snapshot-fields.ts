import type { JsonValue } from './compute.ts'

/** A member of a finalized snapshot. Absent members and other types fail: other people wrote it. */
export function memberOf(snapshot: JsonValue, name: string): JsonValue {
  if (snapshot === null || typeof snapshot !== 'object' || Array.isArray(snapshot) || !Object.hasOwn(snapshot, name))
    throw new Error(`the snapshot has no ${name}`)
  return (snapshot as { readonly [key: string]: JsonValue })[name] as JsonValue
}

/** As `memberOf`, for a float. */
export function floatOf(snapshot: JsonValue, name: string): number {
  const value = memberOf(snapshot, name)
  if (typeof value !== 'number') throw new Error(`${name} is not a float`)
  return value
}

/** As `memberOf`, for an integer. */
export function integerOf(snapshot: JsonValue, name: string): bigint {
  const value = memberOf(snapshot, name)
  if (typeof value !== 'bigint') throw new Error(`${name} is not an integer`)
  return value
}

/** The data source within a project id: what stands before the namespace, in lower case. */
export function dataSourceOf(projectId: string): string {
  const source = projectId.split(':').at(-2)
  if (source === undefined) throw new Error(`${projectId} has no data source`)
  return source
}
