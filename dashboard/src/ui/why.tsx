import type { Reason } from '#wire/api.ts'
import { integer } from '../format.ts'
import { to } from '../router.ts'
import { NoProject, ProjectLink } from './parts.tsx'

/** Why there is no data point, or none of its bytes, and where to look instead. */
export function Why({ of: reason }: { readonly of: Reason | undefined }) {
  if (reason === undefined) return null
  const { nearest = [] } = reason
  return (
    <>
      {WORDS[reason.code]?.(reason) ?? reason.message}
      {nearest.length > 0 && (
        <>
          {' '}
          Spelled nearly so:{' '}
          {nearest.map((projectId, index) => (
            <span key={projectId}>
              {index > 0 && ', '}
              <ProjectLink projectId={projectId} />
            </span>
          ))}
        </>
      )}
    </>
  )
}

const Epoch = ({ id }: { readonly id: number | undefined }) =>
  id === undefined ? null : <a href={to('epochs', id)}>epoch {integer(id)}</a>

/** The messages of the api name fields of its answers; a page has links in their place. */
const WORDS: Partial<Record<Reason['code'], (reason: Reason) => React.ReactNode>> = {
  project_unknown: () => <NoProject />,
  project_later: ({ firstEpochId }) => (
    <>
      The project begins with <Epoch id={firstEpochId} />.
    </>
  ),
  epoch_not_released: ({ newestEpochId }) => (
    <>
      The epoch is still to come; the newest is <Epoch id={newestEpochId} />.
    </>
  ),
  epoch_forgotten: ({ oldestEpochId }) => (
    <>
      The epoch is older than what is kept here, which begins with <Epoch id={oldestEpochId} />.
    </>
  ),
  epoch_open: ({ untilBlock }) => `Its batches may still come${untilBlock === undefined ? '' : `, until block ${integer(untilBlock)}`}.`,
  not_final: ({ firstEpochId }) => (
    <>
      The project is on chain from <Epoch id={firstEpochId} /> on, and nothing of it is final yet.
    </>
  ),
  not_indexed: ({ indexedBlock }) =>
    `The index has not come so far${indexedBlock === undefined ? '' : `: it is at block ${integer(indexedBlock)}`}.`,
}
