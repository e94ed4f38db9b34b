import { expect, test } from 'vitest'
import { createPools, type Listener, OWN_POOLS, type Told } from './pools.ts'

function listener(directory: string) {
  const heard: string[] = []
  const note = (what: string) => () => void heard.push(what)
  const told: Listener = {
    directory,
    onTrouble: note('trouble'),
    onUse: note('counted'),
    onUseOfAll: note('used'),
    onUnproved: note('unproved'),
  }
  return { ...told, heard }
}
const one = listener('one')

test('what is pools is opened once, and alone each opens its own', () => {
  const pools = createPools()
  expect(pools(['a', 1], one, () => ({}))).toBe(pools(['a', 1], listener('two'), () => ({})))
  expect(pools(['a', 1], one, () => ({}))).not.toBe(pools(['a', 2], one, () => ({})))
  expect(OWN_POOLS(['a'], one, () => ({}))).not.toBe(OWN_POOLS(['a'], one, () => ({})))
})

test('what failed to open is tried again', async () => {
  const pools = createPools()
  await expect(pools(['a'], one, () => Promise.reject(new Error('away')))).rejects.toThrow('away')
  expect(await pools(['a'], one, () => Promise.resolve(7))).toBe(7)
})

test('all who ask through a pool hear what its endpoints do, one of them counts; who starts again hears in the place of its earlier self', () => {
  const pools = createPools()
  const [first, second, again] = [listener('one'), listener('two'), listener('one')]
  const happens = ({ onUse, onTrouble, onUnproved }: Told) => {
    onUse({ endpoint: 'http://a', outcome: 'unreachable' })
    onTrouble({ endpoint: 'http://a', trouble: 'unreachable', detail: '' })
    onUnproved('headers')
  }
  const told = pools(['a'], first, (all) => all)
  pools(['a'], second, (all) => all)
  happens(told)
  expect([first.heard, second.heard]).toEqual([
    ['counted', 'trouble', 'unproved'],
    ['used', 'trouble', 'unproved'],
  ])
  pools(['a'], again, (all) => all)
  happens(told)
  expect([first.heard.length, second.heard.length, again.heard]).toEqual([3, 6, ['counted', 'trouble', 'unproved']])
})
