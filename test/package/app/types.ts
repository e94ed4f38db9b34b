import { createClient, isWeftError, type JsonValue, plain } from 'weft/client'
import type { ComputeSet, SnapshotCompute } from 'weft/compute'

const client = createClient({ api: ['https://one.example', new URL('https://two.example')], verify: 'cid', agree: 2 })

export async function read(): Promise<void> {
  const point = await client.project<{ price: number; epochId: bigint }>('type:source:namespace').latest()
  const price: number | undefined = point.value?.price
  // @ts-expect-error: an integer of a snapshot is a bigint.
  const epochId: number | undefined = point.value?.epochId
  const unknown = await client.project('type:source:namespace').at(7)
  const json: JsonValue | undefined = unknown.value
  for await (const project of client.projects({ type: 'pairs' })) console.log(project.firstEpochId + 1)
  for await (const vote of client.list('votes', { projectId: 'type:source:namespace', epochId: 7 })) console.log(vote.isWinning)
  // @ts-expect-error: there is no such route.
  await client.get('nothing', {})
  // @ts-expect-error: a route takes what it says.
  await client.get('epoch', {})
  for await (const event of client.stream({ kinds: ['point'] })) if (event.kind === 'point') console.log(event.data.verified)
  console.log(price, epochId, json === undefined ? undefined : plain(json))
}

export const code = (failure: unknown): string => (isWeftError(failure, 'VERIFICATION_FAILED') ? String(failure.facts.step) : 'other')

const compute: SnapshotCompute = { projectType: 'a', dataSources: [], preloads: [], compute: async ({ epoch }) => BigInt(epoch.begin) }
export const set: ComputeSet = { preloads: [], snapshots: [compute], aggregates: [] }
