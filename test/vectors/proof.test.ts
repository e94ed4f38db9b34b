import { describe, expect, test } from 'vitest'
import { CHECK_STEPS, checkProof, type Trust } from '#roles/consumer/proof/check.ts'
import vectors from './proof/proofs.json' with { type: 'json' }

interface Vector {
  readonly trust: Trust
  readonly proof: Readonly<Record<string, unknown>> & { readonly nodes: readonly string[]; readonly snapshot: string }
}
const proofs = vectors.proofs as unknown as Readonly<Record<string, Vector>>
const FINAL = ['projects', 'roots'] as const

async function linksOf(proof: unknown, trust: Trust) {
  const links = await Array.fromAsync(checkProof(proof, trust))
  return { steps: links.map(({ step }) => step), last: links.at(-1) }
}

describe('docs/PROOF.md: each vector', () => {
  test.each(FINAL)('of a batch anchored by %s holds, whoever makes it', async (name) => {
    const { proof, trust } = proofs[name] as Vector
    const { steps, last } = await linksOf(proof, trust)
    expect(steps).toEqual(CHECK_STEPS)
    expect(last).toMatchObject({ ok: true, data: Uint8Array.fromBase64(proof.snapshot) })
  })

  test.each(vectors.cases)(
    'P6: fails where it is wrong: $name, at $failsAt',
    async ({ on, set = {}, trust = {}, without = '', failsAt }) => {
      const vector = proofs[on] as Vector
      const { [without]: _left, ...proof } = { ...vector.proof, ...set } as Readonly<Record<string, unknown>>
      const { last } = await linksOf(proof, { ...vector.trust, ...trust } as Trust)
      expect(last).toMatchObject({ step: failsAt, ok: false })
    },
  )
})

describe('each node of a proof is needed as it is', () => {
  test.each(FINAL)('P6: in that by %s', async (name) => {
    const { proof, trust } = proofs[name] as Vector
    for (const [index, node] of proof.nodes.entries()) {
      const flipped = node.slice(0, -1) + (node.endsWith('0') ? '1' : '0')
      const { last } = await linksOf({ ...proof, nodes: proof.nodes.with(index, flipped) }, trust)
      expect(last).toMatchObject({ ok: false, detail: expect.stringMatching(/is not proved: there is no node with hash 0x/) })
    }
  })
})
