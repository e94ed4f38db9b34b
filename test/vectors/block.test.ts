// Origin: anvil 1.7.1 (reth's types), a block with transactions of three types and one of 300 transfers; Ethereum's block 0.
// Roots of receipts of every type: `receipts.json` says by whom.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mayHold } from '#io/chain/proof/bloom.ts'
import { isMatch, mayMatch } from '#io/chain/proof/filter.ts'
import { headerHash } from '#io/chain/proof/header.ts'
import { bloomOf } from '#io/chain/proof/provable.test-chain.ts'
import { logsOf, receiptsRoot } from '#io/chain/proof/receipts.ts'

const { header, receipts, transfers } = JSON.parse(readFileSync(new URL('./block.json', import.meta.url), 'utf8')) as {
  header: Record<'hash' | 'logsBloom' | 'receiptsRoot' | 'number' | 'requestsHash', string>
  receipts: unknown[]
  transfers: { count: number; gasEach: number; receiptsRoot: string }
}

const { blocks } = JSON.parse(readFileSync(new URL('./receipts.json', import.meta.url), 'utf8')) as {
  blocks: { what: string; receiptsRoot: string; receipts: Record<string, unknown>[] }[]
}

/** Block 0 of Ethereum, as everybody knows it. */
const GENESIS = {
  parentHash: `0x${'0'.repeat(64)}`,
  sha3Uncles: '0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347',
  miner: `0x${'0'.repeat(40)}`,
  stateRoot: '0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544',
  transactionsRoot: '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421',
  receiptsRoot: '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421',
  logsBloom: `0x${'0'.repeat(512)}`,
  difficulty: '0x400000000',
  number: '0x0',
  gasLimit: '0x1388',
  gasUsed: '0x0',
  timestamp: '0x0',
  extraData: '0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa',
  mixHash: `0x${'0'.repeat(64)}`,
  nonce: '0x0000000000000042',
}

describe('what a block proves', () => {
  test('the hash is that of the fields, before London and after Prague', () => {
    expect(headerHash(GENESIS)).toBe('0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3')
    expect(headerHash(header)).toBe(header.hash)
    for (const field of ['logsBloom', 'receiptsRoot', 'number', 'requestsHash'] as const)
      expect(headerHash({ ...header, [field]: header[field].replace(/.$/, (last) => (last === '0' ? '1' : '0')) })).not.toBe(header.hash)
  })

  test('the root is that of the receipts, of whatever type, few, many and none', () => {
    expect(receiptsRoot(receipts)).toBe(header.receiptsRoot)
    expect(receiptsRoot([])).toBe(GENESIS.receiptsRoot)
    const many = Array.from({ length: transfers.count }, (_, index) => ({
      type: '0x0',
      status: '0x1',
      cumulativeGasUsed: `0x${(transfers.gasEach * (index + 1)).toString(16)}`,
      logsBloom: `0x${'0'.repeat(512)}`,
      logs: [],
    }))
    expect(receiptsRoot(many)).toBe(transfers.receiptsRoot)
    expect(receiptsRoot(many.slice(1))).not.toBe(transfers.receiptsRoot)
  })

  test.each(blocks)('the root is that of others: $what', ({ receiptsRoot: root, receipts: given }) => {
    expect(receiptsRoot(given)).toBe(root)
  })

  test('the bloom excludes no log that is there, and most of the others', () => {
    const logs = logsOf(receipts)
    expect(logs).toHaveLength(3)
    expect(bloomOf(logs)).toBe(header.logsBloom)
    for (const { address, topics } of logs) for (const item of [address, ...topics]) expect(mayHold(header.logsBloom, item)).toBe(true)
    const others = fc.sample(fc.uint8Array({ minLength: 32, maxLength: 32 }), { numRuns: 200, seed: 1 })
    expect(others.filter((bytes) => mayHold(header.logsBloom, `0x${bytes.toHex()}`))).toEqual([])
  })

  test('a filter takes one of several in each place, and anything where it names nothing', () => {
    const [log] = logsOf(receipts) as [ReturnType<typeof logsOf>[number]]
    const [first, second] = log.topics as [string, string]
    const other = `0x${'9'.repeat(64)}`
    const filters = [
      {},
      { address: log.address },
      { address: [`0x${'9'.repeat(40)}`, log.address.toUpperCase().replace('0X', '0x')] },
      { topics: [first] },
      { topics: [null, [other, second]] },
      { address: log.address, topics: [[first, other], second] },
    ]
    for (const filter of filters) expect([isMatch(filter, log), mayMatch(filter, header.logsBloom)]).toEqual([true, true])
    for (const filter of [
      { address: `0x${'9'.repeat(40)}` },
      { topics: [other] },
      { topics: [null, [other]] },
      { topics: [null, null, [other]] },
    ])
      expect([isMatch(filter, log), mayMatch(filter, header.logsBloom)]).toEqual([false, false])
    expect(isMatch({ topics: [null, null, [first]] }, log)).toBe(false)
  })
})
