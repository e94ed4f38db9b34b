import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LIMIT_MS, until } from '../e2e/within.ts'
import { freePorts } from '../e2e/free-ports.ts'
import { opsFile } from './queries.ts'

interface Answer {
  readonly status: string
  readonly error?: string
  readonly data?: { readonly result: readonly { readonly value: readonly [number, string] }[] }
}

export interface Prometheus {
  /** As it answers a query now. */
  query(expr: string): Promise<Answer>
  /** What it says of our alerts: the name of each, and what is wrong with it. */
  rules(): Promise<readonly { readonly name: string; readonly health: string; readonly lastError?: string }[]>
  stop(): Promise<void>
}

/** A Prometheus of this machine that has read each target twice, and each of our alerts; `undefined` where there is none. */
export async function startPrometheus(targets: readonly string[]): Promise<Prometheus | undefined> {
  if (spawnSync('prometheus', ['--version']).error !== undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'weft-prometheus-'))
  const config = {
    global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' },
    rule_files: [opsFile('prometheus/alerts.yml')],
    scrape_configs: [{ job_name: 'weft', static_configs: [{ targets }] }],
  }
  // JSON is YAML.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const [port] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const args = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`]
  const child = spawn('prometheus', [...args, '--log.level=warn'], { stdio: ['ignore', 'ignore', 'pipe'] })
  let told = ''
  child.stderr.on('data', (chunk) => {
    told += String(chunk)
  })
  const ended = once(child, 'exit')
  const ask = async (path: string): Promise<unknown> => (await fetch(`${url}/api/v1/${path}`)).json()
  const query = async (expr: string) => (await ask(`query?query=${encodeURIComponent(expr)}`)) as Answer
  const rules: Prometheus['rules'] = async () => {
    const { data } = (await ask('rules')) as {
      readonly data: { readonly groups: readonly { readonly rules: Awaited<ReturnType<Prometheus['rules']>> }[] }
    }
    return data.groups.flatMap((group) => group.rules)
  }
  async function isThere(): Promise<boolean> {
    const scraped = await query(`min(count_over_time(up{job="weft"}[5m])) >= 2 and count(up{job="weft"} == 1) == ${targets.length}`).catch(
      () => undefined,
    )
    return scraped?.data?.result.length === 1 && (await rules()).every(({ health }) => health !== 'unknown')
  }
  async function stop(): Promise<void> {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await until(isThere, { awaited: 'two readings of each role by Prometheus', limitMs: LIMIT_MS, told: () => told, ended })
  } catch (failure) {
    await stop()
    throw failure
  }
  return { query, rules, stop }
}
