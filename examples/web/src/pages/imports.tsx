/** Imports customers from a file: first a dry run, then the import, both followed as they go on. */
import { useRef, useState } from 'react'
import { useQuery, useSubscription } from 'urql'
import {
  CancelImportDocument,
  ImportJobDocument,
  ImportProgressedDocument,
  ImportsDocument,
  type ImportDetailsFragment,
  type ImportFailure,
  type ImportSummaryFragment,
} from '../generated/graphql'
import { callApi, Download } from '../parts/files'
import { FaultSummary, Form, SelectField, TextField, useAct, type Fault } from '../parts/form'
import { Ended, StateBadge } from '../parts/import-end'
import { mediaTypeOf } from '../parts/import-file'
import { Button, Page, QueryState, ReasonedButton, Section, Table } from '../parts/page'
import { go } from '../router'
import { count, number, time } from '../words'

/** The file stays chosen while the address changes to that of its import. */
export function Imports({ id }: { id: string | undefined }) {
  const [list, reload] = useQuery({ query: ImportsDocument })
  const [state] = useQuery({ query: ImportJobDocument, variables: { id: id ?? '' }, pause: id === undefined })
  const job = id === undefined ? null : state.data?.importJob
  const [checkId, setCheckId] = useState<string | null>(null)
  const [faults, setFaults] = useState<readonly Fault[]>([])
  const [isSending, setSending] = useState(false)
  // A request that is repeated because its answer was lost begins no second import.
  const key = useRef<string>(undefined)

  function change() {
    key.current = undefined
    setCheckId(null)
  }

  async function send(form: FormData, dryRun: boolean) {
    setSending(true)
    try {
      const importId = await upload(form, dryRun, (key.current ??= crypto.randomUUID()))
      change()
      setFaults([])
      if (dryRun) setCheckId(importId)
      reload({ requestPolicy: 'network-only' })
      go(`imports/${importId}`)
    } catch (error) {
      setFaults([{ path: ['file'], message: (error as Error).message }])
    }
    setSending(false)
  }

  const reasons = blockers(checkId, job)
  return (
    <Page title="Import customers">
      <p>Each row is a customer, with contacts and consent. Check the file first: that stores nothing.</p>
      <div onChange={change}>
        <Form
          label="Import a file"
          submit="Check the file"
          faults={faults}
          isSending={isSending}
          onSubmit={(form) => void send(form, true)}
          extra={(data) => (
            <ReasonedButton reasons={reasons} onClick={() => void send(data(), false)}>
              Import the file
            </ReasonedButton>
          )}
        >
          <TextField
            name="file"
            label="File"
            hint="CSV with the names of columns in the first line, or JSON lines"
            type="file"
            accept=".csv,.jsonl,.ndjson"
          />
          <SelectField
            name="onConflict"
            label="If a customer with the external reference exists"
            options={[['REFUSE', 'Refuse the row'], ['UPDATE', 'Update the customer']]}
          />
        </Form>
      </div>
      {isSending && <p role="status">Sending the file …</p>}
      <p>
        <Download path="/imports/template.csv?bom=true" name="import-template.csv">
          Download the template (CSV)
        </Download>
      </p>
      {job && <Job key={job.id} job={job} />}
      {id !== undefined && !job && <QueryState state={state} what="the import" />}
      <Recent imports={list.data?.imports?.nodes ?? []} current={id} />
    </Page>
  )
}

/** Send the file, and return the id of its import. */
async function upload(form: FormData, dryRun: boolean, key: string): Promise<string> {
  const file = form.get('file') as File
  const type = await mediaTypeOf(file)
  const response = await callApi(`/imports?dryRun=${dryRun}&onConflict=${form.get('onConflict')}`, {
    method: 'POST',
    headers: { 'Content-Type': type, 'Idempotency-Key': key },
    body: file,
  })
  return ((await response.json()) as { importId: string }).importId
}

/** Why the file cannot be imported yet. */
function blockers(checkId: string | null, job: ImportDetailsFragment | null | undefined): string[] {
  if (checkId === null || checkId !== job?.id) return ['Check the file first.']
  if (job.finishedAt === null) return ['The check has not ended yet.']
  return job.state === 'DONE' && job.storedRowCount > 0 ? [] : ['No row of the file can be stored.']
}

const FAILURES: Record<ImportFailure, string> = {
  FILE_REFUSED: 'The file as a whole cannot be read. Mend what is listed below, and check the file again.',
  PERMISSION_LOST: 'The user who sent the file lost the permission for it, or signs in no more.',
  GAVE_UP: 'The service failed again and again; the file is not at fault. Send it once more later.',
  INTERNAL_ERROR: 'The service has a bug. Rows that were stored stay. Report the id of the import.',
}

/** How far an import is. The subscription delivers it into the cache until it has ended. */
function Job({ job }: { job: ImportDetailsFragment }) {
  const hasEnded = job.finishedAt !== null
  useSubscription({ query: ImportProgressedDocument, variables: { id: job.id }, pause: hasEnded })
  const { act, faults } = useAct(CancelImportDocument)
  return (
    <Section title={job.isDryRun ? 'Check' : 'Import'}>
      {(!hasEnded || job.rowCount !== null) && (
        <p>
          <progress
            aria-label={job.isDryRun ? 'Rows checked' : 'Rows imported'}
            max={job.rowCount || 1}
            value={job.rowCount === null ? undefined : job.doneRowCount}
          />{' '}
          {number(job.doneRowCount)} of {job.rowCount === null ? '…' : number(job.rowCount)}
        </p>
      )}
      <p role="status">
        {hasEnded ? <Ended {...job} /> : <StateBadge state={job.state} />} {job.failure && FAILURES[job.failure]}
      </p>
      <FaultSummary faults={faults} />
      <p className="actions">
        {!hasEnded && <Button onClick={() => void act({ input: { id: job.id } })}>Cancel</Button>}
        {hasEnded && job.errorFilePath && (
          <Download path={`${job.errorFilePath}?bom=true`} name={job.errorFilePath.replace(/.*\//, 'import-')}>
            Download the refused rows
          </Download>
        )}
      </p>
      {job.faults && job.faults.totalCount > 0 && (
        <>
          <p>
            {count(job.faults.totalCount, 'fault')}
            {job.faults.totalCount > job.faults.nodes.length &&
              `, of which the first ${job.faults.nodes.length} are listed`}
          </p>
          <Table
            label="Faults"
            head={['Line', 'Column', 'Code', 'What to do']}
            rows={job.faults.nodes.map(({ line, column, code, message }, key) => ({
              key,
              cells: [number(line), column ?? 'the whole line', <code>{code}</code>, message],
            }))}
          />
        </>
      )}
    </Section>
  )
}

function Recent({ imports, current }: { imports: readonly ImportSummaryFragment[]; current: string | undefined }) {
  if (imports.length === 0) return <p>Nothing was imported yet.</p>
  return (
    <Section title="Latest imports">
      <Table
        label="Imports"
        head={['When', 'What', 'State', 'Stored', 'Refused', 'By']}
        rows={imports.map((job) => ({
          key: job.id,
          cells: [
            <a href={`#/imports/${job.id}`} aria-current={job.id === current ? 'true' : undefined}>
              {time(job.requestedAt)}
            </a>,
            job.isDryRun ? 'Check' : 'Import',
            <StateBadge state={job.state} />,
            job.isDryRun ? null : number(job.storedRowCount),
            number(job.failedRowCount),
            job.requestedBy,
          ],
        }))}
      />
    </Section>
  )
}
