import { buildCommand } from '@stricli/core'
import { parseEpochId } from '#domain/ids.ts'
import { printable } from '#domain/printable.ts'
import { rpcInWords } from '#node/rpc-urls.ts'
import { stopSignal } from '#node/stop.ts'
import { ASKED_FLAGS, type AskedFlags, openAsked, toldLookBack } from './asked.ts'

interface Flags extends AskedFlags {
  readonly out?: string
}

export const proofCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, project: string, epochText: string) {
    const epoch = epochText === 'latest' ? epochText : parseEpochId(epochText)
    const { openAnchor, readFileFrom } = await import('#node/verify.ts')
    const { meantPoint } = await import('#node/data-point.ts')
    const { proveOn, writeProof } = await import('#node/proof.ts')
    const signal = stopSignal()
    const { out } = flags
    const { places, gateways, stop } = await openAsked(this.process, flags)
    const say = (text: string): void => void this.process.stdout.write(`${text}\n`)
    try {
      const chain = await openAnchor(places)
      const point = await meantPoint({ project, epoch }, chain, readFileFrom(gateways, signal), toldLookBack(this.process))
      const { proof, block } = await proveOn(chain, { ...point, rpcUrl: places.anchorRpcUrl, gateways, signal })
      if (out === undefined) return say(JSON.stringify(proof))
      writeProof(out, proof)
      if (flags.json)
        return say(
          JSON.stringify({ ok: true, out, ...point, blockNumber: block.number, blockHash: block.hash, dataMarket: block.dataMarket }),
        )
      say(`${printable(point.projectId)}, epoch ${point.epochId}, from ${rpcInWords(places.anchorRpcUrl)}: final`)
      say(`wrote ${out}: it rests on block ${block.number}. Whoever trusts that block checks it without a network:`)
      say(`./weft verify ${out} --data-market ${block.dataMarket} --block-hash ${block.hash}`)
    } finally {
      await stop()
    }
  },
  parameters: {
    flags: {
      ...ASKED_FLAGS,
      out: { kind: 'parsed', parse: String, optional: true, brief: 'File to write it to; without it the proof itself is printed' },
      json: {
        kind: 'boolean',
        default: false,
        brief: 'With --out: print one JSON object: ok, out, projectId, epochId, blockNumber, blockHash, dataMarket',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'Project id, or a part of one that no other project of the epoch has', parse: String, placeholder: 'projectId' },
        { brief: 'Epoch id, or `latest`: the newest in which the project is final', parse: String, placeholder: 'epochId' },
      ],
    },
  },
  docs: {
    brief: 'Make a proof of one data point, in one file that anybody checks',
    fullDescription:
      'The data, their CID, their place in the batch, and what the contract holds of it, with the nodes of the state that lead to one block of the anchor chain (docs/PROOF.md). Only of what is final. `./weft verify FILE` checks it.',
  },
})
