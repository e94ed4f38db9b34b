/** One flipped bit at a layer of a proof, so that people see that the check is one: exactly the link that rests on it must fail. */
export const LAYERS = {
  snapshot: 'a byte of the data',
  cid: 'a character of the CID',
  path: 'a hash on the way to the root',
  root: 'a byte of the batch on chain',
  storage: 'a byte of the storage proof',
  header: 'a byte of the block header',
} as const
export type Layer = keyof typeof LAYERS

export type ProofFile = { readonly [field: string]: unknown }

/** A proof with the layer spoiled. What has not the form of a proof stays as it is: its form fails anyway. */
export function tamper(proof: ProofFile, layer: Layer): ProofFile {
  switch (layer) {
    case 'snapshot':
      return withText(proof, 'snapshot', flipBase64)
    case 'cid':
      return withText(proof, 'snapshotCid', flipLetter)
    case 'path':
      return { ...proof, cidSiblings: withOne(proof['cidSiblings'], 0, flipHex) }
    case 'root':
      return withText(proof, 'record', flipHex)
    case 'storage':
      return { ...proof, nodes: withOne(proof['nodes'], -1, flipHex) }
    case 'header':
      return withText(proof, 'header', flipHex)
  }
}

function withText(proof: ProofFile, field: string, flip: (text: string) => string): ProofFile {
  const text = proof[field]
  return typeof text === 'string' ? { ...proof, [field]: flip(text) } : proof
}

function withOne(list: unknown, index: number, flip: (text: string) => string): unknown {
  const text = Array.isArray(list) ? list.at(index) : undefined
  return typeof text === 'string' ? (list as unknown[]).with(index, flip(text)) : list
}

/** The last digit but a few: in the middle of nothing that has a length. */
function flipHex(text: string): string {
  const at = text.length - 5
  const digit = Number.parseInt(text[at] ?? '0', 16) ^ 1
  return `${text.slice(0, at)}${digit.toString(16)}${text.slice(at + 1)}`
}

function flipBase64(text: string): string {
  const bytes = Uint8Array.fromBase64(text)
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes.toBase64()
}

/** Another letter of the same alphabet, within the hash. */
function flipLetter(cid: string): string {
  const at = cid.length - 8
  return `${cid.slice(0, at)}${cid[at] === 'a' ? 'b' : 'a'}${cid.slice(at + 1)}`
}
