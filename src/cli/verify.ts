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
    const { findDevnet } = await import('#devnet/registry.ts')
    const { verifyAt } = await import('#node/verify.ts')
    const endpoints = findDevnet(givenDataDir(this.process.env as Given, flags.dataDir))
    const say = (text: string): void => void this.process.stdout.write(`${text}\n`)
    if (!flags.json) say(`${projectId}, epoch ${epochId}, against ${endpoints.anchorRpcUrl}`)
    const proof = await verifyAt(endpoints, { projectId, epochId }, stopSignal(), (step) => {
      if (!flags.json) say(`  ${step.ok ? '✔' : '✘'} ${step.step.padEnd(17)} ${step.detail}`)
    })
    if (flags.json) say(JSON.stringify(proof))
    else say(proof.ok ? 'verified' : `not verified: ${proof.failed}`)
    this.process.exitCode = proof.ok ? 0 : 1
  },
  parameters: {
    flags: {
      dataDir: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'Data directory of the devnet (WEFT_DATA_DIR); default: the one started last',
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
