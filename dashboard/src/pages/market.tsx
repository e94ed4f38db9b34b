import { useAnswer } from '../data/use-answer.ts'
import { duration, integer } from '../format.ts'
import { Loaded, Name, Panel } from '../ui/parts.tsx'

/** What the market asks for, and of whom. */
export function Market() {
  const market = useAnswer('market', {}, { isLive: false })
  return (
    <Loaded of={market} skeleton={null}>
      {(told) => {
        const blockTime = told.sourceBlockTimeSeconds
        return (
          <Panel title="Market" note={<Name text={told.dataMarket} />}>
            <dl className="facts">
              <Fact
                name="Epoch"
                value={`${integer(told.epochSize)} source blocks`}
                more={blockTime > 0 ? `about ${duration(told.epochSize * blockTime)}` : ''}
              />
              <Fact name="Snapshot window" value={`${integer(told.snapshotWindowBlocks)} blocks`} />
              <Fact name="Batch window" value={`${integer(told.batchWindowBlocks)} blocks`} />
              <Fact name="Attestation window" value={`${integer(told.attestationWindowBlocks)} blocks`} />
              <Fact
                name="Attestations at least"
                value={integer(told.attestationsMin)}
                more={`of ${integer(told.validators.length)} validators`}
              />
              <Fact name="Sequencers" value={integer(told.sequencers.length)} />
              <Fact name="Source chain" value={`chain ${told.sourceChainId}`} more={`anchored on chain ${told.anchorChainId}`} />
            </dl>
          </Panel>
        )
      }}
    </Loaded>
  )
}

function Fact({ name, value, more = '' }: { readonly name: string; readonly value: string; readonly more?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value} <span className="soft">{more}</span>
      </dd>
    </div>
  )
}
