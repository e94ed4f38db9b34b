import type { ComponentLogger, Logger } from '@libp2p/interface'

const silent: Logger = Object.assign(() => undefined, {
  enabled: false,
  error: () => undefined,
  trace: () => undefined,
  newScope: () => silent,
})

/**
 * A log of libp2p that nobody reads. Its own makes one for each connection and each stream, and asks the system each time whether the terminal has colours, before it throws
 * away what `DEBUG` does not name: a twentieth of what a stream costs.
 */
export const SILENCE: ComponentLogger = { forComponent: () => silent }
