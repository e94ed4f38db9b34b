import { expect, test } from 'vitest'
import { inWords } from './manifest.ts'

test('whatever was set as a CID stays on its line and moves no cursor', async () => {
  expect(await inWords({ cid: '\x1b[2J\x1b[31mred\nline2', fromEpochId: 1 }, { folder: '/nowhere', isWhole: false })).toEqual([
    '\\u001b[2J\\u001b[31mred\\u000aline2 from epoch 1 on',
    '(its file is not in the data directory)',
  ])
})
