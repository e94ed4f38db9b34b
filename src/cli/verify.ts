import { buildCommand, buildRouteMap } from '@stricli/core'
import { parseEpochId, parseHash } from '#domain/ids.ts'
import { printable } from '#domain/printable.ts'
import type { EndpointSaid } from '#node/agreement.ts'
import { rpcInWords } from '#node/rpc-urls.ts'
import { stopSignal } from '#node/stop.ts'
import type { StepResult } from '#node/verify.ts'
import { ASKED_FLAGS, harmless, openAsked, toldLookBack, WINDOW_UNIT_FLAG } from './asked.ts'
import { MARKET_FLAG } from './operator.ts'
import { integerIn } from './parse.ts'
import { verifyBatchCommand } from './verify-batch.ts'
import { verifyReceiptCommand } from './verify-receipt.ts'
import { type FileFlags, verifyFile } from './verify-file.ts'

/** Endpoints that one list names at most, as far as anybody needs. */
const ENDPOINTS_MAX = 100

interface Flags extends FileFlags {
  readonly windowUnit?: 'blocks' | 'seconds'
}

const pointCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, project: string, epochText?: string) {
    if (epochText === undefined) return verifyFile(this.process, flags, project)
    const epoch = epochText === 'latest' ? epochText : parseEpochId(epochText)
    const { openAnchor, readFileFrom, verifyOn } = await import('#node/verify.ts')
    const { endpointsIn, verifyAtEach } = await import('#node/agreement.ts')
    const { meantPoint } = await import('#node/data-point.ts')
    const signal = stopSignal()
    const { windowUnit } = flags
    const { places, gateways, stop } = await openAsked(this.process, flags)
    const say = (text: string): void => void this.process.stdout.write(`${text}\n`)
    const tick = (ok: boolean, name: string, detail: string): void => {
      if (!flags.json) say(`  ${ok ? '✔' : '✘'} ${name.padEnd(17)} ${printable(detail)}`)
    }
    let data: Uint8Array | undefined
    try {
      const chain = await openAnchor(places)
      const point = await meantPoint({ project, epoch }, chain, readFileFrom(gateways, signal), toldLookBack(this.process))
      if (!flags.json) say(`${printable(point.projectId)}, epoch ${point.epochId}, against ${rpcInWords(places.anchorRpcUrl)}`)
      const endpoints: EndpointSaid[] = []
      const request = {
        ...point,
        windowUnit,
        gateways,
        signal,
        onData: (bytes: Uint8Array) => {
          data = bytes
        },
        onStep: (step: StepResult) => tick(step.ok, step.step, step.detail),
      }
      const onEndpoint = (said: EndpointSaid): void => {
        endpoints.push(said)
        tick(said.ok, 'endpoint', `${said.endpoint}: ${said.detail}`)
      }
      const isOne = endpointsIn(places.anchorRpcUrl).length === 1
      const proof = isOne ? await verifyOn(chain, request) : await verifyAtEach(places, request, { agree: flags.agree, onEndpoint })
      const shown = flags.show && proof.ok && data !== undefined ? { data: harmless(new TextDecoder().decode(data)) } : {}
      if (flags.json) say(JSON.stringify({ ...proof, ...point, ...(isOne ? {} : { endpoints }), ...shown }))
      else say([proof.ok ? 'verified' : `not verified: ${proof.failed}`, ...Object.values(shown)].join('\n'))
      this.process.exitCode = proof.ok ? 0 : 1
    } finally {
      await stop()
    }
  },
  parameters: {
    flags: {
      ...ASKED_FLAGS,
      windowUnit: WINDOW_UNIT_FLAG,
      blockHash: {
        kind: 'parsed',
        parse: parseHash,
        optional: true,
        brief: 'Of a file: hash of the block that it rests on, where you know it; then nobody is asked',
      },
      agree: {
        kind: 'parsed',
        parse: integerIn(1, ENDPOINTS_MAX),
        optional: true,
        brief: 'How many of several endpoints of --rpc must say the same, of a file: know its block; default: more than half',
      },
      dataMarket: { ...MARKET_FLAG.dataMarket, brief: 'Of a file: the data market that is meant (WEFT_DATA_MARKET); or --network' },
      show: { kind: 'boolean', default: false, withNegated: false, brief: 'Print the data when it is proved' },
      json: { kind: 'boolean', default: false, brief: 'Print one JSON object: ok, status, failed, steps, projectId, epochId, data' },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: 'Project id, or a part of one that no other project of the epoch has; alone: file of a proof',
          parse: String,
          placeholder: 'projectId',
        },
        { brief: 'Epoch id, or `latest`: the newest in which the project is final', parse: String, placeholder: 'epochId', optional: true },
      ],
    },
  },
  docs: {
    brief: 'Prove one data point, byte by byte, or check the proof in a file',
    fullDescription:
      '`./weft verify PROJECT EPOCH`: bytes, CID, batch, signatures, votes, both Merkle roots, the on-chain batch and its attestations. It trusts the anchor chain endpoint and nothing else. Exit code 0 when every step holds, 1 otherwise: what is pending or disputed is not proved. `./weft verify FILE` checks what `./weft proof` wrote, against one block hash: that of --block-hash, or one that the endpoints of --rpc agree on.',
  },
})

export const verifyRoutes = buildRouteMap({
  routes: { point: pointCommand, batch: verifyBatchCommand, receipt: verifyReceiptCommand },
  defaultCommand: 'point',
  docs: { brief: 'Prove a data point, a proof in a file, a batch or a receipt' },
})
