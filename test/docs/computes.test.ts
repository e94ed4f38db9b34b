import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CONFIG as AAVE } from '../../computes/aave-v3/config.ts'
import { CONFIG as UNISWAP } from '../../computes/uniswap-v2/config.ts'

test.each([
  ['uniswap-v2', UNISWAP],
  ['aave-v3', AAVE],
])('the page of the compute set %s lists each field of its configuration, in the order of its form', (name, form) => {
  const page = readFileSync(join(import.meta.dirname, `../../computes/${name}/README.md`), 'utf8')
  const listed = [...(/## Its configuration\n([\s\S]*?)\n## /.exec(page)?.[1] ?? '').matchAll(/^\| `(\w+)` \| .+ \|$/gm)]
  expect(listed.map(([, field]) => field)).toEqual(Object.keys(form.unwrap().shape))
})
