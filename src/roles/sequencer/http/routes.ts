import { WeftError } from '#domain/errors.ts'
import type { HttpRoute } from '#io/http/port.ts'
import { openApiOf, parseRequest, type RouteForm } from '#wire/routes.ts'
import { SEQUENCER_API } from '#wire/sequencer-api.ts'
import type { AnswerDeps, Answers } from './answers.ts'
import { deployedAnswers } from './deployed-answers.ts'
import { v1Answers } from './v1-answers.ts'

/** What the sequencer answers over HTTP: what each route takes is in `#wire/sequencer-api.ts`, what is on disk in `archive.ts`. Nothing here writes. */
export function sequencerRoutes(deps: AnswerDeps): readonly HttpRoute[] {
  const answers: Answers = { ...deployedAnswers(deps), ...v1Answers(deps) }
  return Object.entries(SEQUENCER_API as Record<string, RouteForm<unknown>>).map(([name, form]) => ({
    method: form.method,
    path: form.path,
    answer(fields, asking) {
      const input = parseRequest(form, fields)
      checkMarket(input, deps)
      return (answers as Record<string, (input: unknown, asking: unknown) => unknown>)[name]?.(input, asking)
    },
  }))
}

/** Throws `REQUEST_INVALID`: a client that means another market must not take this one's answer for its own. */
function checkMarket(input: unknown, { chain }: AnswerDeps): void {
  const { dataMarketAddress } = input as { readonly dataMarketAddress?: string }
  if (dataMarketAddress !== undefined && dataMarketAddress.toLowerCase() !== chain.dataMarket)
    throw new WeftError('REQUEST_INVALID', { problems: [`dataMarketAddress: this sequencer serves ${chain.dataMarket}`] })
}

/** Pages about the routes, for everybody: for programs, and for people. */
export function sequencerPages(): Readonly<Record<string, { readonly type: string; readonly body: string }>> {
  const forms = Object.values(SEQUENCER_API)
  const rows = forms.map(({ method, path, doc }) => `<tr><td>${method}<td><code>${path}</code><td>${doc.replaceAll('&', '&amp;')}`)
  const body = `<!doctype html><meta charset="utf-8"><title>Weft sequencer</title><h1>Weft sequencer</h1><p><a href="/openapi.json">openapi.json</a> has what each route takes.<table>${rows.join('\n')}</table>\n`
  return {
    '/openapi.json': { type: 'application/json', body: JSON.stringify(openApiOf('Weft sequencer', forms)) },
    '/swagger': { type: 'text/html; charset=utf-8', body },
  }
}
