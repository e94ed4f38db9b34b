import { unlessThrown } from '#wire/untrusted.ts'
import type { HttpRoute } from './port.ts'

/** The route of a path, and what its segments in braces hold. */
export function match(routes: readonly HttpRoute[], asked: { readonly method: string; readonly path: string }) {
  const segments = asked.path.split('/')
  for (const route of routes) {
    if (route.method !== asked.method) continue
    const form = route.path.split('/')
    if (form.length !== segments.length) continue
    const values: Record<string, string> = {}
    const fits = form.every((part, index) => {
      const segment = segments[index] ?? ''
      if (!part.startsWith('{')) return part === segment
      // What is no percent-encoding stays as it is, and will be no id.
      values[part.slice(1, -1)] = unlessThrown(() => decodeURIComponent(segment)) ?? segment
      return segment !== ''
    })
    if (fits) return { route, values }
  }
  return undefined
}
