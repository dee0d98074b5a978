/** Creates or edits a customer. All faults that the API tells are shown at once, each at its field. */
import { useRef, useState } from 'react'
import { useQuery } from 'urql'
import {
  CompanySearchDocument,
  CustomerDocument,
  SaveCustomerDocument,
  type CustomerDetailsFragment,
} from '../generated/graphql'
import { ClassField, Form, numberOf, TextField, textOf, useAct } from '../parts/form'
import { Button, Page, QueryState } from '../parts/page'
import { go } from '../router'

const ADDRESS = 'profile.registeredAddress'
const LINES = [['addressLine1', 'Street'], ['locality', 'Town'], ['postalCode', 'Postcode']] as const

export function CustomerForm({ id }: { id?: string }) {
  const [state] = useQuery({ query: CustomerDocument, variables: { id: id ?? '' }, pause: id === undefined })
  const stored = state.data?.customer
  if (id === undefined) return <Fields title="Add a customer" />
  if (stored) return <Fields title={`Edit ${stored.name}`} stored={stored} />
  return (
    <Page title="Edit a customer"><QueryState state={state} what="the customer" /></Page>
  )
}

function Fields({ title, stored }: { title: string; stored?: CustomerDetailsFragment }) {
  const { act, ...state } = useAct(SaveCustomerDocument)
  const typed = typedOf(stored)

  async function save(form: FormData) {
    const name = textOf(form, 'name')
    const companyNumber = textOf(form, 'companyNumber')
    const values = { name, companyNumber, externalReference: textOf(form, 'externalReference') }
    const key = stored
      ? { id: stored.id, expectedVersion: stored.version }
      : { classId: textOf(form, 'classId') }
    const payload = await act({ input: { ...values, ...key, ...profileOf(form, typed) } })
    if (payload?.customer) go(`customers/${payload.customer.id}`)
  }

  return (
    <Page title={title}>
      <Form label={title} submit="Save" {...state} onSubmit={save}>
        <TextField name="name" label="Name" value={stored?.name} />
        {!stored && <ClassField name="classId" label="Class" empty="Choose a class" />}
        <CompanyNumber value={stored?.companyNumber} />
        <TextField name="externalReference" label="Reference in another system" value={stored?.externalReference} />
        <fieldset>
          <legend>Company profile</legend>
          <p>What you type here is never replaced by Companies House. Leave it empty to use the register.</p>
          <TextField name="profile.incorporatedOn" label="Incorporated on" type="date" value={typed.incorporatedOn} />
          <TextField name="profile.employees" label="Employees" inputMode="numeric" value={typed.employees} />
          <TextField
            name="profile.netAssets.value"
            label="Net assets in GBP"
            inputMode="decimal"
            value={typed.netAssets}
          />
          {LINES.map(([name, label]) => (
            <TextField key={name} name={`${ADDRESS}.${name}`} label={label} value={typed.address[name]} />
          ))}
        </fieldset>
      </Form>
    </Page>
  )
}

/** The values that a user typed; those of the register are not the form's to send back. */
function typedOf(stored: CustomerDetailsFragment | undefined) {
  const { incorporatedOn, employees, netAssets, registeredAddress } = stored?.profile ?? {}
  const address = registeredAddress?.source === 'USER' ? registeredAddress.value : undefined
  return {
    incorporatedOn: incorporatedOn?.source === 'USER' ? incorporatedOn.value : null,
    employees: employees?.source === 'USER' ? employees.value : null,
    netAssets: netAssets?.source === 'USER' ? netAssets.value : null,
    address: {
      addressLine1: address?.addressLine1 ?? null,
      locality: address?.locality ?? null,
      postalCode: address?.postalCode ?? null,
    },
  }
}

/** Only what has changed is sent: a field left out stays as it is, and null clears it. */
function profileOf(form: FormData, typed: ReturnType<typeof typedOf>) {
  const address = Object.fromEntries(LINES.map(([name]) => [name, textOf(form, `${ADDRESS}.${name}`)]))
  const incorporatedOn = textOf(form, 'profile.incorporatedOn')
  const employees = numberOf(form, 'profile.employees')
  const amount = textOf(form, 'profile.netAssets.value')
  const hasAddress = Object.values(address).some((line) => line !== null)
  const changed = LINES.some(([name]) => address[name] !== typed.address[name])
  const profile = {
    ...(incorporatedOn === typed.incorporatedOn ? {} : { incorporatedOn }),
    ...(employees === typed.employees ? {} : { employees }),
    ...(amount === typed.netAssets ? {} : { netAssets: amount === null ? null : { value: amount } }),
    ...(changed ? { registeredAddress: hasAddress ? address : null } : {}),
  }
  return Object.keys(profile).length > 0 ? { profile } : {}
}

/** The company number, and a search by name for those who do not know it. */
function CompanyNumber({ value }: { value: string | null | undefined }) {
  const place = useRef<HTMLDivElement>(null)
  const [query, setQuery] = useState('')
  const [{ data, error, fetching }] = useQuery({
    query: CompanySearchDocument,
    variables: { query },
    pause: query === '',
    requestPolicy: 'cache-first',
  })
  const inputs = () => place.current?.querySelectorAll('input')
  const found = data?.companySearch ?? []

  /** Searches when asked, not at each key: all users share the register's request limit. */
  function search() {
    setQuery(inputs()?.[1]?.value.trim() ?? '')
  }

  function choose(number: string) {
    const field = inputs()?.[0]
    if (!field) return
    field.value = number
    field.focus()
  }

  return (
    <div ref={place}>
      <TextField name="companyNumber" label="Company number" value={value} />
      <details>
        <summary>Find the company number by name</summary>
        <TextField name="search" label="Company name" type="search" />
        <Button onClick={search}>Search</Button>
        <div role="status">
          {fetching && <p>Searching …</p>}
          {error && <p>The search failed: {error.graphQLErrors[0]?.message ?? 'no answer'}</p>}
          {query && data && <p>{found.length === 0 ? 'No company found.' : 'Choose one:'}</p>}
        </div>
        <ul>
          {found.map((company) => (
            <li key={company.companyNumber}>
              <button type="button" onClick={() => choose(company.companyNumber)}>
                {company.companyNumber} {company.name}
              </button>{' '}
              <small>{[company.companyStatus, company.address].filter(Boolean).join(' · ')}</small>
            </li>
          ))}
        </ul>
      </details>
    </div>
  )
}
