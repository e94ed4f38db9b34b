/**
 * Evaluated first within a context of an isolate: takes away what differs between machines, moments or runs, and what the process put there.
 * What is left is the language. Node's own globals were never there.
 */

type Ambient = Record<string, unknown>
const ambient = globalThis as unknown as Ambient

/** How the worker is spoken to; nobody but `serve.ts` can reach it. */
export const host = {
  /** What has come in. */
  next: hosted('next') as () => string,
  call: hosted('call') as (text: string) => void,
  conclude: hosted('conclude') as (text: string) => void,
  /** Answers at once. */
  ask: hosted('ask') as (text: string) => string,
}

/** Taken out of everybody's reach. What it throws, at the end of the stack for example, is of the process: it must not come in. */
function hosted(name: string): (text: string) => unknown {
  const work = ambient[name] as (text: string) => unknown
  delete ambient[name]
  return (text) => {
    try {
      return work(text)
    } catch {
      throw new RangeError('what runs the computes did not take it')
    }
  }
}

const NO_CLOCK = 'a compute has no clock: time is `source.timestamp(block)`'
const NO_LOCALE = 'a compute has no locale'
const NO_MEMORY = 'a compute sees nothing of memory'
const NO_BITS = 'a compute sees no bits of floats: use Uint8Array for bytes'
const ABSENT: Readonly<Record<string, string>> = {
  Date: NO_CLOCK,
  Temporal: NO_CLOCK,
  Intl: NO_LOCALE,
  WeakRef: NO_MEMORY,
  FinalizationRegistry: NO_MEMORY,
  SharedArrayBuffer: NO_MEMORY,
  Atomics: NO_MEMORY,
  WebAssembly: 'a compute is TypeScript',
  console: 'a compute says what it says in its snapshot',
  ArrayBuffer: NO_BITS,
  DataView: NO_BITS,
  Int8Array: NO_BITS,
  Int16Array: NO_BITS,
  Uint16Array: NO_BITS,
  Int32Array: NO_BITS,
  Uint32Array: NO_BITS,
  Uint8ClampedArray: NO_BITS,
  BigInt64Array: NO_BITS,
  BigUint64Array: NO_BITS,
  Float16Array: NO_BITS,
  Float32Array: NO_BITS,
  Float64Array: NO_BITS,
}

/** In place of `name`, which says why it is not there to whoever looks for it. */
function remove(from: object, name: string, why: string): void {
  const get = (): never => {
    throw new TypeError(`${name} is not there: ${why}`)
  }
  Object.defineProperty(from, name, { get, configurable: false, enumerable: false })
}

/** Bytes lie outside the heap that is limited: one run may have so many in all. */
const BYTES_MAX = 16 * 1024 * 1024
const OwnBytes = Uint8Array
const { apply, construct } = Reflect
const [listOf, whole, least, most, toNumber] = [Array.from, Math.trunc, Math.min, Math.max, Number]
const allBytes = Object.getPrototypeOf(OwnBytes.prototype) as object
const getterOf = (name: string) => Object.getOwnPropertyDescriptor(allBytes, name)?.get as () => unknown
const [lengthGetter, offsetGetter, bufferGetter] = [getterOf('length'), getterOf('byteOffset'), getterOf('buffer')]
const lengthOf = (bytes: unknown): number => apply(lengthGetter, bytes, []) as number
let bytesTaken = 0

/** Before there are that many: what is no length takes nothing, and gives nothing back. */
function take(length: number): void {
  if (!(length >= 0 && length <= BYTES_MAX - bytesTaken)) throw new RangeError(`a compute has ${BYTES_MAX} bytes of Uint8Array in all`)
  bytesTaken += length
}

const LimitedBytes = new Proxy(OwnBytes, {
  construct(target, [first]: readonly unknown[]) {
    // Whatever says how long it is may say otherwise when it is asked again: it is made a list, which lies in the heap.
    const list = typeof first === 'object' && first !== null ? listOf(first as ArrayLike<number>) : undefined
    const length = list === undefined ? whole(toNumber(first ?? 0)) || 0 : list.length
    take(length)
    const bytes = construct(target, [length]) as Uint8Array
    if (list !== undefined) for (let index = 0; index < length; index += 1) bytes[index] = list[index] as number
    return bytes
  },
})
Object.defineProperty(OwnBytes.prototype, 'constructor', { value: LimitedBytes })
Object.defineProperty(globalThis, 'Uint8Array', { value: LimitedBytes })

/** What makes bytes of bytes or of a text asks no constructor, or one that the bytes name. */
function limitMethod(of: object, name: string, bytesMax: (self: unknown, first: unknown) => number): void {
  const own = (of as Record<string, (...args: unknown[]) => unknown>)[name] as (...args: unknown[]) => unknown
  const value = function (this: unknown, ...args: unknown[]): unknown {
    if (bytesMax(this, args[0]) > BYTES_MAX - bytesTaken) take(BYTES_MAX + 1)
    const before = bytesTaken
    const made = apply(own, this, args)
    const uncounted = lengthOf(made) - (bytesTaken - before)
    if (uncounted > 0) take(uncounted)
    return made
  }
  Object.defineProperty(of, name, { value })
}
for (const name of ['slice', 'map', 'filter', 'toReversed', 'toSorted', 'with']) limitMethod(allBytes, name, lengthOf)
for (const name of ['fromHex', 'fromBase64']) limitMethod(OwnBytes, name, (_, text) => (typeof text === 'string' ? text.length / 2 : 0))

/** The language's own gives the buffer, which leads to more of them, to whatever constructor the bytes name. */
Object.defineProperty(allBytes, 'subarray', {
  value(this: unknown, begin: unknown, end: unknown): unknown {
    const length = lengthOf(this)
    const placeOf = (given: unknown): number => {
      const place = whole(toNumber(given)) || 0
      return place < 0 ? most(place + length, 0) : least(place, length)
    }
    const [from, to] = [placeOf(begin ?? 0), end === undefined ? length : placeOf(end)]
    const offset = (apply(offsetGetter, this, []) as number) + from
    return construct(OwnBytes, [apply(bufferGetter, this, []), offset, to > from ? to - from : 0])
  },
})
remove(allBytes, 'buffer', NO_BITS)

for (const [name, why] of Object.entries(ABSENT)) remove(globalThis, name, why)
remove(Math, 'random', 'a compute has no chance')
for (const name of ['localeCompare', 'toLocaleUpperCase', 'toLocaleLowerCase']) remove(String.prototype, name, NO_LOCALE)
for (const prototype of [Object.prototype, Array.prototype, Number.prototype, BigInt.prototype, Object.getPrototypeOf(OwnBytes.prototype)])
  remove(prototype, 'toLocaleString', NO_LOCALE)
remove(Error, 'captureStackTrace', NO_MEMORY)
Object.defineProperty(Error, 'prepareStackTrace', { value: undefined, writable: false, configurable: false })
