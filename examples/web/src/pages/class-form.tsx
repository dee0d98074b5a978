/** Creates or edits a customer class. */
import { useQuery } from 'urql'
import { CustomerClassDocument, SaveCustomerClassDocument, type ClassFieldsFragment } from '../generated/graphql'
import { CheckField, Form, numberOf, TextField, textOf, useAct } from '../parts/form'
import { Page, QueryState } from '../parts/page'
import { go } from '../router'

const FLAGS = [
  ['isPersonalCustomer', 'Private individuals'],
  ['isSoleTrader', 'Sole traders'],
  ['isReseller', 'Resellers'],
  ['checkCompaniesHouse', 'Look customers up at Companies House'],
] as const

export function ClassForm({ id }: { id?: string }) {
  const [state] = useQuery({ query: CustomerClassDocument, variables: { id: id ?? '' }, pause: id === undefined })
  const stored = state.data?.customerClass
  if (id === undefined) return <Fields title="Add a class" />
  if (stored) return <Fields title={`Edit ${stored.name}`} stored={stored} />
  return (
    <Page title="Edit a class"><QueryState state={state} what="the class" /></Page>
  )
}

function Fields({ title, stored }: { title: string; stored?: ClassFieldsFragment }) {
  const { act, ...state } = useAct(SaveCustomerClassDocument)

  async function save(form: FormData) {
    const flags = Object.fromEntries(FLAGS.map(([name]) => [name, form.has(name)]))
    const values = { displayClass: textOf(form, 'displayClass'), displayPosition: numberOf(form, 'displayPosition') }
    // The name and flags of a class that came with the platform are protected: they are not sent.
    const open = stored?.isShipped ? values : { ...values, ...flags, name: textOf(form, 'name') }
    const key = stored ? { id: stored.id, expectedVersion: stored.version } : {}
    if (await act({ input: { ...open, ...key } })) go('classes')
  }

  return (
    <Page title={title}>
      {stored?.isShipped && (
        <p>This class came with the platform. Only its display can be changed here.</p>
      )}
      <Form label={title} submit="Save" {...state} onSubmit={save}>
        {!stored?.isShipped && (
          <>
            <TextField name="name" label="Name" value={stored?.name} />
            {FLAGS.map(([name, label]) => (
              <CheckField key={name} name={name} label={label} checked={stored?.[name] ?? false} />
            ))}
          </>
        )}
        <TextField
          name="displayClass"
          label="CSS class names"
          hint="Separated by spaces"
          value={stored?.displayClass}
        />
        <TextField
          name="displayPosition"
          label="Position in lists"
          hint="Lower numbers come first"
          inputMode="numeric"
          value={stored?.displayPosition ?? 100}
        />
      </Form>
    </Page>
  )
}
