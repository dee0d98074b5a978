/** Imports customers from a file: first a dry run, then the import, both followed as they go on. */
import { useRef, useState } from 'react'
import { useQuery, useSubscription } from 'urql'
import {
  CancelImportDocument,
  ImportJobDocument,
  ImportProgressedDocument,
  ImportsDocument,
  type ImportDetailsFragment,
  type ImportSummaryFragment,
  type ImportState,
} from '../generated/graphql'
import { callApi, Download } from '../parts/files'
import { FaultSummary, Form, SelectField, TextField, useAct, type Fault } from '../parts/form'
import { Badge, Button, Page, QueryState, ReasonedButton, Section, Table } from '../parts/page'
import { go } from '../router'
import { count, number, time, words } from '../words'

const [CSV, JSONL] = ['text/csv', 'application/jsonl']
const MEDIA_TYPES: Record<string, string> = { csv: CSV, jsonl: JSONL, ndjson: JSONL }
const KINDS: Partial<Record<ImportState, 'good' | 'bad'>> = { DONE: 'good', FAILED: 'bad', CANCELLED: 'bad' }

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
            options={[
              ['REFUSE', 'Refuse the row'],
              ['UPDATE', 'Update the customer'],
            ]}
          />
        </Form>
      </div>
      {isSending && <p role="status">Sending the file …</p>}
      <p>
        <Download path="/imports/template.csv?bom=true" name="import-template.csv">
          Download an empty file (CSV)
        </Download>
      </p>
      {job && <Job key={job.id} job={job} />}
      {job === undefined && <QueryState state={state} what="the import" />}
      <Recent imports={list.data?.imports?.nodes ?? []} current={id} />
    </Page>
  )
}

/** Send the file, and return the id of its import. */
async function upload(form: FormData, dryRun: boolean, key: string): Promise<string> {
  const file = form.get('file') as File
  const type = MEDIA_TYPES[file.name.split('.').at(-1)?.toLowerCase() ?? '']
  if (!type) throw new Error('Choose a file whose name ends in .csv, .jsonl or .ndjson.')
  // A browser reads no file that has changed since it was chosen, as after it was mended.
  await file.slice(0, 1).arrayBuffer().catch(() => {
    throw new Error('The file has changed since it was chosen. Choose it again.')
  })
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

/** How far an import is. The subscription delivers it into the cache until it has ended. */
function Job({ job }: { job: ImportDetailsFragment }) {
  const hasEnded = job.finishedAt !== null
  useSubscription({ query: ImportProgressedDocument, variables: { id: job.id }, pause: hasEnded })
  const { act, faults } = useAct(CancelImportDocument)
  const stored = `${count(job.storedRowCount, 'row')} ${job.isDryRun ? 'can be stored' : 'stored'}`
  const refused = job.failedRowCount > 0 ? `, ${number(job.failedRowCount)} refused` : ''
  return (
    <Section title={job.isDryRun ? 'Check' : 'Import'}>
      <p>
        <progress
          aria-label={job.isDryRun ? 'Rows checked' : 'Rows imported'}
          max={job.rowCount || 1}
          value={hasEnded || job.rowCount !== null ? job.doneRowCount : undefined}
        />{' '}
        {number(job.doneRowCount)} of {job.rowCount === null ? '…' : number(job.rowCount)}
      </p>
      <p role="status">
        <State job={job} /> {hasEnded && `${stored}${refused}.`} {job.failure && `${words(job.failure)}.`}
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

const State = ({ job }: { job: ImportSummaryFragment }) => (
  <Badge kind={KINDS[job.state] ?? 'plain'}>{words(job.state)}</Badge>
)

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
            <State job={job} />,
            job.isDryRun ? null : number(job.storedRowCount),
            number(job.failedRowCount),
            job.requestedBy,
          ],
        }))}
      />
    </Section>
  )
}
