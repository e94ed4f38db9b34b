import { expect, test } from 'vitest'
import { isPeerAddress } from './peer-address.ts'

const ED25519 = '12D3KooWQzLtLgEt4JEebiXfEjZgAB8gZ58JHaVvZjGEuHhBBJMn'
const SECP256K1 = '16Uiu2HAmDjFgYnn7RJHsKdBnNQdPMvTpQFvSTqVb4kJgL7Be8vQz'
const HASHED = 'QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt'

test.each([
  [true, ED25519],
  [true, SECP256K1],
  [true, HASHED],
  [true, `${ED25519}/p2p-circuit/p2p/${SECP256K1}`],
  [false, ''],
  [false, `${ED25519}x`],
  [false, ED25519.slice(0, -1)],
  [false, `${SECP256K1}x`],
  [false, SECP256K1.slice(0, -1)],
  [false, `${HASHED}x`],
])('%s: an id that was cut or has a letter too many is nobody’s (%s)', (is, ids) => {
  expect(isPeerAddress(`/dns/example.org/tcp/9100/p2p/${ids}`)).toBe(is)
})
