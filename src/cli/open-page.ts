import { spawn } from 'node:child_process'

interface Desktop {
  readonly platform: NodeJS.Platform
  readonly env: NodeJS.ProcessEnv
}

/** Opens a page in the browser of whoever sits at this machine. Where there is no desktop nothing happens: the page has its URL all the same. */
export function openPage(url: string, { platform, env }: Desktop): void {
  const opener = spawn(platform === 'darwin' ? 'open' : 'xdg-open', [url], { env, stdio: 'ignore', detached: true })
  opener.on('error', () => undefined)
  opener.unref()
}
