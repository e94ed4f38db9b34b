// The gas table of docs/CONTRACTS.md against the committed figures: what it says is what was measured, and no row is dearer than
// the deployed contracts' (spec/contracts.md).
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

type Row = { transaction: string; deployed: number | undefined; ours: number; share: string }

function rows(): Row[] {
  const [, gas = ''] = readFileSync(join(ROOT, 'docs/CONTRACTS.md'), 'utf8').split('## Gas')
  const lines = gas.split('\n').filter((line) => /^\|.*\| [\d,]+ \|[^|]*\|$/.test(line))
  return lines.map((line) => {
    const [, transaction = '', deployed = '', ours = '', share = ''] = line.split('|').map((cell) => cell.trim())
    return { transaction, deployed: deployed === '–' ? undefined : figure(deployed), ours: figure(ours), share }
  })
}

const figure = (text: string) => Number(text.replaceAll(',', ''))

test('every figure of ours was measured', () => {
  const snapshot = JSON.parse(readFileSync(join(ROOT, 'contracts/snapshots/GasTest.json'), 'utf8')) as Record<string, string>
  for (const { transaction, ours } of rows()) expect(ours, transaction).toBe(Number(snapshot[transaction]))
})

test('no transaction is dearer than with the deployed contracts', () => {
  const compared = rows().flatMap((row) => (row.deployed === undefined ? [] : [{ ...row, deployed: row.deployed }]))
  expect(compared).toHaveLength(39)
  expect(compared.filter((row) => row.ours > row.deployed)).toEqual([])
  for (const row of compared) expect(row, row.transaction).toMatchObject({ share: `${Math.round((100 * row.ours) / row.deployed)} %` })
})
