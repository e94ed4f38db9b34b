import { Fragment, type ReactNode } from 'react'
import type { Failure } from '../data/ask.ts'
import type { Answer } from '../data/use-answer.ts'
import { ends } from '../format.ts'
import { to } from '../router.ts'

export interface ProofOf {
  readonly projectId: string
  readonly epochId: number
}

/** From a figure to its proof. */
export function ProofLink({ projectId, epochId, label = 'Proof' }: ProofOf & { readonly label?: string }) {
  return (
    <a className="proof" href={to('verify', projectId, epochId)} title={`Check the proof of epoch ${epochId} in this tab`}>
      <svg
        viewBox="0 0 16 16"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.6"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
      >
        <path d="M8 1.5 13.5 4v4c0 3.2-2.3 5.4-5.5 6.5C4.8 13.4 2.5 11.2 2.5 8V4z" />
        <path d="m5.6 7.9 1.7 1.7 3.1-3.3" />
      </svg>
      <span className="proof-word">{label}</span>
      <span className="sr">
        of {projectId} in epoch {epochId}
      </span>
    </a>
  )
}

export function Panel({ title, note, children }: { readonly title?: string; readonly note?: ReactNode; readonly children: ReactNode }) {
  return (
    <section className="panel" {...(title !== undefined && { 'aria-label': title })}>
      {title !== undefined && (
        <header className="panel-head">
          <h2>{title}</h2>
          {note !== undefined && <p>{note}</p>}
        </header>
      )}
      {children}
    </section>
  )
}

export function Head({ title, crumb, children }: { readonly title: ReactNode; readonly crumb?: ReactNode; readonly children?: ReactNode }) {
  return (
    <header className="head">
      {crumb !== undefined && (
        <nav aria-label="Where this is" className="crumbs">
          {crumb}
        </nav>
      )}
      <h1>{title}</h1>
      {children}
    </header>
  )
}

export interface FigureProps {
  readonly label: string
  readonly value: ReactNode
  readonly title?: string
  readonly note?: ReactNode
  readonly proof?: ProofOf | undefined
}

export function Figure({ label, value, title, note, proof }: FigureProps) {
  return (
    <div className="figure">
      <dt>
        {label}
        {proof !== undefined && <ProofLink {...proof} />}
      </dt>
      <dd className="value" title={title}>
        {value}
      </dd>
      <dd className="note">{note}</dd>
    </div>
  )
}

export const Figures = ({ children }: { readonly children: ReactNode }) => <dl className="figures">{children}</dl>

export function FiguresSkeleton({ labels }: { readonly labels: readonly string[] }) {
  return (
    <Figures>
      {labels.map((label) => (
        <Figure key={label} label={label} value={<Skeleton width="5.5rem" height="1.2rem" />} />
      ))}
    </Figures>
  )
}

export function Skeleton({ width = '100%', height = '1rem' }: { readonly width?: string; readonly height?: string }) {
  return <span className="skeleton" style={{ width, height }} aria-hidden="true" />
}

export function SkeletonRows({ rows = 6 }: { readonly rows?: number }) {
  return (
    <div className="panel-body" style={{ display: 'grid', gap: '12px', paddingTop: '8px' }}>
      <span className="sr">Loading</span>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows of nothing have no other name
        <Skeleton key={row} width={`${96 - ((row * 17) % 40)}%`} />
      ))}
    </div>
  )
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="note-box">
      <strong>{title}</strong>
      {children !== undefined && <p>{children}</p>}
    </div>
  )
}

/** That the api is away stands once, on top of the page (`Away`). */
export function Failed({ failure: { code, told } }: { readonly failure: Failure }) {
  if (code === 'API_FAILED') return <Empty title="Not here yet">The api is asked again: {told}</Empty>
  return (
    <div className="note-box bad" role="alert">
      <strong>There is nothing to show</strong>
      <p>{MISSING[code]?.() ?? told.replaceAll('`', '')}</p>
      <p className="small">
        <code>{code}</code>
      </p>
    </div>
  )
}

/** What is on the page may be old, and what is missing comes when the api does. */
export function Away({ failure }: { readonly failure: Failure | undefined }) {
  if (failure?.code !== 'API_FAILED') return null
  return (
    <div className="note-box bad" role="alert">
      <strong>The api does not answer</strong>
      <p>Is it still running? The page tries again by itself; what it shows is as of the last answer.</p>
      <p className="small">
        <code>{failure.code}</code> {failure.told}
      </p>
    </div>
  )
}

/** What the api says for programs, for people: with a way on. */
const MISSING: Readonly<Record<string, () => ReactNode>> = {
  project_unknown: () => <NoProject />,
  EPOCH_UNKNOWN: () => (
    <>
      The epoch is still to come, was skipped, or is older than what is kept here: see the <a href={to()}>newest</a>.
    </>
  ),
  SLOT_UNKNOWN: () => (
    <>
      No such slot has been minted: see all <a href={to('slots')}>slots</a>.
    </>
  ),
}

export const NoProject = () => (
  <>
    No batch that is kept here names a project of this id: see all <a href={to('projects')}>projects</a>.
  </>
)

interface LoadedProps<Value> {
  readonly of: Answer<Value>
  readonly skeleton?: ReactNode
  readonly children: (value: Value) => ReactNode
}

/** A value as soon as there is one; before, a sketch of it; in its place, why there is none. */
export function Loaded<Value>({ of: { value, failure }, skeleton = <SkeletonRows />, children }: LoadedProps<Value>) {
  if (value !== undefined) return children(value)
  return failure === undefined ? skeleton : <Failed failure={failure} />
}

/** A long name by its ends, all of it at a second look. */
export function Name({ text, head, tail }: { readonly text: string; readonly head?: number; readonly tail?: number }) {
  return (
    <span className="mono" title={text}>
      {ends(text, head, tail)}
    </span>
  )
}

export const ProjectLink = ({ projectId, children }: { readonly projectId: string; readonly children?: ReactNode }) => (
  <a className="project" href={to('projects', projectId)} title={projectId}>
    {children ?? <Broken text={shortProject(projectId)} />}
  </a>
)

/** `pairContract_trade_volume · 0xb4e1…c9dc`: the namespace is the same everywhere. */
export function shortProject(projectId: string): string {
  const [type = projectId, ...rest] = projectId.split(':')
  const source = rest.slice(0, -1).join(':')
  return source === '' ? type : `${type} · ${ends(source)}`
}

/** A name that may go on in a new line behind each of its underscores. */
export const Broken = ({ text }: { readonly text: string }) =>
  text.split(/(?<=_)/).map((part, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: parts of one name have no other
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {part}
    </Fragment>
  ))
