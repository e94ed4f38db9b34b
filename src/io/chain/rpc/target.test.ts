import { expect, test } from 'vitest'
import { parseTargets, problemsInTargets } from './target.ts'

test('one or several URLs, each with what is known of it', () => {
  expect(parseTargets('https://a.test/key')).toMatchObject([
    { url: 'https://a.test/key', endpoint: 'https://a.test', weight: 1, callsPerSecond: undefined, isArchive: false },
  ])
  expect(parseTargets('https://a.test/1;weight=3;rps=25;archive, http://b.test:8545 ,https://a.test/2; archive')).toMatchObject([
    { url: 'https://a.test/1', endpoint: 'https://a.test', weight: 3, callsPerSecond: 25, isArchive: true },
    { url: 'http://b.test:8545/', endpoint: 'http://b.test:8545', weight: 1, callsPerSecond: undefined, isArchive: false },
    { url: 'https://a.test/2', endpoint: 'https://a.test #2', isArchive: true },
  ])
})

test.each([
  ['', ['is not an http(s) URL']],
  ['ws://a.test', ['is not an http(s) URL']],
  ['https://a.test,', ['number 2 of 2 is not an http(s) URL']],
  ['https://a.test;wieght=2', [expect.stringContaining('weight=1 to 1000')]],
  ['https://a.test;weight=0', [expect.stringContaining('weight=1 to 1000')]],
  ['https://a.test;rps=1e3', [expect.stringContaining('rps=1 to 100000')]],
  ['https://a.test;archive=yes,ftp://b', [expect.stringContaining('number 1 of 2 has something'), 'number 2 of 2 is not an http(s) URL']],
])('%j: %j, and what was written is not repeated', (text, problems) => {
  expect(problemsInTargets(text)).toEqual(problems)
  expect(() => parseTargets(text)).toThrow('SETTINGS_INVALID')
})
