import { expect, test } from 'vitest'
import { parseAddress } from '#domain/ids.ts'
import type { RpcAnswer } from './answer.ts'
import type { Rpc } from './rpc.ts'
import { createOptionalView } from './views.ts'

const ABI = [{ type: 'function', name: 'limit', inputs: [], outputs: [{ type: 'uint256' }], stateMutability: 'view' }] as const
const CONTRACT = parseAddress(`0x${'ab'.repeat(20)}`)

/** What the view makes of what the node says. */
function asked(...answers: readonly [RpcAnswer, ...RpcAnswer[]]): Promise<bigint | undefined> {
  const left = [...answers]
  const rpc: Rpc = {
    endpoint: 'http://node.test',
    ask: async () => left.shift() as RpcAnswer,
    call: () => Promise.reject(new Error('asked otherwise')),
    all: () => Promise.reject(new Error('asked otherwise')),
  }
  const view = createOptionalView(rpc, ABI, CONTRACT)
  return answers.reduce((before, _) => before.then(() => view('limit', [])), Promise.resolve<bigint | undefined>(undefined))
}

const refused = (code: number, data?: string, message = 'execution reverted'): RpcAnswer => ({
  isOk: false,
  refusal: { code, message, data },
})

test.each<[string, RpcAnswer, bigint | undefined]>([
  ['the function is there', { isOk: true, result: `0x${'7'.padStart(64, '0')}` }, 7n],
  ['the function is not there', refused(3, '0x'), undefined],
  ['the function is not there, in the words of other nodes', refused(-32_000), undefined],
  ['whatever is called does nothing', { isOk: true, result: '0x' }, undefined],
])('%s', async (_name, answer, value) => {
  expect(await asked(answer)).toBe(value)
})

test.each<[string, RpcAnswer]>([
  ['a node that refuses to run it', refused(-32_005)],
  ['a node that has not that block', refused(-32_000, undefined, 'header not found')],
  ['an answer of something else', { isOk: true, result: '0x12' }],
])('%s says nothing about the contract', async (_name, answer) => {
  await expect(asked(answer)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID' })
})

const SEVEN: RpcAnswer = { isOk: true, result: `0x${'7'.padStart(64, '0')}` }

test.each<[string, RpcAnswer]>([
  ['reverts', refused(3, '0x')],
  ['does nothing', { isOk: true, result: '0x' }],
])('a function that was there is never gone: an endpoint where it %s says nothing about the contract', async (_name, answer) => {
  expect(await asked(answer, SEVEN)).toBe(7n)
  await expect(asked(SEVEN, answer)).rejects.toMatchObject({ code: 'CHAIN_ANSWER_INVALID', facts: { method: 'limit' } })
})
