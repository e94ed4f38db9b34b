import { expect, test } from 'vitest'
import type { RpcAnswer } from './answer.ts'
import { isHashUnknown } from './doubts.ts'

const refused: RpcAnswer = { isOk: false, refusal: { code: -32_602, message: 'invalid params', data: undefined } }
const place = { blockHash: '0x01', requireCanonical: true }

test('who does not take the parameters of a call by hash knows no hashes; with a state override it may be that', () => {
  expect(isHashUnknown({ method: 'eth_call', params: [{}, place] }, refused)).toBe(true)
  expect(isHashUnknown({ method: 'eth_call', params: [{}, place, {}] }, refused)).toBe(false)
  expect(isHashUnknown({ method: 'eth_call', params: [{}, '0x1'] }, refused)).toBe(false)
})
