import { expect, test } from 'vitest'
import { sharesOf } from './mutate.ts'

test.each<[string[], string[], string[]]>([
  [['src/domain'], ['src/domain'], []],
  [['./src/wire/merkle.ts'], ['src/wire/merkle.ts'], []],
  [['src/io/chain'], [], ['src/io/chain']],
  [['chain/03'], [], ['chain/03']],
  [['src'], ['src/domain', 'src/wire'], ['src']],
  [['.'], ['src/domain', 'src/wire'], ['']],
  [['src/', 'src/domain/'], ['src/domain', 'src/wire'], ['src']],
  [['src/domain/tally.ts', 'src/roles'], ['src/domain/tally.ts'], ['src/roles']],
])('of %j the mechanical mutants are %j, and the faults those of %j', (paths, mechanical, faults) => {
  expect(sharesOf(paths)).toEqual({ mechanical, faults })
})
