import type { HttpRoute } from '#io/http/port.ts'
import { API } from '#wire/api.ts'
import { DEPLOYED_API } from '#wire/deployed-api.ts'
import { parseRequest, type RouteForm } from '#wire/routes.ts'
import { deployedAnswers } from './deployed-answers.ts'
import { epochAnswers } from './epoch-answers.ts'
import { graphqlRoutes } from './graphql.ts'
import { networkAnswers } from './network-answers.ts'
import { createKeeping, pointAnswers } from './point-answers.ts'
import { projectAnswers } from './project-answers.ts'
import type { Answers, ServeDeps } from './served.ts'
import { createWindows } from './windows.ts'

/** What the api answers over HTTP: what each route takes and gives is in `#wire/api.ts` and `#wire/deployed-api.ts`. Nothing here writes. */
export function apiRoutes(served: ServeDeps): readonly HttpRoute[] {
  const deps = { ...served, windows: createWindows(served) }
  const keepingOf = createKeeping(deps)
  const answers: Answers = { ...pointAnswers(deps, keepingOf), ...projectAnswers(deps), ...epochAnswers(deps), ...networkAnswers(deps) }
  return [
    ...routesOf(API, answers),
    ...graphqlRoutes(deps, answers),
    ...withoutSlash(routesOf(DEPLOYED_API, deployedAnswers(deps, keepingOf))),
  ]
}

function routesOf(forms: Readonly<Record<string, RouteForm<unknown>>>, answers: object): readonly HttpRoute[] {
  return Object.entries(forms).map(([name, form]) => ({
    method: form.method,
    path: form.path,
    answer(fields, asking) {
      const input = parseRequest(form, fields)
      return (answers as Readonly<Record<string, (input: unknown, asking: unknown) => unknown>>)[name]?.(input, asking)
    },
  }))
}

/** Deployed nodes answer a path with and without the slash at its end. */
const withoutSlash = (routes: readonly HttpRoute[]): readonly HttpRoute[] =>
  routes.flatMap((route) => (route.path.endsWith('/') ? [route, { ...route, path: route.path.slice(0, -1) }] : [route]))
