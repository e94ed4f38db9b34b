import type { ApiOutput } from '#wire/api.ts'
import { lazy, type ReactNode, Suspense, useEffect, useRef } from 'react'
import { useLive } from './data/live.ts'
import { useAnswer } from './data/use-answer.ts'
import { integer } from './format.ts'
import { AavePage } from './pages/aave.tsx'
import { EpochPage } from './pages/epoch.tsx'
import { NetworkPage } from './pages/network.tsx'
import { ProjectPage } from './pages/project.tsx'
import { ProjectsPage } from './pages/projects.tsx'
import { SlotPage } from './pages/slot.tsx'
import { SlotsPage } from './pages/slots.tsx'
import { PairPage } from './pages/uniswap-pair.tsx'
import { UniswapPage } from './pages/uniswap.tsx'
import { segmentsOf, to, useHash } from './router.ts'
import { Away, Empty, Head, Name, Panel, SkeletonRows } from './ui/parts.tsx'
import { ThemeSwitch } from './ui/theme.tsx'
import { Ago } from './ui/time.tsx'

/** Checking proofs takes code that only this page needs. */
const VerifyPage = lazy(() => import('./pages/verify.tsx'))

const NAVIGATION = [
  ['', 'Network'],
  ['projects', 'Projects'],
  ['uniswap', 'Uniswap V2'],
  ['aave', 'Aave V3'],
  ['slots', 'Slots'],
  ['verify', 'Verify'],
] as const

export function App() {
  const hash = useHash()
  const segments = segmentsOf(hash)
  const status = useAnswer('status', {})
  const main = useRef<HTMLElement>(null)
  const seen = useRef(hash)
  // Whoever follows a link by the keyboard goes on in the new page, from its top.
  useEffect(() => {
    if (seen.current === hash) return
    seen.current = hash
    main.current?.focus({ preventScroll: true })
    window.scrollTo(0, 0)
  }, [hash])
  return (
    <>
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <Top section={segments[0] ?? ''} status={status.value} />
      <main ref={main} id="main" tabIndex={-1}>
        <Away failure={status.failure} />
        {pageOf(segments) ?? <Missing />}
      </main>
      <Foot status={status.value} />
    </>
  )
}

function pageOf([section = '', first, second]: readonly string[]): ReactNode {
  const epochId = (text: string | undefined): number | undefined =>
    text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
  if (section === '') return <NetworkPage />
  if (section === 'epochs' && epochId(first) !== undefined) return <EpochPage epochId={Number(first)} />
  if (section === 'projects') return first === undefined ? <ProjectsPage /> : <ProjectPage key={first} projectId={first} path={second} />
  if (section === 'uniswap') return first === undefined ? <UniswapPage /> : <PairPage key={first} address={first} />
  if (section === 'aave') return <AavePage />
  if (section === 'slots') return epochId(first) === undefined ? <SlotsPage /> : <SlotPage slotId={Number(first)} />
  if (section === 'verify')
    return (
      <Suspense fallback={<SkeletonRows />}>
        <VerifyPage key={`${first} ${second}`} projectId={first} epochId={epochId(second)} />
      </Suspense>
    )
  return undefined
}

function Missing() {
  return (
    <>
      <Head title="There is no such page" />
      <Panel>
        <Empty title="The address leads nowhere">
          The <a href={to()}>network</a> is a good place to start from.
        </Empty>
      </Panel>
    </>
  )
}

type Status = ApiOutput<'status'> | undefined

function Top({ section, status }: { readonly section: string; readonly status: Status }) {
  const nav = useRef<HTMLElement>(null)
  // On a narrow screen the page's own name may be out of sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another section is another name to look for
  useEffect(() => {
    const current = nav.current?.querySelector<HTMLElement>('[aria-current]')
    if (nav.current && current) nav.current.scrollLeft = current.offsetLeft - nav.current.offsetLeft - nav.current.clientWidth / 2
  }, [section])
  return (
    <header className="top">
      <div className="top-row">
        <a className="brand" href={to()}>
          <svg viewBox="0 0 32 32" fill="none" stroke="currentColor" strokeWidth="3" strokeLinecap="round" aria-hidden="true">
            <path d="M4 11h24M4 21h24M11 4v24M21 4v24" />
          </svg>
          Weft
        </a>
        <nav ref={nav} className="nav" aria-label="Pages">
          {NAVIGATION.map(([name, title]) => (
            <a key={name} href={name === '' ? to() : to(name)} {...(isOf(section, name) && { 'aria-current': 'page' as const })}>
              {title}
            </a>
          ))}
        </nav>
        <div className="top-end">
          <LiveSign status={status} />
          <ThemeSwitch />
        </div>
      </div>
    </header>
  )
}

const isOf = (section: string, name: string): boolean => section === name || (section === 'epochs' && name === '')

function LiveSign({ status }: { readonly status: Status }) {
  const { how } = useLive()
  const words = { opening: 'Connecting', stream: 'Live', polling: 'Polling' }[how]
  const meaning = {
    opening: 'The stream of the api is being opened.',
    stream: 'The api says when something has changed.',
    polling: 'The stream of the api cannot be had: the page asks every few seconds.',
  }[how]
  return (
    <span className="live" data-how={how} title={meaning}>
      {words}
      {status?.newestEpochId !== undefined && (
        <span>
          · epoch <a href={to('epochs', status.newestEpochId)}>{integer(status.newestEpochId)}</a>
        </span>
      )}
    </span>
  )
}

function Foot({ status }: { readonly status: Status }) {
  return (
    <footer className="foot">
      {status === undefined ? (
        <span>&nbsp;</span>
      ) : (
        <>
          <span>
            Market <Name text={status.dataMarket} /> on chain {status.anchorChainId}
          </span>
          {status.indexed !== undefined && (
            <span>
              indexed to block {integer(status.indexed.block)}, <Ago at={status.indexed.at} />
            </span>
          )}
          <span>
            <a href="/docs">API</a>
          </span>
        </>
      )}
    </footer>
  )
}
