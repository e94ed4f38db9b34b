import { describe, expect, test } from 'vitest'
import type { RpcAnswer, RpcCall } from '#io/chain/rpc/answer.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { execute, outcomes, PROVIDER, send, TRADERS, type Transaction } from './transactions.ts'

const [TRADER] = TRADERS as readonly [(typeof TRADERS)[number]]
const transaction = (from: Transaction['from'], data: Transaction['data'] = '0x01'): Transaction => ({
  from,
  to: PROVIDER,
  data,
  gas: 21_000,
})

/** A node that takes every transaction but those with the data refused, and mines none before `blocks` of them. */
function createNode(
  options: { readonly blocks?: number; readonly statuses?: Readonly<Record<string, string>>; readonly refused?: string } = {},
) {
  const sent: Record<string, string>[] = []
  let mined = 0
  async function answer(method: string, params: readonly unknown[]): Promise<unknown> {
    switch (method) {
      case 'eth_getTransactionCount':
        return params[1] === 'pending' ? (params[0] === PROVIDER ? '0x5' : '0x7') : '0x0'
      case 'evm_mine':
        mined += 1
        return '0x0'
      case 'eth_getTransactionReceipt': {
        const index = Number(params[0])
        return mined > index + (options.blocks ?? 0) ? { status: options.statuses?.[sent[index]?.['data'] ?? ''] ?? '0x1' } : null
      }
      default:
        throw new Error(`nobody answers ${method}`)
    }
  }
  const rpc: Rpc = {
    endpoint: 'test',
    async ask(_method, [fields]): Promise<RpcAnswer> {
      const given = fields as Record<string, string>
      if (given['data'] === options.refused) return { isOk: false, refusal: { code: -32_000, message: 'no funds', data: undefined } }
      sent.push(given)
      return { isOk: true, result: String(sent.length - 1) }
    },
    call: answer,
    all: (calls: readonly RpcCall[]) => Promise.all(calls.map(({ method, params }) => answer(method, params))),
  }
  return { rpc, sent, mined: () => mined }
}

test('nonces of each account go on from what waits, and the first offers the highest tip', async () => {
  const { rpc, sent } = createNode()
  const results = await send(rpc, [transaction(PROVIDER), transaction(TRADER), transaction(PROVIDER), transaction(TRADER)])
  expect(sent.map(({ from, nonce }) => [from, nonce])).toEqual([
    [PROVIDER, '0x5'],
    [TRADER, '0x7'],
    [PROVIDER, '0x6'],
    [TRADER, '0x8'],
  ])
  const tips = sent.map((fields) => BigInt(fields['maxPriorityFeePerGas'] as string))
  expect(tips).toEqual(tips.toSorted((left, right) => (left > right ? -1 : 1)))
  expect(new Set(tips).size).toBe(4)
  expect(sent.every((fields, index) => BigInt(fields['maxFeePerGas'] as string) >= (tips[index] as bigint))).toBe(true)
  expect(results.map((each) => ('hash' in each ? each.hash : each.refusal))).toEqual(['0', '1', '2', '3'])
})

test('only what creates a contract has no receiver, and value and gas go along', async () => {
  const { rpc, sent } = createNode()
  await send(rpc, [{ from: PROVIDER, data: '0x60', gas: 9, value: 255n }, transaction(PROVIDER)])
  expect(sent[0]).toMatchObject({ value: '0xff', gas: '0x9' })
  expect(sent[0]).not.toHaveProperty('to')
  expect(sent[1]).toMatchObject({ to: PROVIDER, value: '0x0' })
})

test('one that is refused says why, and the others are sent', async () => {
  const { rpc, sent } = createNode({ refused: '0x02' })
  const results = await send(rpc, [transaction(PROVIDER), transaction(PROVIDER, '0x02'), transaction(PROVIDER)])
  expect(results.map((each) => ('refusal' in each ? each.refusal : 'sent'))).toEqual(['sent', 'no funds', 'sent'])
  expect(sent).toHaveLength(2)
})

test('outcomes are those of the receipts, in order, and unknown without one', async () => {
  const { rpc } = createNode({ statuses: { '0x02': '0x0' } })
  await send(rpc, [transaction(PROVIDER), transaction(PROVIDER, '0x02'), transaction(PROVIDER)])
  expect(await outcomes(rpc, ['0', '1', '2'])).toEqual([undefined, undefined, undefined])
  for (let block = 0; block < 2; block += 1) await rpc.call('evm_mine', [])
  expect(await outcomes(rpc, ['1', '0', '2'])).toEqual(['reverted', 'done', undefined])
})

describe('a group that is carried out', () => {
  test('is mined until the last is in, and no longer', async () => {
    const { rpc, mined } = createNode()
    await execute(rpc, [transaction(PROVIDER), transaction(PROVIDER), transaction(PROVIDER)])
    expect(mined()).toBe(3)
  })

  test('fails with the step that is refused, before anything is mined', async () => {
    const { rpc, mined } = createNode({ refused: '0x02' })
    const failing = execute(rpc, [transaction(PROVIDER), transaction(PROVIDER, '0x02')])
    await expect(failing).rejects.toMatchObject({
      code: 'CALL_REVERTED',
      facts: { call: 'step 2 of 2 of the source market', reason: 'no funds' },
    })
    expect(mined()).toBe(0)
  })

  test('fails with the step that reverts', async () => {
    const { rpc } = createNode({ statuses: { '0x02': '0x0' } })
    const failing = execute(rpc, [transaction(PROVIDER), transaction(PROVIDER, '0x02'), transaction(PROVIDER)])
    await expect(failing).rejects.toMatchObject({ code: 'CALL_REVERTED', facts: { call: 'step 2 of 3 of the source market' } })
  })

  test('is given up after fifty blocks', async () => {
    const { rpc, mined } = createNode({ blocks: 1_000 })
    await expect(execute(rpc, [transaction(PROVIDER)])).rejects.toMatchObject({ code: 'CALL_NOT_SETTLED' })
    expect(mined()).toBe(50)
  })
})
