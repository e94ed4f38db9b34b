import { expect, test } from 'vitest'
import { watchAppointment } from './appointment.ts'
import { WeftError } from './errors.ts'
import type { Address } from './ids.ts'

const [ACCOUNT, OTHER, MARKET, STATE] = ['aa', 'bb', 'cc', 'dd'].map((digits) => `0x${digits.repeat(20)}`) as [
  Address,
  Address,
  Address,
  Address,
]

/** Asks as often as there are answers, then is told to stop. */
async function watchOver(office: Parameters<typeof watchAppointment>[0], answers: readonly (readonly Address[] | Error)[]) {
  const left = [...answers]
  const stop = new AbortController()
  const told: [string, object][] = []
  const market = async () => {
    const holders = left.shift()
    if (left.length === 0) stop.abort(new Error('enough'))
    if (holders === undefined || holders instanceof Error) throw holders
    return { epochManager: holders[0] ?? OTHER, sequencers: holders, validators: holders }
  }
  const deps = {
    chain: { protocolState: STATE, dataMarket: MARKET, market },
    sender: { address: ACCOUNT },
    clock: { sleep: async () => undefined },
    report: (event: string, facts: object) => void told.push([event, facts]),
  }
  await watchAppointment(office, deps, stop.signal)
  return told
}

test.each([
  ['epochManager', 'epoch manager', '--epoch-manager'],
  ['sequencer', 'sequencer', '--add-sequencer'],
  ['validator', 'validator', '--add-validator'],
] as const)('%s: every change is told once, with the command that helps', async (office, name, flag) => {
  const account = ACCOUNT
  const command = `weft market set --protocol-state ${STATE} --data-market ${MARKET} ${flag} ${ACCOUNT}`
  const missing = ['not_appointed', { account, market: MARKET, missing: name, command }]
  const there = ['appointed', { account, market: MARKET, as: name }]
  expect(await watchOver(office, [[OTHER], [OTHER], [ACCOUNT], [ACCOUNT], []])).toEqual([missing, there, missing])
})

test('an account that is appointed from the start is nothing to tell', async () => {
  expect(await watchOver('sequencer', [[ACCOUNT], [OTHER, ACCOUNT]])).toEqual([])
})

test('an outage is waited out and changes nothing', async () => {
  const outage = new WeftError('CHAIN_UNREACHABLE', { endpoint: 'e', method: 'm' })
  const told = await watchOver('validator', [[OTHER], outage, outage, [OTHER], [OTHER]])
  expect(told.map(([event]) => event)).toEqual(['not_appointed', 'will_try_again', 'will_try_again'])
})

test('a bug is thrown', async () => {
  await expect(watchOver('validator', [new TypeError('bug'), [OTHER]])).rejects.toThrow('bug')
})
