import { buildCommand } from '@stricli/core'
import { parseEpochId, parseProjectId } from '#domain/ids.ts'
import type { Given } from '#node/settings.ts'
import { stopSignal } from '#node/stop.ts'
import { givenDataDir } from './data-dir.ts'

interface Flags {
  readonly dataDir?: string
  readonly json: boolean
}

export const verifyCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags, projectText: string, epochText: string) {
    const projectId = parseProjectId(projectText)
    const epochId = parseEpochId(epochText)
    const { openDevnet } = await import('#devnet/kept.ts')
    const { verifyAt } = await import('#node/verify.ts')
    const signal = stopSignal()
    const devnet = await openDevnet(givenDataDir(this.process.env as Given, flags.dataDir))
    const say = (text: string): void => void this.process.stdout.write(`${text}\n`)
    try {
      if (!flags.json) say(`${projectId}, epoch ${epochId}, against ${devnet.endpoints.anchorRpcUrl}`)
      const proof = await verifyAt(devnet.endpoints, { projectId, epochId }, signal, (step) => {
        if (!flags.json) say(`  ${step.ok ? '✔' : '✘'} ${step.step.padEnd(17)} ${step.detail}`)
      })
      if (flags.json) say(JSON.stringify(proof))
      else say(proof.ok ? 'verified' : `not verified: ${proof.failed}`)
      this.process.exitCode = proof.ok ? 0 : 1
    } finally {
      await devnet.stop()
    }
  },
  parameters: {
    flags: {
      dataDir: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Data directory of a devnet that runs or was kept (WEFT_DATA_DIR); default: the one started last',
      },
      json: { kind: 'boolean', default: false, brief: 'Print one JSON object: ok, failed, steps' },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'Project id', parse: String, placeholder: 'projectId' },
        { brief: 'Epoch id', parse: String, placeholder: 'epochId' },
      ],
    },
  },
  docs: {
    brief: 'Prove one data point, byte by byte',
    fullDescription:
      'Bytes, CID, batch, both Merkle roots, the on-chain batch and its attestations. It trusts the anchor chain endpoint and nothing else. Exit code 0 when every step holds, 1 otherwise.',
  },
})
