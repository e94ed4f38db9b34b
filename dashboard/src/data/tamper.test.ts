import { expect, test } from 'vitest'
import { CHECK_STEPS, checkProof, type Trust } from '#client/proof.ts'
import vectors from '../../../test/vectors/proof/proofs.json' with { type: 'json' }
import { LAYERS, type Layer, type ProofFile, tamper } from './tamper.ts'

const { projects, roots } = vectors.proofs as unknown as Record<'projects' | 'roots', { readonly proof: ProofFile; readonly trust: Trust }>

async function failsAt(proof: ProofFile, trust: Trust): Promise<string | undefined> {
  const links = await Array.fromAsync(checkProof(proof, trust))
  return links.find(({ ok }) => !ok)?.step
}

const EXPECTED: Readonly<Record<Layer, string>> = {
  snapshot: 'cid',
  cid: 'cids_root',
  path: 'cids_root',
  root: 'batch',
  storage: 'any of those that rest on the state',
  header: 'block',
}

test.each(Object.keys(LAYERS) as Layer[])(
  'what is spoiled at the layer %s fails there, and what was served stays as it was',
  async (layer) => {
    for (const { proof, trust } of [projects, roots]) {
      const before = JSON.stringify(proof)
      const step = await failsAt(tamper(proof, layer), trust)
      if (layer === 'storage') expect(CHECK_STEPS.slice(3)).toContain(step)
      else expect(step).toBe(EXPECTED[layer])
      expect(JSON.stringify(proof)).toBe(before)
      expect(await failsAt(proof, trust)).toBeUndefined()
    }
  },
)

test('what has not the form of a proof stays as it is', () => {
  const strange = { snapshot: 3, nodes: 'none', cidSiblings: [] }
  for (const layer of Object.keys(LAYERS) as Layer[]) expect(tamper(strange, layer)).toEqual(strange)
})
