import { expect, test } from 'vitest'
import { WeftError } from '#domain/errors.ts'
import type { Address } from '#domain/ids.ts'
import { watchAppointment } from './appointment.ts'

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
  const slept: number[] = []
  const market = async () => {
    const holders = left.shift()
    if (left.length === 0) stop.abort(new Error('enough'))
    if (holders === undefined || holders instanceof Error) throw holders
    return { epochManager: holders[0] ?? OTHER, sequencers: holders, validators: holders }
  }
  const deps = {
    chain: { protocolState: STATE, dataMarket: MARKET, market },
    sender: { address: ACCOUNT },
    random: { fraction: () => 1 },
    clock: {
      sleep: async (durationMs: number, signal: AbortSignal) => {
        slept.push(durationMs)
        signal.throwIfAborted()
      },
    },
    report: (event: string, facts: object) => void told.push([event, facts]),
  }
  const failure = await watchAppointment(office, deps, stop.signal).catch((cause: unknown) => (cause as Error).message)
  return { told, slept, failure }
}

test.each([
  ['epochManager', 'epoch manager', '--epoch-manager'],
  ['sequencer', 'sequencer', '--add-sequencer'],
  ['validator', 'validator', '--add-validator'],
] as const)('%s: every change is told once, with the command that helps', async (office, name, flag) => {
  const account = ACCOUNT
  const command = `./weft market set --rpc URL --protocol-state ${STATE} --data-market ${MARKET} ${flag} ${ACCOUNT}`
  const missing = ['not_appointed', { account, market: MARKET, missing: name, command }]
  const there = ['appointed', { account, market: MARKET, as: name }]
  const { told, slept } = await watchOver(office, [[OTHER], [OTHER], [ACCOUNT], [ACCOUNT], []])
  expect(told).toEqual([missing, there, missing])
  expect(slept).toEqual(Array(5).fill(15_000))
})

test('an account that is appointed from the start is nothing to tell, and the signal ends the watch with its reason', async () => {
  expect(await watchOver('sequencer', [[ACCOUNT], [OTHER, ACCOUNT]])).toMatchObject({ told: [], failure: 'enough' })
})

test('an outage is waited out and changes nothing', async () => {
  const outage = new WeftError('CHAIN_UNREACHABLE', { endpoint: 'e', method: 'm' })
  const { told, slept } = await watchOver('validator', [[OTHER], outage, outage, [OTHER], [OTHER]])
  const again = (pauseMs: number) => [
    'will_try_again',
    { doing: 'read_appointment', code: 'CHAIN_UNREACHABLE', endpoint: 'e', method: 'm', pauseMs },
  ]
  expect(told).toEqual([['not_appointed', expect.anything()], again(250), again(500)])
  expect(slept).toEqual([15_000, 250, 500, 15_000, 15_000])
})

test('a bug is thrown', async () => {
  expect((await watchOver('validator', [new TypeError('bug'), [OTHER]])).failure).toBe('bug')
})
