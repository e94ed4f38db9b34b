import type { Page } from '#io/http/port.ts'
import { API, GRAPHQL, STREAM } from '#wire/api.ts'
import { DEPLOYED_API } from '#wire/deployed-api.ts'
import { INTEGER, openApiOf, type RouteForm } from '#wire/routes.ts'

/** What describes the routes: for programs, and for people. Both are written from the table that requests are checked by. */

const GROUPS: readonly { readonly title: string; readonly forms: readonly RouteForm<unknown>[] }[] = [
  { title: 'Data, by project and epoch', forms: [...Object.values(API), STREAM] },
  { title: 'One question for several things', forms: Object.values(GRAPHQL) },
  { title: 'As deployed nodes answer', forms: Object.values(DEPLOYED_API) },
]

const apiDocument = (): unknown =>
  openApiOf(
    'Weft api',
    GROUPS.flatMap(({ forms }) => forms),
  )

export function documentPages(): Readonly<Record<string, Page>> {
  return {
    '/openapi.json': { type: 'application/json', body: JSON.stringify(apiDocument()), keeping: 'brief' },
    '/docs': { type: 'text/html; charset=utf-8', body: pageText(), keeping: 'brief', headers: { 'content-security-policy': POLICY } },
    '/docs.css': { type: 'text/css; charset=utf-8', body: STYLE, keeping: 'brief' },
  }
}

/** Nothing on the page acts, and nothing comes from elsewhere. */
const POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly schema: Readonly<Record<string, unknown>>
}
interface Operation {
  readonly summary: string
  readonly parameters?: readonly Parameter[]
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: unknown }>> }>>
}

function pageText(): string {
  const { paths } = apiDocument() as { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> }
  const section = ({ title, forms }: (typeof GROUPS)[number]): string =>
    `<section><h2>${escaped(title)}</h2>${forms.map((form) => routeText(form, paths[form.path]?.[form.method.toLowerCase()])).join('')}</section>`
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Weft api</title><link rel="stylesheet" href="/docs.css"></head><body><main><h1>Weft api</h1><p>Finalized data of one market, with its status beside it. <a href="/openapi.json">openapi.json</a> has the same for programs.</p>${GROUPS.map(section).join('')}</main></body></html>\n`
}

function routeText({ method, path, doc }: RouteForm<unknown>, operation: Operation | undefined): string {
  const rows = (operation?.parameters ?? []).map(
    (each) =>
      `<tr><td><code>${escaped(each.name)}</code><td>${each.required ? 'required' : 'optional'}<td>${escaped(wordsOf(each.schema))}`,
  )
  const schema = Object.values(operation?.responses['200']?.content ?? {})[0]?.schema
  const answer =
    schema === undefined ? '' : `<details><summary>Answer</summary><pre>${escaped(JSON.stringify(schema, undefined, 2))}</pre></details>`
  const table = rows.length === 0 ? '' : `<table>${rows.join('')}</table>`
  return `<article id="${escaped(method + path)}"><h3><b>${method}</b> <code>${escaped(path)}</code></h3><p>${escaped(doc).replace(/`([^`]+)`/g, '<code>$1</code>')}</p>${table}${answer}</article>`
}

function wordsOf({ enum: values, type, maximum, minimum, maxLength, anyOf, pattern }: Readonly<Record<string, unknown>>): string {
  if (Array.isArray(values)) return values.join(', ')
  if (pattern === INTEGER.source) return 'integer'
  if (Array.isArray(anyOf)) return 'once or several times'
  const limits = [
    minimum !== undefined && `from ${minimum}`,
    maximum !== undefined && `to ${maximum}`,
    maxLength !== undefined && `up to ${maxLength} characters`,
  ]
  return [type ?? 'text', ...limits].filter(Boolean).join(', ')
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

const STYLE = `:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:0;color:light-dark(#1a1c1e,#e8eaed);background:light-dark(#fff,#0e1012)}
a{color:light-dark(#1d4ed8,#8ab4f8)}
main{max-width:60rem;margin:0 auto;padding:1rem}
article{border-top:1px solid #8884;padding:.5rem 0}
h3{font-weight:normal;font-size:1rem;overflow-wrap:anywhere}
table{border-collapse:collapse}
td{padding:.1rem 1rem .1rem 0;vertical-align:top}
pre{overflow:auto;font-size:.85rem}
`
