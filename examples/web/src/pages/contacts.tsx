/** The contacts of a customer, and what each has confirmed by mail. */
import { useState } from 'react'
import { useQuery, useSubscription } from 'urql'
import { useMay } from '../app'
import {
  ContactConfirmedDocument,
  ContactsDocument,
  RequestAttachmentPreferenceDocument,
  RequestEmailVerificationDocument,
  SaveContactDocument,
  type ContactFieldsFragment,
  type Document,
} from '../generated/graphql'
import { CustomerFrame } from '../parts/customer-frame'
import { CheckField, FaultSummary, Form, TextField, textOf, useAct } from '../parts/form'
import { Badge, Button, QueryState, ReasonedButton, Section, Verdict } from '../parts/page'
import { time, words } from '../words'

const FLAGS = [
  ['receivesBills', 'Receives bills'],
  ['receivesCorrespondence', 'Receives other correspondence'],
  ['isActive', 'Active'],
] as const
const DOCUMENTS: Document[] = ['BILL', 'CDR_ZIP', 'USAGE_FILES']

export function Contacts({ id }: { id: string }) {
  const [state] = useQuery({ query: ContactsDocument, variables: { customerId: id } })
  const [edited, setEdited] = useState<string | null>(null)
  const customer = state.data?.customer
  const contacts = customer?.contacts
  const mayWrite = useMay('CONTACTS_WRITE')
  // Delivers what a contact confirms by mail into the cache, and so into this page.
  useSubscription({ query: ContactConfirmedDocument, variables: { customerIds: [id] } })
  return (
    <CustomerFrame id={id} tab="Contacts" customer={customer}>
      {!contacts ? (
        <QueryState state={state} what="contacts" />
      ) : (
        <>
          {contacts.length === 0 && <p>There are no contacts yet.</p>}
          <ul className="cards">
            {contacts.map((contact) => (
              <li key={contact.id}>
                {edited === contact.id ? (
                  <ContactForm customerId={id} stored={contact} onEnd={() => setEdited(null)} />
                ) : (
                  <ContactCard contact={contact} mayWrite={mayWrite} onEdit={() => setEdited(contact.id)} />
                )}
              </li>
            ))}
          </ul>
          {mayWrite && (
            <Section title="Add a contact"><ContactForm key={contacts.length} customerId={id} /></Section>
          )}
        </>
      )}
    </CustomerFrame>
  )
}

function ContactCard(props: { contact: ContactFieldsFragment; mayWrite: boolean; onEdit: () => void }) {
  const { contact } = props
  const verification = useAct(RequestEmailVerificationDocument)
  const { attachmentPreference: preference } = contact
  const lastEntry = contact.preferenceHistory.at(-1)
  return (
    <>
      <h2>{contact.name}</h2>
      <p>{contact.email ?? 'No email address'}</p>
      <p className="badges" role="status">
        {contact.email && (
          <Verdict isGood={contact.isEmailVerified} good="Email verified" bad="Email not verified" />
        )}
        {preference.isConfirmed && (
          <Badge kind="good">Confirmed: {preference.documents.map(words).join(', ')}</Badge>
        )}
        {contact.receivesBills && <Badge kind="plain">Receives bills</Badge>}
        {!contact.isActive && <Badge kind="bad">Inactive</Badge>}
      </p>
      {lastEntry && (
        <p><small>Preference {words(lastEntry.kind).toLowerCase()} {time(lastEntry.recordedAt)}</small></p>
      )}
      {props.mayWrite && (
        <div className="actions">
          <button type="button" aria-label={`Edit ${contact.name}`} onClick={props.onEdit}>Edit</button>
          {contact.email && !contact.isEmailVerified && (
            <ReasonedButton
              label={`Ask to verify: ${contact.name}`}
              onClick={() => void verification.act({ input: { contactId: contact.id } })}
            >
              Ask to verify
            </ReasonedButton>
          )}
        </div>
      )}
      <FaultSummary faults={verification.faults} />
      {props.mayWrite && contact.isEmailVerified && !preference.isConfirmed && (
        <PreferenceForm contact={contact} />
      )}
    </>
  )
}

/** Only the contact can confirm: this sends a mail with a link. */
function PreferenceForm({ contact }: { contact: ContactFieldsFragment }) {
  const { act, ...state } = useAct(RequestAttachmentPreferenceDocument)
  return (
    <details>
      <summary>Ask {contact.name} what to send in full by email</summary>
      <Form
        label={`Ask ${contact.name} for a preference`}
        submit="Send the question"
        {...state}
        onSubmit={(form) =>
          void act({ input: { contactId: contact.id, documents: form.getAll('documents') as Document[] } })
        }
      >
        {DOCUMENTS.map((document) => (
          <CheckField key={document} name="documents" value={document} label={words(document)} checked />
        ))}
      </Form>
    </details>
  )
}

function ContactForm(props: { customerId: string; stored?: ContactFieldsFragment; onEnd?: () => void }) {
  const { stored } = props
  const { act, ...state } = useAct(SaveContactDocument)

  async function save(form: FormData) {
    const values = {
      name: textOf(form, 'name'),
      email: textOf(form, 'email'),
      ...Object.fromEntries(FLAGS.map(([name]) => [name, form.has(name)])),
    }
    const key = stored
      ? { id: stored.id, expectedVersion: stored.version }
      : { customerId: props.customerId }
    if (await act({ input: { ...values, ...key } })) props.onEnd?.()
  }

  return (
    <Form
      label={stored ? `Edit ${stored.name}` : 'Add a contact'}
      submit={stored ? 'Save' : 'Add the contact'}
      {...state}
      onSubmit={save}
      extra={
        props.onEnd &&
        (() => (
          <Button onClick={props.onEnd}>Cancel</Button>
        ))
      }
    >
      <TextField name="name" label="Name" value={stored?.name} />
      <TextField name="email" label="Email address" type="email" value={stored?.email} />
      {FLAGS.map(([name, label]) => (
        <CheckField key={name} name={name} label={label} checked={stored?.[name] ?? name === 'isActive'} />
      ))}
    </Form>
  )
}
