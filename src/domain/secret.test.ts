import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { Secret } from './secret.ts'

const secret = new Secret('hunter2')

test('a secret is told only to whoever asks for it by name', () => {
  expect(secret.reveal()).toBe('hunter2')
})

test.each([
  ['as text', String(secret), '[secret]'],
  ['within a sentence', `key ${secret}`, 'key [secret]'],
  ['as JSON', JSON.stringify({ secret }), '{"secret":"[secret]"}'],
  ['in the inspector', inspect({ secret }, { showHidden: true, depth: null }), '{ secret: [secret] }'],
])('a secret does not print %s', (_, printed, expected) => {
  expect(printed).toBe(expected)
})
