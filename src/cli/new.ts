import { buildCommand, buildRouteMap } from '@stricli/core'
import { newMarket, TEMPLATES, type Template } from '#operator/new-market.ts'

const marketCommand = buildCommand({
  func(this: { process: NodeJS.Process }, { template }: { template: Template }, name: string) {
    const folder = newMarket(name, template)
    this.process.stdout.write(
      `made ${folder}\n\n  cd ${name} && npm test              runs what it computes, twice\n  ./weft devnet --computes ${name}    runs it in a network\n\ndocs/BUILDING.md goes on from there.\n`,
    )
  },
  parameters: {
    flags: { template: { kind: 'enum', values: TEMPLATES, default: 'erc20-supply', brief: 'What it begins with' } },
    positional: {
      kind: 'tuple',
      parameters: [
        { brief: 'Folder to make, whose last part names the set; it must hold nothing yet', parse: String, placeholder: 'folder' },
      ],
    },
  },
  docs: {
    brief: 'Make a folder with a compute set and its test',
    fullDescription: 'Anywhere, also outside of this checkout. Nothing of Weft itself is edited.',
  },
})

export const newRoutes = buildRouteMap({ routes: { market: marketCommand }, docs: { brief: 'Begin something of your own' } })
