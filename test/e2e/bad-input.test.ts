import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { Client, credentials, status } from '@grpc/grpc-js'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { devAccount } from '#devnet/accounts.ts'
import type { EpochId } from '#domain/ids.ts'
import type { ReceiptCode } from '#domain/rejection.ts'
import type { Receipt, Submission } from '#domain/submission.ts'
import type { BlockRef } from '#io/chain/port.ts'
import { type CollectorDialer, createSubmissionDialer } from '#io/p2p/dialer.ts'
import type { SubmissionLink } from '#io/p2p/port.ts'
import { openSqliteStore } from '#io/store/sqlite.ts'
import { SnapshotSubmissionSchema } from '#wire/gen/submission_pb.ts'
import { withLength } from '#wire/length-prefix.ts'
import { encodeSubmission, SUBMISSION_BYTES_MAX } from '#wire/submission-proto.ts'
import { createReceiptReader, encodeDelivery, parseReceipt, SUBMIT_PROTOCOL } from '#wire/submit-frame.ts'
import { LIMIT_MS, within } from './within.ts'
import { CIDS, createStranger, deliverFirst, projectOf, runWeft, type World, type Stranger, openWorld, type WeftRole } from './world.ts'

/**
 * Everything wrong that a peer can send, to real processes: each gets its own code, nothing ends a process, and in the end the batch
 * holds exactly what was accepted.
 */

/** Long enough for everything below at one block a second; then the rest is mined at once. */
const WINDOW_BLOCKS = 120
const SLOTS = 4
const FLOOD_CALLS = 2_000
/** A protobuf tag: field 1, a group begins. */
const START_GROUP = 0x0b
/** Order of secp256k1. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

let world: World
let sequencer: WeftRole
let dialer: CollectorDialer
let link: SubmissionLink
let stranger: Stranger
let header: BlockRef
let epochId: EpochId
let closed: { readonly epochId: EpochId; readonly header: BlockRef }
/** What must be in the batches, and nothing else. */
const accepted = new Set<string>()
const keyOf = ({ request }: Submission) => `${request.slotId} ${request.projectId} ${request.snapshotCid}`

beforeAll(async () => {
  world = await openWorld({ chainId: 7_870, windowBlocks: WINDOW_BLOCKS, slots: SLOTS })
  sequencer = await world.startSequencer()
  const address = sequencer.places['p2p']?.[0] as string
  dialer = await createSubmissionDialer({ identity: crypto.getRandomValues(new Uint8Array(32)) })
  link = await dialer.dial(address, AbortSignal.timeout(10_000))
  stranger = await createStranger(address)
  closed = await world.releaseEpoch()
  await world.mine(WINDOW_BLOCKS + 1)
  ;({ epochId, header } = await world.releaseEpoch())
  const first = world.sign({ project: projectOf('first'), header, epochId })
  await deliverFirst(link, first, sequencer)
  accepted.add(keyOf(first))
}, 60_000)

afterAll(async () => {
  await stranger?.stop()
  await dialer?.stop()
  await world?.close()
})

const sign = (changes: Partial<Parameters<World['sign']>[0]> = {}) => world.sign({ project: projectOf('bad'), header, epochId, ...changes })

async function deliver(payload: Uint8Array, submissionId: string = crypto.randomUUID()): Promise<ReceiptCode> {
  const { output: told, exited } = sequencer
  const receipt = await within(link.send({ submissionId, payload }), { awaited: 'a receipt', limitMs: LIMIT_MS, told, ended: exited })
  return (receipt as Receipt).code
}

let goodCount = 0
/** The process lives and takes what is right. */
async function expectGoodTaken(): Promise<void> {
  const good = sign({ project: projectOf(`good-${goodCount++}`) })
  expect(await deliver(encodeSubmission(good))).toBe('accepted')
  accepted.add(keyOf(good))
  expect(sequencer.child.exitCode).toBe(null)
}

const garbage = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 167 + 13) & 0xff)
/** For any port that speaks something else. */
const NOT_OURS = ['GET / HTTP/1.1\r\n\r\n', garbage(10_000), '\x13/multistream/1.0.0\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff', '']

/** Writes to a port and waits until the connection is gone: ended or, with bytes still on their way, reset. */
function sendUntilClosed(port: number, bytes: string | Uint8Array): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes))
    socket.on('error', () => resolve())
    socket.on('close', () => resolve())
    socket.resume()
  })
  return within(closed, { awaited: `the end of a connection to port ${port}`, limitMs: LIMIT_MS, told: world.outputs })
}

describe('submissions that are wrong', () => {
  afterEach(expectGoodTaken)

  /** The same signature with its other s, equally valid on the curve. */
  function withHighS(submission: Submission): Submission {
    const { signature } = submission
    const s = (ORDER - BigInt(`0x${signature.slice(64, 128)}`)).toString(16).padStart(64, '0')
    return { ...submission, signature: `${signature.slice(0, 64)}${s}${signature.endsWith('1b') ? '1c' : '1b'}` }
  }

  function withIds(ids: { readonly slotId?: bigint; readonly epochId?: bigint; readonly deadline?: bigint }): Uint8Array {
    const { request, ...rest } = sign()
    const { snapshotCid, projectId } = request
    const numbers = { slotId: 1n, epochId: BigInt(epochId), deadline: BigInt(request.deadlineBlock), ...ids }
    return toBinary(
      SnapshotSubmissionSchema,
      create(SnapshotSubmissionSchema, { ...rest, request: { snapshotCid, projectId, ...numbers } }),
    )
  }

  const cases: readonly (readonly [string, () => Submission | Uint8Array, ReceiptCode])[] = [
    ['no protobuf', () => Uint8Array.of(0xff, 0xff, 0xff), 'submission_malformed'],
    ['an empty payload', () => new Uint8Array(0), 'submission_malformed'],
    ['groups within groups without end', () => new Uint8Array(60_000).fill(START_GROUP), 'submission_malformed'],
    ['a slot id above 2^53', () => withIds({ slotId: 2n ** 53n }), 'submission_malformed'],
    ['an epoch id of 2^64 - 1', () => withIds({ epochId: 2n ** 64n - 1n }), 'submission_malformed'],
    ['a deadline above 2^53', () => withIds({ deadline: 2n ** 53n + 1n }), 'submission_malformed'],
    ['a header that is no hash', () => ({ ...sign(), header: '0x1234' }), 'submission_malformed'],
    ['an unknown market', () => ({ ...sign(), dataMarket: `0x${'11'.repeat(20)}` }), 'market_unknown'],
    ['no market', () => ({ ...sign(), dataMarket: '' }), 'market_unknown'],
    ['another protocol state', () => ({ ...sign(), protocolState: `0x${'11'.repeat(20)}` }), 'market_unknown'],
    ['a project id without namespace', () => sign({ project: 'project' }), 'project_malformed'],
    ['a project id with a space', () => sign({ project: 'project:a b:STAGE' }), 'project_malformed'],
    ['a project of another namespace', () => sign({ project: 'project:bad:OTHER' }), 'project_not_allowed'],
    ['a CID of another length', () => sign({ snapshotCid: CIDS[0].slice(0, -1) }), 'cid_malformed'],
    ['a CIDv0', () => sign({ snapshotCid: 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG' }), 'cid_malformed'],
    ['an epoch that was never released', () => sign({ epochId: 1_000 }), 'epoch_unknown'],
    ['an epoch whose window is over', () => sign({ ...closed }), 'window_closed'],
    ['a header that is no block', () => ({ ...sign(), header: `0x${'11'.repeat(32)}` }), 'header_unknown'],
    ['a header from before the epoch', () => ({ ...sign(), header: closed.header.hash }), 'header_unknown'],
    ['a deadline below its header', () => sign({ deadlineBlock: header.number - 1 }), 'deadline_passed'],
    ['a deadline too far ahead', () => sign({ deadlineBlock: header.number + 1_001 }), 'deadline_too_far'],
    ['a slot that does not exist', () => sign({ slotId: SLOTS + 1 }), 'slot_unknown'],
    ['slot 0', () => sign({ slotId: 0 }), 'slot_unknown'],
    ['the signature of somebody else', () => sign({ signedBy: devAccount('somebody else') }), 'signer_mismatch'],
    ['a signature of something else', () => ({ ...sign(), signature: sign({ snapshotCid: CIDS[1] }).signature }), 'signer_mismatch'],
    ['a signature with a high s', () => withHighS(sign()), 'signature_malformed'],
    ['a signature that is too short', () => ({ ...sign(), signature: sign().signature.slice(2) }), 'signature_malformed'],
    ['no signature', () => ({ ...sign(), signature: '' }), 'signature_malformed'],
    ['a signature of zeros', () => ({ ...sign(), signature: '0'.repeat(130) }), 'signature_malformed'],
    ['a simulation by somebody else', () => sign({ epochId: 0, signedBy: devAccount('somebody else') }), 'signer_mismatch'],
    ['a simulation', () => sign({ epochId: 0 }), 'simulated'],
  ]

  test.each(cases)('%s', async (_, make, code) => {
    const made = make()
    expect(await deliver(made instanceof Uint8Array ? made : encodeSubmission(made))).toBe(code)
  })

  test('a submission id that is no UUID', async () => {
    expect(await deliver(encodeSubmission(sign()), 'not-a-uuid')).toBe('submission_malformed')
  })

  test('the first vote stands: again is a duplicate, another one is evidence', async () => {
    const first = sign({ project: projectOf('conflict') })
    expect(await deliver(encodeSubmission(first))).toBe('accepted')
    accepted.add(keyOf(first))
    const second = sign({ project: projectOf('conflict'), snapshotCid: CIDS[1] })
    expect(await deliver(encodeSubmission(second))).toBe('vote_conflict')
    expect(await deliver(encodeSubmission(first))).toBe('duplicate')
  })

  test('an id that is taken by another vote does not spoil the batch', async () => {
    const submissionId = crypto.randomUUID()
    for (const project of ['same-id-1', 'same-id-2']) {
      const submission = sign({ project: projectOf(project) })
      expect(await deliver(encodeSubmission(submission), submissionId)).toBe('accepted')
      accepted.add(keyOf(submission))
    }
  })
})

describe('streams that are wrong', () => {
  afterEach(expectGoodTaken)

  const delivery = () => encodeDelivery({ submissionId: crypto.randomUUID(), payload: encodeSubmission(sign()) })
  const tooLarge = () => encodeDelivery({ submissionId: crypto.randomUUID(), payload: new Uint8Array(SUBMISSION_BYTES_MAX + 1) })
  const tooLong = new Uint8Array(1_024 * 1_024)

  test.each([
    ['a frame that holds no delivery', () => [withLength(Uint8Array.of(0xff, 0xff))], 'frame_malformed'],
    ['a frame of groups within groups', () => [withLength(new Uint8Array(60_000).fill(START_GROUP))], 'frame_malformed'],
    ['a frame of no bytes', () => [Uint8Array.of(0)], 'frame_malformed'],
    ['a length of more bytes than any frame has', () => [Uint8Array.of(0xff, 0xff, 0xff, 0xff)], 'frame_malformed'],
    ['a length above the limit, and not a byte more', () => [withLength(tooLong).subarray(0, 3)], 'frame_oversized'],
    ['a frame above the limit', () => [withLength(tooLong)], 'frame_oversized'],
    ['a submission above the limit', () => [tooLarge()], 'frame_oversized'],
    ['nothing but 0xff', () => Array.from({ length: 64 }, () => new Uint8Array(16_384).fill(0xff)), 'frame_malformed'],
  ] as const)('%s is answered, then the stream ends', async (_, pieces, code) => {
    const answer = await stranger.converse(SUBMIT_PROTOCOL, pieces())
    const receipts = createReceiptReader()
      .push(answer)
      .map((step) => (step.kind === 'frame' ? parseReceipt(step.bytes)?.code : step.kind))
    expect(receipts).toEqual([code])
  })

  test('garbage on both protocols ends the stream', async () => {
    for (const protocol of [SUBMIT_PROTOCOL, '/collect']) await stranger.converse(protocol, [garbage(50_000), garbage(50_000)])
  })

  test('JSON of another shape on /collect', async () => {
    const shapes = [
      '{}',
      '{"request":null}',
      '{"request":[]}',
      `{"request":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
      '{"__proto__":{"request":{}}}',
    ]
    const messages = shapes.map((json) => new TextEncoder().encode(`${crypto.randomUUID()}${json}`))
    await stranger.converse('/collect', messages, true)
  })

  test('a message above the limit ends a /collect stream', async () => {
    const message = new TextEncoder().encode(`${crypto.randomUUID()}{"request":{"projectId":"${'x'.repeat(SUBMISSION_BYTES_MAX)}"}}`)
    await stranger.converse('/collect', [message])
  })

  test('half a frame, then the stream or the connection is gone, more often than there may be streams', async () => {
    const half = delivery().subarray(0, 100)
    for (let round = 0; round < 20; round += 1) {
      await stranger.converse(SUBMIT_PROTOCOL, [half], true)
      const resetting = await stranger.open(SUBMIT_PROTOCOL)
      resetting.send(half)
      resetting.abort(new Error('gone'))
    }
    const leaver = await createStranger(sequencer.places['p2p']?.[0] as string)
    for (const protocol of [SUBMIT_PROTOCOL, '/collect']) (await leaver.open(protocol)).send(half)
    await leaver.stop()
  })

  test.each(['p2p', 'ipfs'])('bytes that are no libp2p at all, on the port of %s', async (place) => {
    const port = Number(/\/tcp\/(\d+)\//.exec(sequencer.places[place]?.[0] as string)?.[1])
    for (const bytes of NOT_OURS) await sendUntilClosed(port, bytes)
    // More at once than it takes from one address in a second.
    await Promise.all(Array.from({ length: 300 }, () => sendUntilClosed(port, '')))
  })
})

describe('the gateway', () => {
  afterEach(expectGoodTaken)

  /** Unlike `fetch`, sends the path as it is. Status 0: the connection was closed instead of an answer. */
  function ask(path: string): Promise<number> {
    const url = new URL(sequencer.places['gateway']?.[0] as string)
    return new Promise((resolve) => {
      get({ host: url.hostname, port: url.port, path, agent: false }, (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      }).on('error', () => resolve(0))
    })
  }

  test.each([
    ['a path out of the store', '/ipfs/../../state.sqlite?format=raw', 404],
    ['the same, escaped', '/ipfs/..%2f..%2fstate.sqlite?format=raw', 400],
    ['a file name', '/ipfs/state.sqlite?format=raw', 400],
    ['no path', '/', 404],
    ['another path', '/../peer-seed', 404],
    ['letters that are no CID', '/ipfs/bafkrei?format=raw', 400],
    ['a CID that nobody has', `/ipfs/${CIDS[1]}?format=raw`, 504],
    ['another format', `/ipfs/${CIDS[1]}?format=tar`, 400],
    ['a long URL', `/ipfs/${'a'.repeat(600)}?format=raw`, 400],
    ['a huge URL', `/ipfs/${'a'.repeat(1_000_000)}`, 0],
  ])('%s', async (_, path, code) => {
    expect(await ask(path)).toBe(code)
  })

  test('bytes that are no HTTP', async () => {
    const port = Number(new URL(sequencer.places['gateway']?.[0] as string).port)
    for (const bytes of NOT_OURS) await sendUntilClosed(port, bytes)
  })
})

describe('the collector', () => {
  let collector: WeftRole
  let client: Client

  beforeAll(async () => {
    collector = await world.startCollector(sequencer)
    client = new Client(collector.places['grpc']?.[0] as string, credentials.createInsecure(), { 'grpc.max_send_message_length': -1 })
  }, 30_000)
  afterAll(() => client?.close())

  /** The answer's text, or the status. */
  function call(bytes: Uint8Array): Promise<string | status> {
    const same = (value: Uint8Array) => Buffer.from(value)
    const text = (value: Buffer) => value.subarray(2).toString()
    // Without one, a call that is never answered never ends.
    const deadline = Date.now() + LIMIT_MS
    return new Promise((resolve) => {
      client.makeUnaryRequest('/submission.Submission/SubmitSnapshot', same, text, bytes, { deadline }, (cause, answer) =>
        resolve(cause?.code ?? (answer as string)),
      )
    })
  }

  test('what does not parse and what is too large is refused', async () => {
    expect(await call(Uint8Array.of(0xff, 0xff))).toBe(status.INVALID_ARGUMENT)
    expect(await call(new Uint8Array(10 * SUBMISSION_BYTES_MAX))).toBe(status.RESOURCE_EXHAUSTED)
  })

  test('bytes that are no gRPC end their connection and nothing else', async () => {
    const port = Number(collector.places['grpc']?.[0]?.split(':').at(-1))
    for (const bytes of NOT_OURS) await sendUntilClosed(port, bytes)
    expect(await call(Uint8Array.of(0xff))).toBe(status.INVALID_ARGUMENT)
    expect(collector.child.exitCode).toBe(null)
  })

  test('a flood, with garbage in between, loses nothing that was answered Success', async () => {
    const submissions = Array.from({ length: FLOOD_CALLS }, (_, index) =>
      sign({ project: projectOf(`flood-${Math.floor(index / SLOTS)}`), slotId: 1 + (index % SLOTS) }),
    )
    const answers = await Promise.all(
      submissions.map(async (submission, index) => {
        if (index % 100 === 0) expect(await call(Uint8Array.of(0xff))).toBe(status.INVALID_ARGUMENT)
        const answer = await call(encodeSubmission(submission))
        if (answer === 'Success') accepted.add(keyOf(submission))
        return answer
      }),
    )
    // Node resets a call that comes in the moment in which another of the thousand allowed ends; it never reached the collector.
    const refused = answers.filter((answer) => answer !== 'Success')
    expect(refused.every((answer) => answer === status.UNAVAILABLE)).toBe(true)
    expect(refused.length).toBeLessThan(FLOOD_CALLS / 100)
    // Refused by the sequencer, not by the collector: it ends there and holds nothing up.
    expect(await call(encodeSubmission(sign({ signedBy: devAccount('somebody else') })))).toBe('Success')
    expect(collector.child.exitCode).toBe(null)
  }, 60_000)

  /**
   * Resolves when the sequencer has all that the collector took before, which it passes on in order: a vote handed over last and then
   * contradicted directly tells which of the two came first.
   */
  async function delivered(): Promise<void> {
    const markers: Submission[] = []
    await expect
      .poll(
        async () => {
          const last = markers.at(-1)
          markers.push(sign({ project: projectOf(`marker-${markers.length}`) }))
          expect(await call(encodeSubmission(markers.at(-1) as Submission))).toBe('Success')
          if (last === undefined) return 'nothing to contradict'
          const other = sign({ project: last.request.projectId, snapshotCid: CIDS[1] })
          const code = await deliver(encodeSubmission(other))
          accepted.add(keyOf(code === 'accepted' ? other : last))
          return code
        },
        { timeout: 30_000, interval: 100 },
      )
      .toBe('vote_conflict')
    const last = markers.at(-1) as Submission
    expect(['accepted', 'duplicate']).toContain(await deliver(encodeSubmission(last)))
    accepted.add(keyOf(last))
  }

  test('the batches hold exactly what was accepted, and the evidence is kept', async () => {
    await delivered()
    await world.mine(WINDOW_BLOCKS)
    const batched = await world.batched(epochId, sequencer)
    expect(new Set([...batched.values()].map(keyOf))).toEqual(accepted)
    expect(batched.size).toBe(accepted.size)

    sequencer.child.kill('SIGTERM')
    expect(await sequencer.ended()).toBe(0)
    const store = openSqliteStore({ path: join(sequencer.dataDir, 'state.sqlite') })
    const evidence = store.scan('evidence/').map(({ value }) => Buffer.from(value).toString('latin1'))
    await store.close()
    expect(evidence.filter((text) => text.includes(projectOf('conflict')) && text.includes(CIDS[1]))).toHaveLength(1)
  }, 60_000)
})

describe('settings', () => {
  const secret = devAccount('secret').keyText
  const withSecret = { WEFT_SIGNER_KEY: secret }
  const told: string[] = []

  async function run(
    args: readonly string[],
    env: Readonly<Record<string, string>> = withSecret,
  ): Promise<{ code: number | null; output: string }> {
    const { ended, output } = runWeft(args, env)
    const code = await ended()
    told.push(output())
    return { code, output: output() }
  }
  const flagsWith = (changes: Readonly<Record<string, string>>) => {
    const flags = world.sequencerFlags(world.freshDir())
    for (const [name, value] of Object.entries(changes)) flags.push(`--${name}`, value)
    return ['sequencer', ...flags]
  }
  /** With one flag of the world's replaced. */
  const flagsBut = (name: string, value: string) => {
    const flags = world.sequencerFlags(world.freshDir())
    flags[flags.indexOf(`--${name}`) + 1] = value
    return ['sequencer', ...flags]
  }

  test('every bad one is named at once', async () => {
    const bad = {
      'data-dir': '',
      'anchor-rpc-url': 'ftp://127.0.0.1',
      'anchor-chain-id': '0x1',
      'protocol-state': '0x12',
      'poll-ms': '1',
      'gateway-port': '70000',
      'projects-per-batch': '1.5',
      'window-unit': 'hours',
      'p2p-listen': 'localhost:9100',
      'ipfs-listen': '/ip4/127.0.0.1/tcp/x',
      relays: '/ip4/127.0.0.1/tcp/4001',
      'ipfs-peers': 'nobody',
    }
    const given = Object.entries(bad).flatMap(([name, value]) => [`--${name}`, value])
    const { code, output } = await run(['sequencer', ...given], { WEFT_SIGNER_KEY: `${secret}00`, WEFT_POL_MS: '5' })
    expect(code).toBe(1)
    const names = [...Object.keys(bad).map((name) => `--${name}`), '--data-market', '--signer-key', 'WEFT_POL_MS']
    expect(names.filter((name) => !output.includes(name))).toEqual([])
    expect(output).toMatch(/SETTINGS_INVALID/)
  })

  test('what is in the files that a snapshotter is given, before it connects to anything', async () => {
    const dir = world.freshDir()
    const market = join(dir, 'market.json')
    writeFileSync(
      market,
      JSON.stringify({
        computes: [
          { name: 'uniswap-v2', config: { pairs: ['0x12'] } },
          { name: 'uniswapv2', config: {} },
        ],
      }),
    )
    writeFileSync(join(dir, 'network.json'), JSON.stringify({ chainId: 'one' }))
    const given = {
      'data-dir': join(dir, 'data'),
      network: join(dir, 'network.json'),
      market,
      slots: '1,x',
      namespace: 'NS',
      // Nobody answers there: who asked would hear CHAIN_UNREACHABLE.
      'anchor-rpc-url': 'http://127.0.0.1:1',
      'source-rpc-url': 'http://127.0.0.1:1',
      'source-chain-id': '1',
    }
    const flags = Object.entries(given).flatMap(([name, value]) => [`--${name}`, value])
    const { code, output } = await run(['snapshotter', ...flags], { WEFT_SIGNER_KEY: `file:${join(dir, 'nowhere')}` })
    expect(code).toBe(1)
    for (const told of [
      'SETTINGS_INVALID',
      'chainId is no integer',
      'uniswap-v2: pairs[0] is not an address',
      'uniswap-v2: weth is not an address',
      "no compute set 'uniswapv2'; did you mean uniswap-v2?",
      "'x' is not the id of a slot",
      '--signer-key',
    ])
      expect(output).toContain(told)
    expect(output).not.toContain('--anchor-chain-id')
    expect(existsSync(given['data-dir'])).toBe(false)
  })

  test('an unknown flag', async () => {
    const { code, output } = await run(flagsWith({ 'anchor-rpc': 'http://127.0.0.1' }))
    expect(code).toBe(1)
    expect(output).toMatch(/anchor-rpc/)
  })

  test('a mistyped flag does not print the key that follows', async () => {
    expect((await run(flagsWith({ 'signer-kee': secret }), {})).code).toBe(1)
    expect((await run([...flagsWith({}), secret], {})).code).toBe(1)
  })

  test('an endpoint that does not answer is worth another try', async () => {
    // A port that was free a moment ago.
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    server.close()
    await once(server, 'close')
    const { code, output } = await run(flagsBut('anchor-rpc-url', `http://127.0.0.1:${port}/v2/${secret}`))
    expect(output).toMatch(/CHAIN_UNREACHABLE/)
    expect(code).toBe(75)
  })

  test('another chain', async () => {
    const { code, output } = await run(flagsBut('anchor-chain-id', '1'))
    expect(output).toMatch(/CHAIN_WRONG/)
    expect(code).toBe(1)
  })

  test('an address without a contract', async () => {
    const { code, output } = await run(flagsBut('protocol-state', `0x${'11'.repeat(20)}`))
    expect(output).toMatch(/CONTRACT_UNKNOWN/)
    expect(code).toBe(1)
  })

  test('two processes on one data directory', async () => {
    const first = await world.startSequencer()
    const { code, output } = await run(['sequencer', ...world.sequencerFlags(first.dataDir)])
    expect(output).toMatch(/DATA_DIR_LOCKED/)
    expect(output).toContain(String(first.child.pid))
    expect(code).toBe(1)
    expect(first.child.exitCode).toBe(null)
  }, 60_000)

  test('no key is ever printed', () => {
    const everything = `${told.join('')}${world.outputs()}`.toLowerCase()
    expect(everything).not.toContain(secret)
    expect(everything).not.toContain(world.accounts.sequencer.keyText)
  })
})
