import { expect, test } from 'vitest'
import { isLoopback, isLoopbackHost } from './loopback.ts'

test.each(['127.0.0.1', '127.1.2.3', 'localhost', '[::1]'])('%s is this machine', (host) => {
  expect([isLoopbackHost(host), isLoopback(`${host}:80`), isLoopback(host), isLoopback(`${host}:`)]).toEqual([true, true, false, false])
})

test.each(['0.0.0.0', '10.0.0.1', '[::]', '127.0.0.1.example', 'localhost.example', '', '::1'])('%s is not', (host) => {
  expect([isLoopbackHost(host), isLoopback(`${host}:80`)]).toEqual([false, false])
})
