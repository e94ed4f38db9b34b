import { type ChangeEvent, useDeferredValue, useState } from 'react'
import type { ProofFile } from '../data/tamper.ts'
import { useAnswer } from '../data/use-answer.ts'
import { to } from '../router.ts'
import { Panel } from '../ui/parts.tsx'

/** Which data point, or which file. */
export function Choose({ onFile }: { readonly onFile: (file: ProofFile) => void }) {
  const [project, setProject] = useState('')
  const [epoch, setEpoch] = useState('')
  const [problem, setProblem] = useState('')
  const search = useDeferredValue(project.trim())
  const found = useAnswer('projects', { limit: 20, ...(search !== '' && { search }) }, { isLive: false })
  const submit = (event: React.FormEvent): void => {
    event.preventDefault()
    // What is spelled in part means the first that has it.
    const projectId =
      found.value?.items.find((item) => item.projectId === project)?.projectId ?? found.value?.items[0]?.projectId ?? project
    window.location.hash = epoch === '' ? to('verify', projectId) : to('verify', projectId, epoch)
  }
  const read = async (event: ChangeEvent<HTMLInputElement>): Promise<void> => {
    const text = await event.target.files?.[0]?.text()
    if (text === undefined) return
    const file = fileOf(text)
    setProblem(file === undefined ? 'That file holds no JSON object.' : '')
    if (file !== undefined) onFile(file)
  }
  return (
    <Panel title="What is to be verified">
      <div className="panel-body choose">
        <form className="row" onSubmit={submit}>
          <label className="labelled grow">
            Project, or a part of its id
            <input className="field" list="projects" required value={project} onChange={(event) => setProject(event.target.value)} />
          </label>
          <datalist id="projects">
            {found.value?.items.map(({ projectId }) => (
              <option key={projectId} value={projectId} />
            ))}
          </datalist>
          <label className="labelled">
            Epoch
            <input
              className="field short"
              placeholder="newest"
              inputMode="numeric"
              pattern="[1-9][0-9]*"
              value={epoch}
              onChange={(event) => setEpoch(event.target.value.trim())}
            />
          </label>
          <button type="submit" className="button primary">
            Verify
          </button>
        </form>
        <label className="labelled">
          Or a proof in a file
          <input className="field" type="file" accept=".json,application/json" onChange={(event) => void read(event)} />
        </label>
        {problem !== '' && (
          <p className="small" role="alert">
            {problem}
          </p>
        )}
      </div>
    </Panel>
  )
}

function fileOf(text: string): ProofFile | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as ProofFile) : undefined
  } catch {
    return undefined
  }
}
