import { useState } from 'react'
import type { Project } from '#wire/api.ts'
import { ask } from '../data/ask.ts'
import { isMap, lastOf, numberOf } from '../data/value.ts'
import { latestOf, type Range, type Snapshot, useSeries } from '../data/history.ts'
import { useWork } from '../data/use-answer.ts'
import { compact, compactUsd, integer, number, usd } from '../format.ts'
import { to } from '../router.ts'
import { Chart, type ChartPoint } from '../ui/chart.tsx'
import { Empty, Figure, Figures, FiguresSkeleton, Head, Loaded, Name, Panel } from '../ui/parts.tsx'
import { Ago } from '../ui/time.tsx'
import { RangeChoice } from './range-choice.tsx'
import { pairsOf, topPairs } from './uniswap.tsx'

const RESERVES = 'pairContract_pair_total_reserves'
const VOLUME = 'pairContract_trade_volume'
const DAY_VOLUME = 'aggregate_pairContract_24h_trade_volume'

interface PairData {
  readonly symbols: readonly [string, string]
  readonly reserves: Snapshot | undefined
  readonly volume: Project | undefined
  readonly day: Snapshot | undefined
}

/** One pair: what it holds, at what price, and what was traded. */
export function PairPage({ address }: { readonly address: string }) {
  const [range, setRange] = useState<Range>({ last: 200 })
  const pair = useWork(`pair ${address}`, (signal) => pairData(address, signal))
  const name = pair.value?.symbols.join('–')
  return (
    <>
      <Head title={name ?? 'Pair'} crumb={<a href={to('uniswap')}>Uniswap V2</a>}>
        <p>
          <Name text={address} head={42} />
        </p>
      </Head>
      <Loaded of={pair} skeleton={<FiguresSkeleton labels={['Liquidity', 'Price of token 0', 'Price of token 1', 'Volume, 24 h']} />}>
        {(data) =>
          data.reserves === undefined ? (
            <Panel>
              <Empty title="Nothing of this pair is final">
                No project <code>{RESERVES}</code> with this contract has a final snapshot. All pairs there are:{' '}
                <a href={to('uniswap')}>Uniswap V2</a>.
              </Empty>
            </Panel>
          ) : (
            <>
              <Now data={{ ...data, reserves: data.reserves }} />
              <RangeChoice range={range} onRange={setRange} />
              <Charts data={{ ...data, reserves: data.reserves }} range={range} />
            </>
          )
        }
      </Loaded>
    </>
  )
}

async function pairData(address: string, signal: AbortSignal): Promise<PairData> {
  const [{ items }, ranking] = await Promise.all([ask('projects', { source: address, limit: 50 }, signal), topPairs(signal)])
  const projectOf = (type: string): Project | undefined => items.find(({ projectType }) => projectType === type)
  const snapshotOf = (project: Project | undefined) => (project === undefined ? undefined : latestOf(project.projectId, signal))
  const [reserves, day] = await Promise.all([snapshotOf(projectOf(RESERVES)), snapshotOf(projectOf(DAY_VOLUME))])
  const name = ranking && pairsOf(ranking.value).find((pair) => pair.address === address.toLowerCase())?.name
  const [token0 = 'Token 0', token1 = 'Token 1'] = name?.split('-') ?? []
  return { symbols: [token0, token1], reserves, volume: projectOf(VOLUME), day }
}

type Known = PairData & { readonly reserves: Snapshot }

/** The newest of a map by block. */
function newest({ value }: Snapshot, name: string): number | undefined {
  const found = isMap(value) ? lastOf(value[name]) : undefined
  return typeof found === 'number' ? found : undefined
}

function Now({ data: { symbols, reserves, day } }: { readonly data: Known }) {
  const dollars = [newest(reserves, 'token0ReservesUSD'), newest(reserves, 'token1ReservesUSD')] as const
  const liquidity = dollars[0] === undefined || dollars[1] === undefined ? undefined : dollars[0] + dollars[1]
  const volume = day && numberOf(day.value, 'totalTrade')
  const fee = day && numberOf(day.value, 'totalFee')
  const token = (index: 0 | 1) => {
    const [price, reserve] = [newest(reserves, `token${index}Prices`), newest(reserves, `token${index}Reserves`)]
    return (
      <Figure
        label={`Price of ${symbols[index]}`}
        value={price === undefined ? '–' : usd(price)}
        note={reserve === undefined ? '' : `${compact(reserve)} ${symbols[index]} in reserve`}
        proof={reserves}
      />
    )
  }
  return (
    <Figures>
      <Figure
        label="Liquidity"
        value={liquidity === undefined ? '–' : compactUsd(liquidity)}
        {...(liquidity !== undefined && { title: usd(liquidity) })}
        note={
          <>
            epoch {integer(reserves.epochId)}, <Ago at={reserves.at} />
          </>
        }
        proof={reserves}
      />
      {token(0)}
      {token(1)}
      <Figure
        label="Volume, 24 h"
        value={volume === undefined ? '–' : compactUsd(volume)}
        note={fee === undefined ? 'not computed here' : `fees ${compactUsd(fee)}`}
        proof={day}
      />
    </Figures>
  )
}

interface Line {
  readonly title: string
  readonly path: string
  readonly write: (value: number) => string
  readonly kind?: 'bars'
}

function Charts({ data: { symbols, reserves, volume }, range }: { readonly data: Known; readonly range: Range }) {
  const ofReserves: readonly Line[] = [
    { title: `Price of ${symbols[0]}`, path: 'token0Prices.*', write: usd },
    { title: `Price of ${symbols[1]}`, path: 'token1Prices.*', write: usd },
    { title: `${symbols[0]} in reserve`, path: 'token0Reserves.*', write: (value) => number(value) },
    { title: `${symbols[1]} in reserve`, path: 'token1Reserves.*', write: (value) => number(value) },
  ]
  return (
    <div className="columns two">
      {ofReserves.map((line) => (
        <Drawn key={line.path} projectId={reserves.projectId} line={line} range={range} />
      ))}
      {volume !== undefined && (
        <Drawn
          projectId={volume.projectId}
          line={{ title: 'Traded in each epoch', path: 'totalTrade', write: usd, kind: 'bars' }}
          range={range}
        />
      )}
      {volume !== undefined && (
        <Drawn
          projectId={volume.projectId}
          line={{ title: 'Fees in each epoch', path: 'totalFee', write: usd, kind: 'bars' }}
          range={range}
        />
      )}
    </div>
  )
}

function Drawn({ projectId, line, range }: { readonly projectId: string; readonly line: Line; readonly range: Range }) {
  const series = useSeries(projectId, line.path, range)
  return (
    <Panel title={line.title} note={<a href={to('projects', projectId, line.path)}>Project</a>}>
      <div className="panel-body">
        <Loaded of={series}>
          {(points: readonly ChartPoint[]) =>
            points.length === 0 ? (
              <Empty title="No epoch in this range has it" />
            ) : (
              <Chart
                label={line.title}
                points={points}
                write={line.write}
                projectId={projectId}
                height={180}
                {...(line.kind && { kind: line.kind })}
              />
            )
          }
        </Loaded>
      </div>
    </Panel>
  )
}
