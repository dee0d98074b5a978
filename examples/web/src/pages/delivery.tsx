/** What would be emailed to whom, now or at a date, and beside it what would be if … */
import { useState } from 'react'
import { useQuery } from 'urql'
import {
  AssumedDeliveryDocument,
  DeliveryPreviewDocument,
  type DeliveryAssumption,
  type DeliveryOutcome,
  type PreviewFieldsFragment,
} from '../generated/graphql'
import { CustomerFrame } from '../parts/customer-frame'
import { ClassField, Form, instantOf, SelectField, TextField, textOf } from '../parts/form'
import { Badge, Problem, QueryState } from '../parts/page'
import { time, words } from '../words'

const KINDS: Partial<Record<DeliveryOutcome, 'good' | 'bad'>> = {
  ITEMISED: 'good',
  SENT: 'good',
  PLAIN: 'good',
  PASSWORD_PROTECTED: 'good',
  WITHHELD: 'bad',
}

const YES_NO = [['yes', 'Yes'], ['no', 'No']] as const

export function Delivery({ id }: { id: string }) {
  const [at, setAt] = useState<string | null>(null)
  const [assuming, setAssuming] = useState<DeliveryAssumption | null>(null)
  const [state] = useQuery({ query: DeliveryPreviewDocument, variables: { customerId: id, at } })
  const [{ data: assumed, error: fault }] = useQuery({
    query: AssumedDeliveryDocument,
    variables: { customerId: id, at, assuming: assuming ?? {} },
    pause: assuming === null,
  })
  const recorded = state.data?.customer?.deliveryPreview
  const supposed = assuming && assumed?.customer?.deliveryPreview
  return (
    <CustomerFrame id={id} tab="Delivery" customer={state.data?.customer}>
      <p>Nothing is sent from this page.</p>
      <Switches
        contacts={recorded?.contacts ?? []}
        onChange={(instant, assumption) => {
          setAt(instant)
          setAssuming(assumption)
        }}
      />
      {!recorded && <QueryState state={state} what="the preview" />}
      {fault && <Problem error={fault} />}
      <div className="sides">
        {recorded && <Preview title={at ? 'On record then' : 'On record now'} preview={recorded} />}
        {supposed && <Preview title="What if" preview={supposed} />}
      </div>
    </CustomerFrame>
  )
}

const YesNo = (props: { name: string; label: string }) => (
  <SelectField {...props} empty="As on record" options={YES_NO} />
)

function Switches(props: {
  contacts: PreviewFieldsFragment['contacts']
  onChange: (at: string | null, assuming: DeliveryAssumption | null) => void
}) {
  function read(form: FormData) {
    const yes = (name: string) => {
      const text = textOf(form, name)
      return text === null ? null : text === 'yes'
    }
    const [consent, nonItemised] = [yes('consent'), yes('nonItemised')]
    const classId = textOf(form, 'classId')
    const contacts = props.contacts.flatMap(({ contactId }) => {
      const [bills, preference] = [yes(`bills.${contactId}`), yes(`preference.${contactId}`)]
      if (bills === null && preference === null) return []
      return [
        {
          contactId,
          ...(bills === null ? {} : { receivesBills: bills }),
          ...(preference === null ? {} : { isPreferenceConfirmed: preference }),
        },
      ]
    })
    const assuming: DeliveryAssumption = {
      ...(consent === null ? {} : { isConsentGiven: consent }),
      ...(nonItemised === null ? {} : { isNonItemisedRequested: nonItemised }),
      ...(classId === null ? {} : { classId }),
      ...(contacts.length === 0 ? {} : { contacts }),
    }
    props.onChange(instantOf(form, 'at'), Object.keys(assuming).length > 0 ? assuming : null)
  }

  return (
    <Form label="What if" submit="Show" onSubmit={read}>
      <div className="row">
        <TextField name="at" label="At" hint="Empty means now" type="datetime-local" />
        <YesNo name="consent" label="Consent is given" />
        <YesNo name="nonItemised" label="Bills without calls are requested" />
        <ClassField name="classId" label="Class" empty="As on record" />
      </div>
      {props.contacts.map((contact) => (
        <fieldset key={contact.contactId} className="row">
          <legend>{contact.name ?? 'Contact'}</legend>
          <YesNo name={`bills.${contact.contactId}`} label="Receives bills" />
          <YesNo name={`preference.${contact.contactId}`} label="Has confirmed full documents" />
        </fieldset>
      ))}
    </Form>
  )
}

function Preview({ title, preview }: { title: string; preview: PreviewFieldsFragment }) {
  const differs = (contactId: string, document: string) =>
    preview.difference.some((one) => one.contactId === contactId && one.document === document)
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <p>
        {time(preview.at)} · {preview.className} ·{' '}
        {preview.isConsentGiven ? 'consent given' : 'no consent'}
        {preview.isNonItemisedRequested && ' · bills without calls requested'}
      </p>
      {preview.contacts.length === 0 && <p>The customer has no contacts.</p>}
      {preview.contacts.map((contact) => (
        <div key={contact.contactId}>
          <h3>{contact.name ?? 'Contact'}</h3>
          <dl className="facts">
            {contact.documents.map((one) => {
              const isChanged = differs(contact.contactId, one.document)
              return (
                <div key={one.document} className={isChanged ? 'changed' : undefined}>
                  <dt>{words(one.document)}</dt>
                  <dd>
                    <Badge kind={KINDS[one.outcome] ?? 'plain'}>{words(one.outcome)}</Badge>
                    {isChanged && <strong> changed</strong>}
                    <small>{one.sentence}</small>
                    {one.remedies.length > 0 && (
                      <details>
                        <summary>What would change that</summary>
                        <ul>
                          {one.remedies.map((remedy) => (
                            <li key={remedy.instruction}>{remedy.instruction}</li>
                          ))}
                        </ul>
                      </details>
                    )}
                  </dd>
                </div>
              )
            })}
          </dl>
        </div>
      ))}
    </section>
  )
}
