import { z } from 'zod'
import { WeftError } from '#domain/errors.ts'
import type { ComputeSetModule } from '#domain/compute.ts'
import {
  COMPUTE_LIST,
  COMPUTE_SETS,
  type ComputeList,
  type MarketComputes,
  NO_OBJECT,
  openComputes,
  problemsIn,
  problemText,
} from './computes.ts'
import { isDeployedFile, readDeployedMarket } from './deployed-market.ts'
import { contentOf } from './given-file.ts'

/** The file that `--market` names: which computes a market has. */
const MARKET = z.strictObject({ computes: COMPUTE_LIST }, NO_OBJECT)

export function marketText(computes: ComputeList): string {
  return `${JSON.stringify({ computes } satisfies z.infer<typeof MARKET>, undefined, 2)}\n`
}

/** Also what deployed nodes have in its place: `projects.json` and the files beside it. `found` are sets beside those that are shipped. Throws `SETTINGS_INVALID` with all that is wrong with the file. */
export function readMarketFile(path: string, found: readonly ComputeSetModule[] = []): MarketComputes {
  const json = jsonIn(path)
  if (isDeployedFile(json)) return readDeployedMarket(path, json)
  const list = listIn(path, json)
  try {
    return openComputes(list, [...COMPUTE_SETS, ...found])
  } catch (failure) {
    throw problemsIn(path, failure)
  }
}

/** Which sets the file names, none of them opened. Throws `SETTINGS_INVALID`. */
export function readMarketList(path: string): ComputeList {
  return listIn(path, jsonIn(path))
}

function listIn(path: string, json: unknown): ComputeList {
  const form = MARKET.safeParse(json)
  if (form.success) return form.data.computes
  throw new WeftError('SETTINGS_INVALID', { problems: form.error.issues.map((issue) => `${path}: ${problemText(issue)}`) })
}

function jsonIn(path: string): unknown {
  const text = contentOf(path)
  try {
    return JSON.parse(text)
  } catch {
    // Why it is none is not told: a parser quotes what it stumbled over, and the file may be that of a key.
    throw new WeftError('SETTINGS_INVALID', { problems: [`${path} cannot be read as JSON`] })
  }
}
