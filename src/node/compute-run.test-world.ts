import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SourceChain } from '#io/chain/port.ts'
import { createFakeSourceChain } from '#io/chain/fake/source.ts'
import { type ComputePlace, placeOnChain } from './compute-place.ts'

/** A set in a folder, and a made-up chain of 200 blocks that counts who asks it; an epoch has five of them. */
export function createRunWorld() {
  const home = mkdtempSync(join(tmpdir(), 'weft-run-'))
  const folder = join(home, 'set')
  mkdirSync(folder)
  const chain = createFakeSourceChain({ blocks: 200, read: ({ blockNumber }) => [BigInt(blockNumber)] })
  const asked: string[] = []
  const counting = Object.fromEntries(
    Object.entries(chain).map(([name, method]) => [
      name,
      (...args: never[]) => {
        asked.push(name)
        return (method as (...given: never[]) => unknown)(...args)
      },
    ]),
  ) as unknown as SourceChain
  const form = { epochSize: 5, firstBlock: 1, blockTimeSeconds: 12, namespace: 'N' }
  const place: ComputePlace = {
    ...placeOnChain('http://127.0.0.1:1', form, { folders: [folder], market: undefined }),
    source: { name: 'made up', settledBlocks: 64, connect: async () => counting },
  }
  /** A base project whose value is `value`, and an aggregate with the sum of all epochs so far. */
  const write = (value: string): void =>
    writeFileSync(
      join(folder, 'compute.ts'),
      `import { configOf, object, type ComputeSetModule } from 'weft/compute'
const F = 'function f() view returns (uint256)'
export default { name: 'set', version: '1', config: configOf(object({})), create: () => ({ preloads: [],
  snapshots: [{ projectType: 'block', dataSources: [], preloads: [], async compute({ epoch, source }) {
    const [read] = await source.read({ address: '0x${'ab'.repeat(20)}', function: F, args: [], blockNumber: epoch.end })
    return { value: ${value} }
  } }],
  aggregates: [{ projectType: 'sum', aggregateOn: 'MultiProject', baseProjectTypes: ['block'], async aggregate({ epoch, base, history }) {
    let sum = (base[0]!.snapshot as any).value
    const first = await history.firstEpochId(base[0]!.projectId) ?? epoch.epochId
    for (let at = first; at < epoch.epochId; at += 1) sum += ((await history.snapshot(base[0]!.projectId, at)) as any)?.value ?? 0n
    return sum
  } }] }) } satisfies ComputeSetModule<object>
`,
    )
  writeFileSync(join(folder, 'config.json'), '{}')
  write('read as bigint')
  return { home, folder, chain, asked, place, write }
}
