/** The list of customers, with filters and pages. Both are in the address, so it can be shared. */
import { useQuery } from 'urql'
import { useMay } from '../app'
import {
  ClassNamesDocument,
  CustomersDocument,
  type CustomerFilter,
  type CustomerSort,
  type CustomersQuery,
  type EnrichmentStatus,
} from '../generated/graphql'
import { Form, SelectField, TextField, textOf } from '../parts/form'
import { Page, QueryState, Table } from '../parts/page'
import { StatusBadge } from '../parts/profile'
import { address, go, useRoute } from '../router'
import { words } from '../words'

const PAGE_SIZE = 20
const FILTERS = ['text', 'classId', 'status', 'consent', 'sort'] as const
const STATUSES: EnrichmentStatus[] = [
  'PENDING',
  'RETRYING',
  'SUCCEEDED',
  'PARTIAL',
  'NOT_FOUND',
  'NEEDS_COMPANY_NUMBER',
  'FAILED',
]
const SORTS: CustomerSort[] = ['NAME_ASC', 'NAME_DESC', 'CREATED_AT_DESC', 'ACCOUNT_NUMBER_ASC']
const SORT_NAMES = ['Name', 'Name, backwards', 'Newest first', 'Account number']

function filterOf(query: URLSearchParams): CustomerFilter {
  const [text, classId, status, consent] = FILTERS.map((name) => query.get(name))
  return {
    ...(text ? { text } : {}),
    ...(classId ? { classIds: [classId] } : {}),
    ...(status ? { enrichmentStatuses: [status as EnrichmentStatus] } : {}),
    ...(consent ? { isConsentGiven: consent === 'yes' } : {}),
  }
}

export function Customers() {
  const { query } = useRoute()
  const before = query.get('before')
  const page = before ? { last: PAGE_SIZE, before } : { first: PAGE_SIZE, after: query.get('after') }
  const sort = (query.get('sort') ?? 'NAME_ASC') as CustomerSort
  const [state] = useQuery({
    query: CustomersDocument,
    variables: { ...page, filter: filterOf(query), sort },
  })
  const kept = Object.fromEntries(FILTERS.map((name) => [name, query.get(name)]))
  const mayWrite = useMay('CUSTOMERS_WRITE')
  return (
    <Page title="Customers">
      {mayWrite && (
        <p>
          <a className="button" href="#/customers/new">
            Add a customer
          </a>
        </p>
      )}
      <Filters query={query} />
      {state.data?.customers ? (
        <Found found={state.data.customers} kept={kept} isStale={state.stale} />
      ) : (
        <QueryState state={state} what="customers" />
      )}
    </Page>
  )
}

function Filters({ query }: { query: URLSearchParams }) {
  const [{ data }] = useQuery({ query: ClassNamesDocument })
  const classes = data?.customerClasses?.nodes ?? []
  return (
    <Form
      // Made anew with each change of the address, and once the classes are there.
      key={`${query} ${classes.length}`}
      label="Filter customers"
      submit="Filter"
      onSubmit={(form) =>
        go('customers', Object.fromEntries(FILTERS.map((name) => [name, textOf(form, name)])))
      }
    >
      <div className="row">
        <TextField name="text" label="Text" type="search" value={query.get('text')} />
        <SelectField
          name="classId"
          label="Class"
          empty="All"
          value={query.get('classId')}
          options={classes.map((one) => [one.id, one.name])}
        />
        <SelectField
          name="status"
          label="Lookup"
          empty="All"
          value={query.get('status')}
          options={STATUSES.map((status) => [status, words(status)])}
        />
        <SelectField
          name="consent"
          label="Consent"
          empty="All"
          value={query.get('consent')}
          options={[
            ['yes', 'Given'],
            ['no', 'Not given'],
          ]}
        />
        <SelectField
          name="sort"
          label="Sort by"
          value={query.get('sort') ?? 'NAME_ASC'}
          options={SORTS.map((sort, index) => [sort, SORT_NAMES[index] ?? sort])}
        />
      </div>
    </Form>
  )
}

type Found = NonNullable<CustomersQuery['customers']>

function Found(props: { found: Found; kept: Record<string, string | null>; isStale: boolean }) {
  const { nodes, pageInfo, totalCount, isTotalCountExact } = props.found
  return (
    <>
      <p role="status">
        {totalCount.toLocaleString('en-GB')}
        {isTotalCountExact ? '' : ' or more'} found
      </p>
      <Table label="Customers" head={['Name', 'Account', 'Class', 'Lookup']} isBusy={props.isStale}>
        {nodes.map((customer) => (
          <tr key={customer.id}>
            <th scope="row">
              <a href={`#/customers/${customer.id}`}>{customer.name}</a>
            </th>
            <td>{customer.accountNumber}</td>
            <td>{customer.customerClass.name}</td>
            <td>
              <StatusBadge status={customer.enrichment.status} />
            </td>
          </tr>
        ))}
      </Table>
      <nav aria-label="Pages" className="actions">
        {pageInfo.hasPreviousPage && (
          <a className="button" rel="prev" href={address('customers', { ...props.kept, before: pageInfo.startCursor })}>
            Previous page
          </a>
        )}
        {pageInfo.hasNextPage && (
          <a className="button" rel="next" href={address('customers', { ...props.kept, after: pageInfo.endCursor })}>
            Next page
          </a>
        )}
      </nav>
    </>
  )
}
