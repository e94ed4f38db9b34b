import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CONFIG } from '../../computes/uniswap-v2/config.ts'

const README = readFileSync(join(import.meta.dirname, '../../computes/uniswap-v2/README.md'), 'utf8')

test('the page of a compute set lists each field of its configuration, in the order of its form', () => {
  const listed = [...(/## Its configuration\n([\s\S]*?)\n## /.exec(README)?.[1] ?? '').matchAll(/^\| `(\w+)` \| .+ \|$/gm)].map(
    ([, name]) => name,
  )
  expect(listed).toEqual(Object.keys(CONFIG.unwrap().shape))
})
