/** A customer's consent: record and withdraw it, the ledger with its verification, the evidence. */
import { useQuery } from 'urql'
import { useMay } from '../app'
import {
  ConsentDocument,
  CorrectConsentDocument,
  RecordConsentDocument,
  RequestNonItemisedBillsDocument,
  VerifyConsentLedgerDocument,
  WithdrawConsentDocument,
  WithdrawNonItemisedBillsRequestDocument,
  type ConsentBasis,
  type ConsentFieldsFragment,
  type ConsentMethod,
} from '../generated/graphql'
import { CustomerFrame } from '../parts/customer-frame'
import { Download } from '../parts/files'
import { CheckField, Form, instantOf, SelectField, TextField, textOf, useAct } from '../parts/form'
import { QueryState, Section, Table, Verdict } from '../parts/page'
import { count, options, time, words } from '../words'

const BASES: ConsentBasis[] = ['TERMS_ACCEPTED', 'PRIVACY_POLICY_CONSENT', 'WRITTEN_OPT_IN']
const METHODS: ConsentMethod[] = ['ONLINE', 'EMAIL', 'PAPER', 'TELEPHONE', 'IN_PERSON', 'OTHER']

export function Consent({ id }: { id: string }) {
  const [state] = useQuery({ query: ConsentDocument, variables: { customerId: id } })
  const customer = state.data?.customer
  const mayWrite = useMay('CONSENT_WRITE')
  return (
    <CustomerFrame id={id} tab="Consent" customer={customer}>
      {!customer?.consent ? (
        <QueryState state={state} what="the consent" />
      ) : (
        <>
          <p role="status">
            <Verdict isGood={customer.consent.isGiven} good="Consent given" bad="No consent" />{' '}
            {customer.consent.basis && `${words(customer.consent.basis)} `}
            {customer.consent.since && `since ${time(customer.consent.since)}`}
          </p>
          {mayWrite &&
            (customer.consent.isGiven ? <Withdrawal customer={customer} /> : <Recording customer={customer} />)}
          {mayWrite && <NonItemised customer={customer} />}
          {customer.consentHistory && <Ledger id={id} entries={customer.consentHistory} />}
        </>
      )}
    </CustomerFrame>
  )
}

function Recording({ customer }: { customer: ConsentFieldsFragment }) {
  const { act, ...state } = useAct(RecordConsentDocument)
  const send = (form: FormData) =>
    act({
      input: {
        customerId: customer.id,
        basis: textOf(form, 'basis') as ConsentBasis,
        method: textOf(form, 'method') as ConsentMethod,
        givenBy: textOf(form, 'givenBy') ?? '',
        givenByRole: textOf(form, 'givenByRole'),
        evidenceReference: textOf(form, 'evidenceReference') ?? '',
        documentName: textOf(form, 'documentName'),
        documentVersion: textOf(form, 'documentVersion'),
        isEmailingCovered: form.has('isEmailingCovered'),
        effectiveAt: instantOf(form, 'effectiveAt'),
      },
    })
  return (
    <Section title="Record consent">
      <Form label="Record consent" submit="Record the consent" {...state} onSubmit={send}>
        <div className="row">
          <SelectField name="basis" label="Basis" options={options(BASES)} />
          <SelectField name="method" label="Given" options={options(METHODS)} />
          <TextField name="givenBy" label="Given by" />
          <TextField name="givenByRole" label="Role" hint="Such as director" />
          <TextField name="documentName" label="Document" hint="What the person was shown" />
          <TextField name="documentVersion" label="Version of the document" />
          <TextField name="evidenceReference" label="Evidence" hint="Where it is kept, such as a ticket" />
          <TextField name="effectiveAt" label="Takes effect" hint="Empty means now" type="datetime-local" />
        </div>
        <CheckField
          name="isEmailingCovered"
          label="The document covers sending itemised bills and call records by email"
        />
      </Form>
    </Section>
  )
}

function Withdrawal({ customer }: { customer: ConsentFieldsFragment }) {
  const { act, ...state } = useAct(WithdrawConsentDocument)
  const send = (form: FormData) =>
    act({
      input: {
        customerId: customer.id,
        ...askedOf(form),
        revokePreferences: form.has('revokePreferences'),
      },
    })
  return (
    <Section title="Withdraw consent">
      <Form label="Withdraw consent" submit="Withdraw the consent" {...state} onSubmit={send}>
        <AskedFields />
        <CheckField name="revokePreferences" label="Also end what contacts have confirmed" />
      </Form>
    </Section>
  )
}

const AskedFields = () => (
  <div className="row">
    <TextField name="askedBy" label="Asked by" />
    <SelectField name="method" label="Asked" options={options(METHODS)} />
    <TextField name="reason" label="Reason" />
  </div>
)

const askedOf = (form: FormData) => ({
  askedBy: textOf(form, 'askedBy'),
  reason: textOf(form, 'reason'),
  method: textOf(form, 'method') as ConsentMethod | null,
})

/** A request for bills without a list of calls, which overrides consent until it is withdrawn. */
function NonItemised({ customer }: { customer: ConsentFieldsFragment }) {
  const { isRequested, since } = customer.nonItemisedBills
  const request = useAct(RequestNonItemisedBillsDocument)
  const withdrawal = useAct(WithdrawNonItemisedBillsRequestDocument)
  const { act, ...state } = isRequested ? withdrawal : request
  const submit = isRequested ? 'Withdraw the request' : 'Record the request'
  const send = (form: FormData) => act({ input: { customerId: customer.id, ...askedOf(form) } })
  return (
    <Section title="Non-itemised bills">
      <p role="status">{isRequested && since ? `Requested since ${time(since)}` : 'Not requested'}</p>
      <Form key={submit} label="Non-itemised bills" submit={submit} {...state} onSubmit={send}>
        <AskedFields />
      </Form>
    </Section>
  )
}

type Entries = NonNullable<ConsentFieldsFragment['consentHistory']>

function Ledger({ id, entries }: { id: string; entries: Entries }) {
  const mayWrite = useMay('CONSENT_WRITE')
  return (
    <Section title="Ledger">
      <Verification key={entries.length} id={id} />
      <Download path={`/exports/consent-evidence.csv?customerId=${id}&bom=true`} name={`consent-evidence-${id}.csv`}>
        Download the evidence (CSV)
      </Download>
      {entries.length > 0 && (
        <Table
          label="Entries of the ledger"
          head={['Entry', 'Takes effect', 'By', 'Document', 'Recorded', 'Hash']}
          rows={entries.map((entry) => ({
            key: entry.id,
            cells: [
              `${entry.sequence}: ${words(entry.kind)}`,
              time(entry.effectiveAt),
              entry.givenBy ?? entry.askedBy,
              [entry.documentName, entry.documentVersion].filter(Boolean).join(' ') || null,
              `${time(entry.recordedAt)} by ${entry.recordedBy}`,
              <code title={entry.hash}>{entry.hash.slice(0, 8)}</code>,
            ],
          }))}
        />
      )}
      {mayWrite && entries.length > 0 && <Correction key={`correct ${entries.length}`} entries={entries} />}
    </Section>
  )
}

/** A correction changes no entry: it adds one with the values that replace it, or that annuls it. */
function Correction({ entries }: { entries: Entries }) {
  const { act, ...state } = useAct(CorrectConsentDocument)
  const corrected = entries.map((entry) => entry.correction?.entryId)
  const open = entries.filter((entry) => !corrected.includes(entry.id))
  const send = (form: FormData) => {
    const [entryId, reason] = [textOf(form, 'entryId') ?? '', textOf(form, 'reason') ?? '']
    const evidenceReference = textOf(form, 'values.evidenceReference')
    const values = evidenceReference === null ? null : { evidenceReference }
    return act({ input: { entryId, reason, values, kind: form.has('annul') ? 'ANNULMENT' : null } })
  }
  return (
    <Form label="Correct an entry" submit="Correct the entry" {...state} onSubmit={send}>
      <h3>Correct an entry</h3>
      <SelectField
        name="entryId"
        label="Entry to correct"
        options={open.map((one) => [one.id, `${one.sequence}: ${words(one.kind)}`])}
      />
      <TextField name="values.evidenceReference" label="Right evidence" hint="Empty keeps the entry's" />
      <TextField name="reason" label="Reason of the correction" />
      <CheckField name="annul" label="The entry should not have been made" />
    </Form>
  )
}

/** The API verifies the hash chain each time that this is made anew. */
function Verification({ id }: { id: string }) {
  const [state] = useQuery({ query: VerifyConsentLedgerDocument, variables: { customerId: id } })
  const result = state.data?.verifyConsentLedger
  if (!result) return <QueryState state={state} what="the verification" />
  return (
    <div role="status">
      <p>
        <Verdict isGood={result.isIntact} good="Ledger intact" bad="Ledger broken" />{' '}
        {count(result.entryCount, 'entry', 'entries')}, verified {time(result.verifiedAt)}
      </p>
      <ul>
        {result.breaks.map((one) => (
          <li key={`${one.code} ${one.sequence}`}>{one.message}</li>
        ))}
      </ul>
    </div>
  )
}
