import { describe, expect, test } from 'vitest'
import { EPOCH_REASONS } from '#domain/epoch.ts'
import { ERRORS } from '#domain/errors.ts'
import { EVENTS } from '#domain/events.ts'
import { PROJECT_REASONS } from '#domain/project.ts'
import { METRICS } from '#domain/metrics.ts'
import {
  ABSENCE_REASONS,
  BATCH_REASONS,
  DELIVERY_REASONS,
  DISPUTE_REASONS,
  ENDPOINT_TROUBLES,
  GATEWAY_TROUBLES,
  RECOMPUTE_REASONS,
  UNREADY_REASONS,
  UNTOLD_REASONS,
  WORDS,
} from '#domain/reasons.ts'
import { REJECTIONS } from '#domain/rejection.ts'
import { SETTINGS } from '#node/settings/settings.ts'
import { weft } from './cli.test-world.ts'

/** Without a variable set. */
const run = (...args: string[]) => weft({}, ...args)

describe('explain', () => {
  test.each([...Object.keys(ERRORS), ...Object.keys(REJECTIONS)])('%s is explained, however it is written', async (code) => {
    for (const written of [code.toUpperCase(), code.toLowerCase()]) {
      const { out, exitCode } = await run('explain', written)
      // Two codes may differ by their letters alone: the one that is written comes first, the other after it.
      const isTheOther = written !== code && (Object.hasOwn(ERRORS, written) || Object.hasOwn(REJECTIONS, written))
      expect([exitCode, out.startsWith(`${isTheOther ? written : code} (`)]).toEqual([0, true])
      expect(`\n${out}`).toContain(`\n${code} (`)
      expect(out).toContain({ ...ERRORS, ...REJECTIONS }[code as keyof typeof ERRORS].help)
    }
  })

  test('says whether a submission may come again, and who is to blame', async () => {
    expect((await run('explain', 'signer_mismatch')).out).toContain('(a submission is refused for good; blame: sender)')
    expect((await run('explain', 'epoch_unknown')).out).toContain('(a submission is refused for now; blame: nobody)')
  })

  test.each([...Object.keys(EPOCH_REASONS), ...Object.keys(PROJECT_REASONS)])('%s is the end of an epoch or a project', async (reason) => {
    const { out, exitCode } = await run('explain', reason)
    expect([exitCode, out.includes(`${reason} (`)]).toEqual([0, true])
    for (const table of [EPOCH_REASONS, PROJECT_REASONS])
      for (const [name, row] of Object.entries(table)) if (name === reason) expect(out).toContain(typeof row === 'string' ? row : row.help)
  })

  test('a code with two meanings is explained twice', async () => {
    const { out } = await run('explain', 'window_closed')
    expect(out.split('\n\n')).toEqual([
      expect.stringMatching(/^window_closed \(a submission is refused for good; blame: nobody\)\n./),
      expect.stringMatching(/^window_closed \(why a project of an epoch ended\)\n.+ The project is missed\.\n?$/),
    ])
  })

  test.each(['e24', 'E24'])('%s is a revert of the contracts', async (code) => {
    const { out, exitCode } = await run('explain', code)
    expect([exitCode, out]).toEqual([0, expect.stringMatching(/^E24 \(revert of the protocol state contracts\)\n./)])
  })

  test.each([
    ...Object.keys(EVENTS),
    ...Object.keys(EPOCH_REASONS),
    ...Object.keys(PROJECT_REASONS),
    ...Object.keys(BATCH_REASONS),
    ...Object.keys(DELIVERY_REASONS),
    ...Object.keys(UNTOLD_REASONS),
    ...Object.keys(RECOMPUTE_REASONS),
    ...Object.keys(DISPUTE_REASONS),
    ...Object.keys(ENDPOINT_TROUBLES),
    ...Object.keys(GATEWAY_TROUBLES),
    ...Object.keys(UNREADY_REASONS),
    ...Object.keys(WORDS),
    ...Object.keys(ABSENCE_REASONS),
    ...Object.keys(METRICS),
    ...Object.keys(SETTINGS),
    ...Object.values(SETTINGS).map(({ env }) => env),
    // What the tables of `./weft outbox`, `get` and `released` say.
    ...['queued', 'included', 'missing', 'pending', 'finalized', 'disputed', 'absent', 'open', 'empty'],
  ])('%s, as a log line or a record has it, is explained', async (code) => {
    const { out, exitCode } = await run('explain', code.toUpperCase())
    expect([exitCode, out]).toEqual([0, expect.stringContaining(`${code} (`)])
  })

  test.each<[string, string, Readonly<Record<string, string>>]>([
    ['gateway_trouble', 'trouble', GATEWAY_TROUBLES],
    ['endpoint_trouble', 'trouble', ENDPOINT_TROUBLES],
    ['unready', 'reason', UNREADY_REASONS],
    ['counts_not_sent', 'reason', UNTOLD_REASONS],
    ['batch_not_corrected', 'reason', DISPUTE_REASONS],
    ['batch_withheld', 'reason', BATCH_REASONS],
    ['recompute_undecided', 'reason', RECOMPUTE_REASONS],
    ['epoch_missed', 'reason', EPOCH_REASONS],
  ])('of %s each word that its `%s` may be is explained with it, as by itself', async (event, fact, words) => {
    const { out } = await run('explain', event)
    expect(out).toContain(`\nIts \`${fact}\`:\n`)
    for (const [word, meaning] of Object.entries(words)) {
      expect(out).toContain(`\n  ${word}: ${meaning}\n`)
      expect((await run('explain', word)).out).toContain(meaning)
    }
  })

  test('a name that means several things is explained as each of them', async () => {
    const { out } = await run('explain', 'release_undone')
    for (const kind of ['an event of the log', 'why an epoch is over', 'why a project of an epoch ended'])
      expect(out).toContain(`release_undone (${kind})\n`)
    expect((await run('explain', 'window_closed')).out).toMatch(/^window_closed \(a submission .*\n.*\n\nwindow_closed \(why a project/)
  })

  test.each(['constructor', '__proto__', 'nothing', ''])('%j is no code', async (code) => {
    const { out, err, exitCode } = await run('explain', code)
    expect([out, exitCode]).toEqual(['', 1])
    expect(err).toContain(`no code '${code}'`)
  })

  test('suggests what was meant, each name once', async () => {
    expect((await run('explain', 'window_close')).err).toContain('; did you mean window_closed? ')
    expect((await run('explain', 'STORE_FULLL')).err).toContain("no code 'STORE_FULLL'; did you mean STORE_FULL?")
    expect((await run('explain', 'signer_mismach')).err).toContain('did you mean signer_mismatch?')
  })
})

describe('settings', () => {
  test('lists those of a role, each with its flag, variable, range and default', async () => {
    const { out } = await run('settings', 'relay')
    expect(out).toContain('--reservations-max  WEFT_RESERVATIONS_MAX  (integer, 1 to 100000; default 1000)\n')
    expect(out).not.toContain('--head-offset')
    expect((await run('settings')).out).toContain('--head-offset  WEFT_HEAD_OFFSET  (integer, 1 to 10000 blocks; default 2)\n')
  })

  test('as JSON is the table', async () => {
    const table = JSON.parse((await run('settings', 'collector', '--json')).out) as { flag: string; env: string }[]
    expect(table.map(({ flag }) => flag)).toEqual([
      '--data-dir',
      '--log-format',
      '--health-listen',
      '--health-hosts',
      '--alert-to',
      '--alert-cooldown',
      '--heartbeat-url',
      '--otlp-endpoint',
      '--otlp-traces-endpoint',
      '--network',
      '--anchor-rpc-url',
      '--anchor-chain-id',
      '--protocol-state',
      '--data-market',
      '--poll-ms',
      '--proofs',
      '--proof-sample-percent',
      '--signer-url',
      '--signer-ca',
      '--signer-client',
      '--signer-timeout',
      '--signer-key',
      '--signer-password',
      '--identity-password',
      '--slots',
      '--grpc-listen',
      '--sequencers',
      '--trusted-sequencers',
      '--trusted-sequencers-pin',
      '--outbox-max',
      '--outbox-per-slot-max',
      '--outbox-age-max',
      '--also-to',
      '--relayers',
      '--rendezvous-point',
      '--rendezvous-at',
      '--gateways',
    ])
  })

  test('of a role that there is not are none', async () => {
    const { out, err, exitCode } = await run('settings', 'relais')
    expect(out).toBe('')
    expect(err).toContain("no role 'relais'; did you mean relay?")
    expect(exitCode).not.toBe(0)
  })
})

describe('flags that are out of range', () => {
  const market = ['market', 'set', '--rpc', 'http://127.0.0.1:1']
  test.each([
    [['devnet', '--slots', '2'], '3 to 100'],
    [['devnet', '--slots', '101'], '3 to 100'],
    [['devnet', '--liars', '50'], '0 to 49'],
    [['devnet', '--epochs', '0'], '1 to 1000000'],
    [['devnet', '--seed', '-1'], '0 to 4294967295'],
    [['slots', 'mint', '--count', '0'], '1 to 10000'],
    [['slots', 'mint', '--count', '10001'], '1 to 10000'],
    [['slots', 'assign', '3-1=0x0101010101010101010101010101010101010101'], 'no range'],
    [['slots', 'assign', '0=0x0101010101010101010101010101010101010101'], 'no range'],
    [['slots', 'assign', '1-10001=0x0101010101010101010101010101010101010101'], 'no range'],
    [['slots', 'assign', '1=0x01'], 'is not SLOT=ADDRESS'],
    [[...market, '--snapshot-window', '0'], '1 to 10000000'],
    [[...market, '--min-attestations', '1001'], '1 to 1000'],
    [[...market, '--daily-quota', '1.5'], 'decimal integer'],
    [[...market, '--daily-quota', '01'], 'decimal integer'],
    [[...market, '--reward-pool-wei', String(2n ** 128n)], 'decimal integer'],
    [[...market, '--reward-allowance-wei', 'infinite'], 'decimal integer'],
    [[...market, '--sequencer-id', 'a b'], 'without spaces'],
    [[...market, '--add-validator', '0x01'], 'ID_MALFORMED'],
    [['market', 'create', '--epoch-size', '256', '--source-chain-id', '1', '--source-block-time', '2'], '1 to 255'],
    [['market', 'create', '--epoch-size', '1', '--source-chain-id', '0', '--source-block-time', '2'], '1 to'],
    [['market', 'create', '--epoch-size', '1', '--source-chain-id', '1', '--source-block-time', '0'], 'no number of seconds'],
    [['market', 'create', '--epoch-size', '1', '--source-chain-id', '1', '--source-block-time', '1.00001'], 'no number of seconds'],
  ])('%j is refused: %s', async (args, reason) => {
    const { out, err, exitCode } = await run(...args)
    expect(out).toBe('')
    expect(err).toContain(reason)
    expect(exitCode).not.toBe(0)
  })
})

describe('bench', () => {
  test('starts none when one of those named is not there: a run that measured fewer would pass for all', async () => {
    const { err, exitCode } = await run('bench', 'intake', 'intak')
    expect([exitCode === 0, err]).toEqual([false, expect.stringMatching(/there is no benchmark intak; there are .*\bintake\b/)])
  })
})
