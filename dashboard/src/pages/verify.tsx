import { useMemo, useState } from 'react'
import { blockHashOf, blockNumberOf, type Trust } from '#client/proof.ts'
import { isProved, useCheck } from '../data/check.ts'
import { LAYERS, type Layer, type ProofFile, tamper } from '../data/tamper.ts'
import { useAnswer } from '../data/use-answer.ts'
import { integer } from '../format.ts'
import { to } from '../router.ts'
import { Badge } from '../ui/badge.tsx'
import { Empty, Failed, Head, Loaded, Panel, ProjectLink } from '../ui/parts.tsx'
import { Tree } from '../ui/tree.tsx'
import { Chain } from './chain.tsx'
import { isHash, TrustedBlock } from './trusted-block.tsx'
import { Choose } from './choose-proof.tsx'
import { parsedSnapshot } from '../data/snapshot.ts'

interface VerifyProps {
  readonly projectId: string | undefined
  readonly epochId: number | undefined
}

/** A proof, checked link by link in this tab. */
export default function VerifyPage({ projectId, epochId }: VerifyProps) {
  const [file, setFile] = useState<ProofFile>()
  if (projectId !== undefined) return <OfPoint projectId={projectId} epochId={epochId} />
  return (
    <>
      <Head title="Verify">
        <p>
          A proof holds the data and every hash from them up to one block of the anchor chain. It is checked here, by your browser: the
          server that sends it need not be trusted.
        </p>
      </Head>
      <Choose onFile={setFile} />
      {file !== undefined && <Checked proof={file} asked={{}} />}
    </>
  )
}

function OfPoint({ projectId, epochId: asked }: { readonly projectId: string; readonly epochId: number | undefined }) {
  const latest = useAnswer('latest', asked === undefined ? { projectId, data: false } : undefined, { isLive: false })
  const epochId = asked ?? latest.value?.epochId
  // A proof stays a proof: it is asked for once.
  const proof = useAnswer('proof', epochId === undefined ? undefined : { projectId, epochId }, { isLive: false })
  return (
    <>
      <Head title="Verify" crumb={<ProjectLink projectId={projectId} />}>
        <p className="row">
          <span className="mono small wrap">{projectId}</span>
          {epochId !== undefined && <a href={to('epochs', epochId)}>epoch {integer(epochId)}</a>}
        </p>
      </Head>
      {latest.failure !== undefined && <Failed failure={latest.failure} />}
      <Loaded of={proof}>
        {(value) => <Checked proof={value as unknown as ProofFile} asked={{ projectId, ...(epochId !== undefined && { epochId }) }} />}
      </Loaded>
    </>
  )
}

interface CheckedProps {
  readonly proof: ProofFile
  readonly asked: { readonly projectId?: string; readonly epochId?: number }
}

function Checked({ proof, asked }: CheckedProps) {
  const market = useAnswer('market', {}, { isLive: false })
  const [layer, setLayer] = useState<Layer>()
  const [hash, setHash] = useState('')
  const served = useMemo(() => (layer === undefined ? proof : tamper(proof, layer)), [proof, layer])
  const own = blockHashOf(proof)
  const isVouched = isHash(hash)
  const blockHash = isVouched ? hash.toLowerCase() : own
  const dataMarket = market.value?.dataMarket
  const trust = useMemo(
    () =>
      blockHash === undefined || dataMarket === undefined
        ? undefined
        : ({ blockHash, dataMarket: dataMarket.toLowerCase(), ...asked } as Trust),
    [blockHash, dataMarket, asked],
  )
  const check = useCheck(served, trust)
  return (
    <div className="columns aside">
      <Panel title="The chain" note={<Verdict isOver={check.isOver} isProved={isProved(check)} isVouched={isVouched} />}>
        {own === undefined ? <Empty title="This is no proof">It holds no header of a block.</Empty> : <Chain check={check} />}
        {isProved(check) && <Proved bytes={check.results.at(-1)?.data} projectId={asked.projectId} />}
      </Panel>
      <div className="stack first">
        <Panel title="What you trust">
          <TrustedBlock blockNumber={blockNumberOf(proof)} own={own} hash={hash} onHash={setHash} dataMarket={dataMarket} />
        </Panel>
        <Panel title="Try to cheat" note="flips one bit before the check">
          <TamperSwitch layer={layer} onLayer={setLayer} />
        </Panel>
      </div>
    </div>
  )
}

interface VerdictProps {
  readonly isOver: boolean
  readonly isProved: boolean
  readonly isVouched: boolean
}

function Verdict({ isOver, isProved: proved, isVouched }: VerdictProps) {
  if (!isOver) return <Badge>checking</Badge>
  if (!proved) return <Badge tone="bad">✕ not proved</Badge>
  return isVouched ? (
    <Badge tone="good">✓ proved down to your block</Badge>
  ) : (
    <Badge tone="warn">✓ every link holds, the block is not vouched for</Badge>
  )
}

function TamperSwitch({ layer, onLayer }: { readonly layer: Layer | undefined; readonly onLayer: (layer: Layer | undefined) => void }) {
  const option = (value: Layer | undefined, told: string) => (
    <label key={value ?? 'none'} className="option">
      <input type="radio" name="tamper" value={value ?? 'none'} checked={layer === value} onChange={() => onLayer(value)} />
      {told}
    </label>
  )
  return (
    <fieldset className="panel-body options">
      <legend className="sr">What is falsified</legend>
      {option(undefined, 'nothing: the proof as it was served')}
      {Object.entries(LAYERS).map(([value, told]) => option(value as Layer, told))}
    </fieldset>
  )
}

interface ProvedProps {
  readonly bytes: Uint8Array | undefined
  /** Where the server of this page knows it: it says in which units the data are, which no proof does. */
  readonly projectId: string | undefined
}

function Proved({ bytes, projectId }: ProvedProps) {
  const project = useAnswer('project', projectId === undefined ? undefined : { projectId }, { isLive: false })
  const value = bytes && parsedSnapshot(bytes)
  if (value === undefined) return null
  return (
    <div className="panel-body proved">
      <h3>The data</h3>
      <Tree value={value} schema={project.value?.schema} />
    </div>
  )
}
