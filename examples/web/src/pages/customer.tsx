/** A customer: the company profile with provenance, the lookup while it runs, suggestions, advisories. */
import { useQuery, useSubscription } from 'urql'
import { useMay } from '../app'
import {
  AcceptSuggestionsDocument,
  ChangeCustomerClassDocument,
  CustomerDocument,
  CustomerEnrichedDocument,
  RejectSuggestionsDocument,
  RequestEnrichmentDocument,
  type CustomerDetailsFragment,
  type EnrichmentStatus,
} from '../generated/graphql'
import { CustomerFrame } from '../parts/customer-frame'
import { ClassField, FaultSummary, Form, TextField, textOf, useAct } from '../parts/form'
import { Button, LinkButton, QueryState, Section } from '../parts/page'
import { provenance, StatusBadge } from '../parts/profile'
import { time, words } from '../words'

const UNDER_WAY: EnrichmentStatus[] = ['PENDING', 'RUNNING', 'RETRYING']

export function Customer({ id }: { id: string }) {
  const [state] = useQuery({ query: CustomerDocument, variables: { id } })
  const customer = state.data?.customer
  const mayWrite = useMay('CUSTOMERS_WRITE')
  return (
    <CustomerFrame id={id} tab="Details" customer={customer}>
      {!customer ? (
        <QueryState state={state} what="the customer" />
      ) : (
        <>
          {customer.advisories.length > 0 && (
            <ul className="note">
              {customer.advisories.map((advisory) => (
                <li key={advisory.code}>{advisory.message}</li>
              ))}
            </ul>
          )}
          {mayWrite && <LinkButton href={`#/customers/${id}/edit`}>Edit</LinkButton>}
          <Enrichment customer={customer} />
          {mayWrite && <Suggestions customer={customer} />}
          <Profile customer={customer} />
          {mayWrite && <ClassChange key={customer.customerClass.id} customer={customer} />}
        </>
      )}
    </CustomerFrame>
  )
}

/**
 * The state of the lookup at Companies House. While it is under way, a subscription delivers its end
 * into the cache, and the page follows. `since` closes the gap between saving and subscribing.
 */
function Enrichment({ customer }: { customer: CustomerDetailsFragment }) {
  const { id, enrichment, companyNumber } = customer
  const isUnderWay = UNDER_WAY.includes(enrichment.status)
  const since = enrichment.requestedAt ?? null
  useSubscription({ query: CustomerEnrichedDocument, variables: { customerId: id, since }, pause: !isUnderWay })
  const { act, faults, isSending } = useAct(RequestEnrichmentDocument)
  const mayRun = useMay('ENRICHMENT_RUN')
  return (
    <Section title="Companies House">
      <p role="status">
        <StatusBadge status={enrichment.status} />{' '}
        {enrichment.reason && <span>{words(enrichment.reason)}. </span>}
        {isUnderWay && <span>This page changes by itself once the lookup has ended.</span>}
        {!isUnderWay && enrichment.finishedAt && <span>Looked up {time(enrichment.finishedAt)}</span>}
      </p>
      {companyNumber && <p>Company number {companyNumber}</p>}
      <FaultSummary faults={faults} />
      {mayRun && companyNumber && (
        <button
          type="button"
          aria-disabled={isUnderWay || isSending}
          onClick={() => {
            if (!isUnderWay) void act({ input: { target: { customerId: id } } })
          }}
        >
          Look up again
        </button>
      )}
    </Section>
  )
}

/** Where the register differs from what a user typed: accept or reject several at once. */
function Suggestions({ customer }: { customer: CustomerDetailsFragment }) {
  const acceptance = useAct(AcceptSuggestionsDocument)
  const rejection = useAct(RejectSuggestionsDocument)
  if (customer.suggestions.length === 0) return null

  const chosen = (form: FormData) => ({ input: { ids: form.getAll('ids').map(String) } })

  return (
    <Section title="Suggestions">
      <p>Companies House differs from what a user typed.</p>
      <Form
        label="Suggestions"
        submit="Accept the chosen"
        faults={[...acceptance.faults, ...rejection.faults]}
        isSending={acceptance.isSending}
        extra={(data) => (
          <Button onClick={() => void rejection.act(chosen(data()))}>Reject the chosen</Button>
        )}
        onSubmit={(form) => void acceptance.act(chosen(form))}
      >
        <fieldset>
          <legend>Take from Companies House</legend>
          {customer.suggestions.map((suggestion) => (
            <label key={suggestion.id} className="check">
              <input type="checkbox" name="ids" value={suggestion.id} defaultChecked />
              <span>
                {words(suggestion.field)}: <ins>{suggestion.value?.display ?? 'cannot be shown'}</ins>{' '}
                instead of <del>{suggestion.current?.display ?? 'nothing'}</del>
              </span>
            </label>
          ))}
        </fieldset>
      </Form>
    </Section>
  )
}

/** The class is changed by an act of its own, whose reason is kept in the customer's history. */
function ClassChange({ customer: { id, version, customerClass } }: { customer: CustomerDetailsFragment }) {
  const { act, ...state } = useAct(ChangeCustomerClassDocument)
  const change = (form: FormData) => {
    const [classId, reason] = [textOf(form, 'classId') ?? '', textOf(form, 'reason') ?? '']
    return act({ input: { customerId: id, classId, reason, expectedVersion: version } })
  }
  return (
    <Section title="Customer class">
      <Form label="Customer class" submit="Change the class" {...state} onSubmit={change}>
        <ClassField name="classId" label="New class" empty="Choose a class" without={customerClass.id} />
        <TextField name="reason" label="Reason" />
      </Form>
    </Section>
  )
}

const FIELDS = [
  'registeredAddress',
  'incorporatedOn',
  'employees',
  'fixedAssets',
  'currentAssets',
  'totalAssets',
  'totalAssetsLessCurrentLiabilities',
  'netAssets',
] as const

function Profile({ customer: { profile } }: { customer: CustomerDetailsFragment }) {
  return (
    <Section title="Company profile">
      {profile.companyName && (
        <p>
          {profile.companyName}
          {profile.companyStatus && ` · ${profile.companyStatus}`}
        </p>
      )}
      <dl className="facts">
        {FIELDS.map((field) => {
          const value = profile[field]
          return (
            <div key={field}>
              <dt>{words(field.replace(/[A-Z]/g, '_$&'))}</dt>
              <dd>
                {value?.display ?? 'Not known'}
                {value && <small>{provenance(value)}</small>}
              </dd>
            </div>
          )
        })}
      </dl>
    </Section>
  )
}
