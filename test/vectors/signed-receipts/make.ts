import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashTypedData, keccak256, serializeSignature } from 'viem'
import { privateKeyToAccount, sign } from 'viem/accounts'

/** Makes receipts.json with viem and node:crypto, from what docs/RECEIPTS.md says and nothing of ours. */

const KEY = `0x${'55'.repeat(32)}` as const
const [anchorChainId, protocolState, dataMarket] = [11_169, `0x${'aa'.repeat(20)}`, `0x${'bb'.repeat(20)}`] as const
const ANCHOR_BLOCK = 6_624_040
const domain = { name: 'PowerloomProtocolContract', version: '0.1', chainId: anchorChainId, verifyingContract: protocolState }
const TYPES = {
  EIPRequest: [
    { name: 'slotId', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
    { name: 'snapshotCid', type: 'string' },
    { name: 'epochId', type: 'uint256' },
    { name: 'projectId', type: 'string' },
  ],
  ReceiptGroup: [
    { name: 'dataMarket', type: 'address' },
    { name: 'anchorBlock', type: 'uint256' },
    { name: 'root', type: 'bytes32' },
  ],
} as const
const CODES = ['accepted', 'accepted', 'duplicate', 'simulated', 'accepted'] as const

const sha256 = (...parts: Uint8Array[]): Uint8Array => createHash('sha256').update(Buffer.concat(parts)).digest()

const said = CODES.map((code, at) => ({
  submissionId: `00000000-0000-4000-8000-00000000000${at}`,
  request: {
    slotId: 4_036 + at,
    deadline: 6_624_538,
    snapshotCid: 'bafkreihwyondy4kizuhvw2zzhzbueoeu725mxg57jsgwpaizummptvtjzy',
    epochId: code === 'simulated' ? 0 : 11_267,
    projectId: 'pairContract_trade_volume:0x8ef79d6c328c25da633559c20c75f638a4863462:UNISWAPV2',
  },
  header: `0x${`0${at}`.repeat(32)}`,
  code,
}))

const texts = said.map(({ submissionId, request, header, code }) => {
  const { slotId, deadline, epochId, ...texts } = request
  const message = { ...texts, slotId: BigInt(slotId), deadline: BigInt(deadline), epochId: BigInt(epochId) }
  return `${code} ${submissionId} ${hashTypedData({ domain, types: TYPES, primaryType: 'EIPRequest', message })} ${header}`
})

/** All levels of the tree over `group`, the leaves first; an empty neighbour is the root of an empty subtree. */
function levelsOf(group: readonly string[]): Uint8Array[][] {
  const levels = [group.map((text) => sha256(Buffer.from(text)))]
  let zero: Uint8Array = Buffer.alloc(32)
  while (levels.length <= 32) {
    const below = levels.at(-1) as Uint8Array[]
    if (below.length % 2 === 1) below.push(zero)
    levels.push(Array.from({ length: below.length / 2 }, (_, at) => sha256(below[2 * at] as Uint8Array, below[2 * at + 1] as Uint8Array)))
    zero = sha256(zero, zero)
  }
  return levels
}

/** `count` of them, signed together. */
async function signed(count: number) {
  const levels = levelsOf(texts.slice(0, count))
  const root = keccak256(levels[32]?.[0] as Uint8Array)
  const message = { dataMarket, anchorBlock: BigInt(ANCHOR_BLOCK), root }
  const hash = hashTypedData({ domain, types: TYPES, primaryType: 'ReceiptGroup', message })
  const signature = serializeSignature(await sign({ hash, privateKey: KEY })).slice(2)
  const height = Math.ceil(Math.log2(count))
  return said.slice(0, count).map(({ submissionId, request, header, code }, index) => {
    const siblings = levels.slice(0, height).map((row, level) => Buffer.from(row[(index >> level) ^ 1] as Uint8Array).toString('hex'))
    const place = { format: 'weft-receipt', version: 1, anchorChainId, protocolState, dataMarket }
    return { ...place, submissionId, request, header, code, anchorBlock: ANCHOR_BLOCK, index, siblings, signature }
  })
}

const [alone, together] = [await signed(1), await signed(CODES.length)]
/** Of the first of those signed together, what makes it nobody's. */
const cases = [
  { what: 'replayed for another market', set: { dataMarket: `0x${'bc'.repeat(20)}` } },
  { what: 'replayed for another chain', set: { anchorChainId: 1 } },
  { what: 'replayed for another epoch', set: { request: { ...together[0]?.request, epochId: 11_268 } } },
  { what: 'of another submission', set: { submissionId: together[1]?.submissionId } },
  { what: 'naming another block', set: { header: together[1]?.header } },
  { what: 'saying another thing', set: { code: 'duplicate' } },
  { what: 'as of another block', set: { anchorBlock: ANCHOR_BLOCK + 1 } },
  { what: 'with a way cut short', set: { siblings: together[0]?.siblings.slice(0, 2) } },
  { what: 'with a way that begins later', set: { siblings: together[0]?.siblings.slice(1) } },
  { what: 'at another place', set: { index: 1 } },
  { what: 'at a place outside of its way', set: { index: 8 } },
  { what: 'at a huge place', set: { index: 2 ** 53 - 1 } },
  { what: 'with the signature of another group', set: { signature: alone[0]?.signature } },
]
const vectors = {
  origin: 'make.ts beside this file: viem 2 for the digests and signatures, node:crypto for the tree',
  signer: privateKeyToAccount(KEY).address.toLowerCase(),
  receipts: [...alone, ...together],
  cases,
}
writeFileSync(join(import.meta.dirname, 'receipts.json'), `${JSON.stringify(vectors, undefined, 2)}\n`)
