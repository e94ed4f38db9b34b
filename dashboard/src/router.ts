import { useSyncExternalStore } from 'react'

/** Where the reader is: what stands behind `#/`, in segments. Nothing of it goes to the server, so that any folder of static files serves the page. */
export function segmentsOf(hash: string): string[] {
  return hash
    .replace(/^#\/?/, '')
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => {
      try {
        return decodeURIComponent(segment)
      } catch {
        return segment
      }
    })
}

/** The address of a page. */
export const to = (...segments: readonly (string | number)[]): string =>
  `#/${segments.map((segment) => encodeURIComponent(segment)).join('/')}`

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener)
  return () => window.removeEventListener('hashchange', listener)
}

export const useHash = (): string => useSyncExternalStore(subscribe, () => window.location.hash)
