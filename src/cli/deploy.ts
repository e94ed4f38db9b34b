import { join } from 'node:path'
import { buildCommand } from '@stricli/core'
import { contentOf } from '#node/given-file.ts'
import { findNetwork, NETWORK_FILE, writeNetwork } from '#node/network.ts'
import { stopSignal } from '#node/stop.ts'
import { draftOf, MANIFEST_FILE_FLAG, manifestFacts, tellManifest } from './manifest.ts'
import { conductOf, dataDirOf, PLACE_FLAGS, type PlaceFlags, SEND_FLAGS, type SendFlags, sessionOf, tell } from './operator.ts'
import { wrapped } from './words.ts'

/** A dry run as nobody plans with addresses that nobody will ever have. */
const PLACEHOLDERS = wrapped(
  'No account is named (--from, --keystore or WEFT_DEPLOYER_KEY), so addresses below are placeholders: those of contracts that are yet to be created, which follow from the account, and the account itself, as owner and in every role that the configuration gives to nobody.',
)

/** What a person does next. */
const nextSteps = (path: string): string =>
  [
    `network file   ${path}`,
    `roles          ./weft sequencer --network ${path} …, and so on; \`./weft settings ROLE\` lists what each needs`,
    'next           docs/OPERATING.md starts a node on it, docs/BY-HAND.md each role by itself',
  ].join('\n')

interface Flags extends PlaceFlags, SendFlags {
  readonly config?: string
  readonly manifest?: string
}

export const deployCommand = buildCommand({
  async func(this: { process: NodeJS.Process }, flags: Flags) {
    const { parseConfig } = await import('#operator/config.ts')
    const { deployNetwork } = await import('#operator/deploy.ts')
    const { openSession } = await import('#operator/session.ts')
    const signal = stopSignal()
    const config = flags.config === undefined ? {} : parseConfig(contentOf(flags.config, '--config'), `--config ${flags.config}`)
    const dataDir = dataDirOf(this.process, flags)
    const path = join(dataDir, NETWORK_FILE)
    const network = findNetwork(path)
    const options = sessionOf(this.process, flags)
    // Where contracts come to be is decided by the account that creates them.
    const isNobody = options.key.kind === 'address' && options.key.address === undefined
    const session = await openSession(options)
    try {
      const draft = draftOf(flags)
      const deployed = await deployNetwork({ ...session, network }, { ...config, draft }, conductOf(this.process, flags), signal)
      const isThere = deployed.outcome === 'changed' || deployed.outcome === 'unchanged'
      if (isThere) writeNetwork(path, deployed.network)
      const manifest = await manifestFacts(isThere ? dataDir : undefined, deployed.manifest)
      const { chainId, deploymentBlock, ...addresses } = deployed.network
      const isPlaceKnown = isThere || (deployed.outcome === 'planned' && !isNobody)
      if (!flags.json && isPlaceKnown)
        for (const [name, address] of Object.entries(addresses)) this.process.stdout.write(`${name.padEnd(14)} ${address}\n`)
      if (!flags.json) tellManifest(this.process, manifest)
      if (!flags.json && isNobody && deployed.outcome === 'planned') this.process.stdout.write(`${PLACEHOLDERS}\n`)
      tell(this.process, flags, deployed, {
        ...(isNobody && !isThere ? {} : { addresses }),
        chainId,
        deploymentBlock,
        ...(isThere ? { networkFile: path } : {}),
        ...manifest,
      })
      if (isThere && !flags.json) this.process.stdout.write(`${nextSteps(path)}\n`)
    } finally {
      await session.stop()
    }
  },
  parameters: {
    flags: {
      ...PLACE_FLAGS,
      ...SEND_FLAGS,
      manifest: MANIFEST_FILE_FLAG,
      config: { kind: 'parsed', parse: String, optional: true, brief: 'JSON file with what to deploy; without it, a market for a trial' },
    },
  },
  docs: {
    brief: 'Put the protocol, a data market and its slots on an EVM chain',
    fullDescription:
      'Finds what is there already, prints what is missing or differs, asks, and sends that. A second run changes nothing; one that was interrupted continues. ' +
      `Writes ${NETWORK_FILE}, which every role takes with --network.`,
  },
})
