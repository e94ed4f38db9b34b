import type { MutantResult } from '@stryker-mutator/api/core'
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin'
import type { MutationTestingPlanReadyEvent, Reporter } from '@stryker-mutator/api/report'

const SAY_EVERY_MS = 10_000

/** Says how far a run has come. Stryker's own also tells how long it will take, and is wrong by hours at first. */
class Progress implements Reporter {
  #count = 0
  #asked = 0
  #unseen = 0
  #timer: NodeJS.Timeout | undefined

  onMutationTestingPlanReady({ mutantPlans }: MutationTestingPlanReadyEvent): void {
    this.#count = mutantPlans.length
    this.#timer = setInterval(() => this.#say(), SAY_EVERY_MS).unref()
  }
  onMutantTested({ status }: Readonly<MutantResult>): void {
    this.#asked += 1
    if (status === 'Survived' || status === 'NoCoverage') this.#unseen += 1
  }
  onMutationTestReportReady(): void {
    clearInterval(this.#timer)
  }
  #say(): void {
    process.stdout.write(`${this.#asked} of ${this.#count}, ${this.#unseen} unseen\n`)
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.Reporter, 'weft', Progress)]
