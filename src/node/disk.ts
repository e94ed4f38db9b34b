import { WeftError } from '#domain/errors.ts'

/** Does what the disk may refuse: no such folder, no permission, no room. Throws `STORE_FAILED`. */
export function onDisk<Value>(path: string, doing: string, work: () => Value): Value {
  try {
    return work()
  } catch (cause) {
    throw new WeftError('STORE_FAILED', { path, doing }, cause)
  }
}
