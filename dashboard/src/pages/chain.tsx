import { CHECK_STEPS, type CheckResult, type CheckStep } from '#client/proof.ts'
import { type Check, isProved } from '../data/check.ts'

/** Each link in plain words: what holds when its tick is green. */
const LINKS: Readonly<Record<CheckStep, readonly [title: string, holds: string]>> = {
  form: ['Form', 'The file is a proof, and nothing else is in it'],
  asked: ['Question', 'It is about this market, project and epoch'],
  block: ['Block', 'The header has the block hash that you trust'],
  contract: ['Contract', 'The protocol’s contract stands in the state of that block'],
  epoch: ['Epoch', 'The market released this epoch'],
  manifest: ['Rules', 'The manifest that the epoch is judged by'],
  batch: ['Batch', 'The contract holds this batch for the epoch'],
  project: ['Project', 'The batch names the project at this place'],
  cids_root: ['Path', 'From the CID, hash by hash, up to the root on chain'],
  final: ['Finality', 'The contract calls the batch final'],
  attested: ['Attestations', 'A majority of the validators vouched for the root'],
  cid: ['Data', 'The bytes hash to the CID'],
}

/** The proof as a chain, from the block that is trusted down to the data. */
export function Chain({ check }: { readonly check: Check }) {
  const byStep = new Map(check.results.map((result) => [result.step, result]))
  const next = CHECK_STEPS[check.results.length]
  return (
    <>
      <ol className="chain" aria-label="Links of the proof">
        {CHECK_STEPS.map((step) => (
          <Link key={step} step={step} result={byStep.get(step)} isNext={!check.isOver && step === next} />
        ))}
      </ol>
      <p className="sr" role="status">
        {check.isOver ? (isProved(check) ? 'All links hold.' : `The link ${check.results.at(-1)?.step} fails.`) : 'Checking.'}
      </p>
    </>
  )
}

interface LinkProps {
  readonly step: CheckStep
  readonly result: CheckResult | undefined
  readonly isNext: boolean
}

function Link({ step, result, isNext }: LinkProps) {
  const [title, holds] = LINKS[step]
  const state = result === undefined ? (isNext ? 'checking' : 'unreached') : result.ok ? 'held' : 'failed'
  const words = { checking: 'being checked', unreached: 'not reached', held: 'holds', failed: 'fails' }
  return (
    <li className={state} data-step={step} data-state={state}>
      <span className="tick" role="img" aria-label={words[state]}>
        {state === 'held' ? '✓' : state === 'failed' ? '✕' : ''}
      </span>
      <div>
        <h3>
          {title} <span className="holds">{holds}</span>
        </h3>
        {result !== undefined && <p className="detail">{result.detail}</p>}
      </div>
    </li>
  )
}
