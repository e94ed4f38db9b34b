import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** Writes which files of which packages were loaded, when the process ends. */
const WATCH = `
  import { registerHooks } from 'node:module'
  const files = []
  registerHooks({
    load(url, context, next) {
      const [, file] = /.*node_modules\\/(.+)/.exec(url) ?? []
      if (file !== undefined) files.push(file)
      return next(url, context)
    },
  })
  process.on('exit', () => process.stderr.write(JSON.stringify(files)))`

function loadedBy(...args: readonly string[]): readonly string[] {
  const hook = `data:text/javascript,${encodeURIComponent(WATCH)}`
  const { stderr } = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', '--import', hook, ...args], {
    cwd: root,
    encoding: 'utf8',
  })
  return JSON.parse(stderr) as readonly string[]
}

test('a command is told of, and run, without the libraries of others', () => {
  expect(loadedBy('src/cli/main.ts', '--help').filter((file) => !file.startsWith('@stricli/core/'))).toEqual([])
})

test('a snapshotter loads what it uses: no way to send transactions, no other role, of its IPFS node what it speaks', () => {
  const files = loadedBy('--eval', "await import('#node/snapshotter.ts'); await import('#io/ipfs/helia-node.ts')")
  expect(files.join()).toMatch(/viem\/.*libp2p\/.*@helia\/bitswap\//)
  const others =
    /^(viem\/_esm\/(index|accounts\/index)\.js|(@nats-io|pg|graphql|@modelcontextprotocol|@grpc\/reflection|helia|undici|@opentelemetry|@libp2p\/(kad-dht|webrtc))\/.*)$/
  expect(files.filter((file) => others.test(file))).toEqual([])
})

test('whoever names no receiver of traces loads nothing of theirs', () => {
  const starting = (otlpEndpoint: string): readonly string[] =>
    loadedBy(
      '--eval',
      `const [{ startTraces }, { createNotes }] = [await import('#node/traces.ts'), await import('#node/notes.ts')]
       const settings = { otlpEndpoint: '${otlpEndpoint}', otlpTracesEndpoint: '' }
       await startTraces('sequencer', settings, { report() {}, notes: createNotes(() => 0) })`,
    ).filter((file) => file.startsWith('@opentelemetry/'))
  expect(starting('')).toEqual([])
  expect(starting('http://127.0.0.1:1').length).toBeGreaterThan(10)
})
