import { text } from 'node:stream/consumers'
import { decode, encode } from '#io/isolate/text.ts'
import { computeHere, replayed } from './compute-testing.ts'

/** The other process of `computeTwice`: what it is to compute comes in, the bytes of each project go out. */
const { folder, given } = decode(await text(process.stdin)) as {
  readonly folder: string
  readonly given: Omit<Parameters<typeof computeHere>[1], 'source' | 'isReversed'> & { readonly fixture: Parameters<typeof replayed>[0] }
}
const { fixture, ...conditions } = given
try {
  const computed = await computeHere(folder, { ...conditions, source: replayed(fixture), isReversed: true })
  process.stdout.write(encode({ bytes: new Map([...computed].map(([projectId, { json }]) => [projectId, json])) }))
} catch (failure) {
  process.stdout.write(encode({ failure: failure instanceof Error ? failure.message : String(failure) }))
}
