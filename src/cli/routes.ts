import { buildRouteMap } from '@stricli/core'
import { backfillCommand } from './backfill.ts'
import { backupCommand, restoreCommand } from './backup.ts'
import { benchCommand } from './bench.ts'
import { computeRoutes } from './compute.ts'
import { configRoutes } from './config.ts'
import { deployCommand } from './deploy.ts'
import { devnetCommand } from './devnet.ts'
import { doctorCommand } from './doctor.ts'
import { explainCommand } from './explain.ts'
import { guardsRoutes } from './guards.ts'
import { inclusionCommand } from './inclusion.ts'
import { initCommand } from './init.ts'
import { indexRoutes } from './index-move.ts'
import { keysRoutes } from './keys.ts'
import { marketRoutes } from './market.ts'
import { logsCommand } from './logs.ts'
import { mcpCommand } from './mcp.ts'
import { mutateCommand } from './mutate.ts'
import { newRoutes } from './new.ts'
import { nodeCommand } from './node.ts'
import { outboxRoutes } from './outbox.ts'
import { proofCommand } from './proof.ts'
import { rpcRoutes } from './rpc.ts'
import { getCommand, projectsCommand, releasedCommand } from './read.ts'
import { roleCommands } from './run.ts'
import { settingsCommand } from './settings.ts'
import { slotsRoutes } from './slots.ts'
import { statusCommand } from './status.ts'
import { storageRoutes } from './storage.ts'
import { testCommand } from './test.ts'
import { traceCommand } from './trace.ts'
import { verifyRoutes } from './verify.ts'

/** Every command: what the parser reads, `--help` shows and docs/CLI.md lists. */
export const routes = buildRouteMap({
  routes: {
    devnet: devnetCommand,
    new: newRoutes,
    compute: computeRoutes,
    backfill: backfillCommand,
    verify: verifyRoutes,
    proof: proofCommand,
    get: getCommand,
    projects: projectsCommand,
    released: releasedCommand,
    status: statusCommand,
    doctor: doctorCommand,
    logs: logsCommand,
    trace: traceCommand,
    inclusion: inclusionCommand,
    outbox: outboxRoutes,
    mcp: mcpCommand,
    test: testCommand,
    mutate: mutateCommand,
    bench: benchCommand,
    init: initCommand,
    node: nodeCommand,
    config: configRoutes,
    ...roleCommands,
    deploy: deployCommand,
    keys: keysRoutes,
    market: marketRoutes,
    slots: slotsRoutes,
    storage: storageRoutes,
    backup: backupCommand,
    restore: restoreCommand,
    guards: guardsRoutes,
    index: indexRoutes,
    rpc: rpcRoutes,
    settings: settingsCommand,
    explain: explainCommand,
  },
  docs: {
    brief: 'Weft: the whole Powerloom Protocol V2 network in one command',
    fullDescription:
      'Start with `./weft devnet`: it runs a whole network on this machine and needs no key, account, server or configuration.',
  },
})
